"""Progress of a command, on stderr."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from rich.progress import Progress

    from diffgauge.evals.computing import Step

__all__ = ["progress_bars", "shown_progress"]


def progress_bars() -> "Progress":
    """Returns bars with counts, elapsed and remaining time; descriptions are no markup."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


@contextmanager
def shown_progress() -> "Iterator[Callable[[Step], None]]":
    """Shows organisms with the remaining time, and below them what is being done with one.

    Yields:
        What is to be told of every step.
    """
    with progress_bars() as bars:
        whole = bars.add_task("organisms", total=None)
        step = bars.add_task("", total=None, visible=False)
        doing: tuple[str, str] | None = None

        def told(at: "Step") -> None:
            nonlocal doing
            bars.update(whole, completed=at.at, total=at.of, description=at.organism)
            if (at.organism, at.doing) != doing:
                # Another activity has a speed of its own.
                bars.reset(step, total=at.units or None)
                doing = (at.organism, at.doing)
            bars.update(
                step,
                description=at.doing,
                completed=at.done,
                total=at.units or None,
                visible=bool(at.doing),
            )

        yield told
        bars.update(step, visible=False)
