"""`diffgauge plan`: how many organisms and epochs tell two arms apart."""

import math
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from diffgauge.cli.progress import progress_bars
from diffgauge.cli.runs import numbers
from diffgauge.records.printing import neutralised

if TYPE_CHECKING:
    from rich.progress import TaskID

    from diffgauge.stats.planning import Grid

__all__ = ["plan"]


@contextmanager
def _progress() -> "Iterator[Callable[[Grid, int, int], None]]":
    """Shows the simulations of one size with the remaining time, on stderr."""
    with progress_bars() as bars:
        shown: dict[Grid, TaskID] = {}

        def told(grid: "Grid", done: int, of: int) -> None:
            if grid not in shown:
                size = f"{grid.n_organisms} organisms × {grid.n_epochs} epochs"
                shown[grid] = bars.add_task(size, total=of)
            bars.update(shown[grid], completed=done)

        yield told


def plan(
    methods: Annotated[int, typer.Option(help="Methods that run beside blackbox.")],
    effect: Annotated[
        float, typer.Option(help="Uplift of one of them; 0 asks how often is called falsely.")
    ],
    scale: Annotated[
        str,
        typer.Option(help="Of what it is a difference: probability (of success), or logit."),
    ] = "probability",
    level: Annotated[
        float | None, typer.Option(help="Success probability of blackbox: .3, or the logs'.")
    ] = None,
    organism_spread: Annotated[
        float | None, typer.Option(help="Standard deviation of organisms in logits: 1, or logs'.")
    ] = None,
    slope_spread: Annotated[
        float | None, typer.Option(help="Of organism × arm in logits: .7, or the logs'.")
    ] = None,
    organisms: Annotated[str, typer.Option(help="Sizes to try.")] = "6,12,24,48",
    epochs: Annotated[str, typer.Option(help="Repeats to try.")] = "1,3",
    budget: Annotated[int, typer.Option(help="Model interactions of one investigation.")] = 50,
    call: Annotated[float, typer.Option(help="P(uplift > 0) above which it is called.")] = 0.95,
    power: Annotated[float, typer.Option(help="Share of grids that is to be called.")] = 0.8,
    logs: Annotated[
        list[str] | None, typer.Option(help="What was run: levels, spreads and costs from there.")
    ] = None,
    engine: Annotated[str, typer.Option(help="What fits the logs, as in report.")] = "auto",
    deep: Annotated[
        bool, typer.Option("--deep", help="400 grids a size with longer chains in place of 100.")
    ] = False,
    out: Annotated[Path, typer.Option("--out", help="Folder to write into.")] = Path(
        "reports/plan"
    ),
) -> None:
    """Draws grids from the model, fits them by it, and says how large one must be."""
    from diffgauge.records.folders import check_writable, write_files
    from diffgauge.stats.planning import DEEP, FAST, Assumed, checked_scale, powers
    from diffgauge.stats.planning_logs import seen
    from diffgauge.stats.planning_page import Plan, files, in_words, plan_table
    from diffgauge.stats.rendering import terminal_table

    check_writable(out, "The plan", "Name another folder with --out.")
    console = Console()
    known = Assumed(methods, 0.0)
    kept = checked_scale(scale)
    told = seen(logs, engine=engine) if logs else None
    usual = (known.level, known.organism, known.slope)
    fitted = (told.level, told.organism, told.slope) if told else usual
    asked = (level, organism_spread, slope_spread)
    # What was typed goes before what logs tell; a spread that they cannot tell is NaN.
    chosen = [
        next(one for one in values if one is not None and not math.isnan(one))
        for values in zip(asked, fitted, usual, strict=True)
    ]
    assumed = Assumed(methods, effect, kept, *chosen)
    sizes, repeats = set(numbers("organisms", organisms)), set(numbers("epochs", epochs))
    if told and told.n_organisms > 1:
        sizes.add(told.n_organisms)
        repeats.add(told.n_epochs)
    with _progress() as tell:
        found = powers(
            assumed,
            sorted(sizes),
            sorted(repeats),
            DEEP if deep else FAST,
            call=call,
            target=power,
            tell=tell,
        )
    made = Plan(assumed, tuple(found), call, power, budget, told)
    command = shlex.join(["diffgauge", *sys.argv[1:]])
    write_files(out, files(made, command), "The plan", "Name another folder with --out.")
    console.print(terminal_table(plan_table(made)))
    for sentence in in_words(made):
        console.print(neutralised(sentence), markup=False, highlight=False)
    console.print(f"plan: {out / 'plan.json'}, {out / 'power.svg'}")
