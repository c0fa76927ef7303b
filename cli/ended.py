"""What a command that goes over several organisms prints at its end."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from diffgauge.records.printing import neutralised

if TYPE_CHECKING:
    from diffgauge.evals.collecting import Collected
    from diffgauge.evals.computing import Computed

__all__ = ["print_ended"]


def print_ended(ended: "Sequence[Collected | Computed]", table: Table) -> None:
    """Prints a table of what ended, and below it why what failed did."""
    console = Console()
    console.print(table)
    for one in ended:
        if one.reason is not None:
            text = neutralised(f"{one.organism}: {one.reason}")
            console.print(text, markup=False, highlight=False, soft_wrap=True)
