"""`diffgauge report`: logs to a report that a person opens."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from diffgauge.records.printing import neutralised

__all__ = ["report"]


def report(
    logs: Annotated[list[str], typer.Argument(help="Log files or folders.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write into.")] = Path(
        "reports/report"
    ),
    engine: Annotated[
        str,
        typer.Option(
            "--engine",
            help="What fits the models behind the answers: auto (HiBayES where it is set up, else "
            "direct), direct, hibayes, or none.",
        ),
    ] = "auto",
    deep: Annotated[
        bool,
        typer.Option(
            "--deep",
            help="Also every budget and outcome, other priors, and each organism left out: slow.",
        ),
    ] = False,
) -> None:
    """Sums up `.eval` logs in answers, tables, figures and a page."""
    from diffgauge.stats.report import write_report

    console = Console()
    chosen = None if engine == "none" else engine
    summary = write_report(logs, out, engine=chosen, deep=deep, say=console.print)
    for table in summary.tables:
        console.print(table)
    for sentence in summary.answers:
        console.print(neutralised(sentence), markup=False, highlight=False)
    console.print(f"report: {summary.page}")
