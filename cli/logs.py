"""`diffgauge report`: logs to a report that a person opens."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

__all__ = ["report"]


def report(
    logs: Annotated[list[str], typer.Argument(help="Log files or folders.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write into.")] = Path(
        "reports/report"
    ),
) -> None:
    """Sums up `.eval` logs in tables, a figure and a page."""
    from diffgauge.stats.report import write_report

    summary = write_report(logs, out)
    console = Console()
    for table in summary.tables:
        console.print(table)
    console.print(f"report: {summary.page}")
