"""`diffgauge report` and `diffgauge rows`: logs to a report, and to a table of rows."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from diffgauge.records.printing import neutralised

__all__ = ["report", "rows"]

_LOGS = (
    "Log files, folders, or addresses such as s3://bucket/folder. What several of them have in "
    "common is compared pair by pair; NAME=PATH gives one a name."
)

_COLUMN_WIDTH = 12
"""Characters of a terminal that a column needs to be read."""


def report(
    logs: Annotated[list[str], typer.Argument(help=_LOGS)],
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
        if console.width >= _COLUMN_WIDTH * len(table.columns):
            console.print(table)
        else:
            console.print(f"{table.title}: too wide for this terminal; it stands in the report.")
    for sentence in summary.answers:
        console.print(neutralised(sentence), markup=False, highlight=False)
    console.print(f"report: {summary.page}")


def rows(
    logs: Annotated[
        list[str],
        typer.Argument(help="Log files, folders, or addresses such as s3://bucket/folder."),
    ],
    out: Annotated[Path, typer.Option("--out", help="The file: *.parquet or *.csv.")] = Path(
        "rows.parquet"
    ),
) -> None:
    """Writes `.eval` logs as one typed table: a row for each sample, epoch, grader and repeat."""
    from diffgauge.stats.logs import read_logs
    from diffgauge.stats.row_files import check_form, write_rows
    from diffgauge.stats.rows import rows_of

    check_form(out)
    console = Console()
    read = read_logs(logs)
    held = rows_of(read)
    write_rows(held, out)
    for note in read.notes:
        console.print(neutralised(note), markup=False, highlight=False)
    console.print(f"rows: {out} ({len(held):,} of {len(read.samples):,} samples)", markup=False)
