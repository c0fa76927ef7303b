"""`diffgauge compare-transcripts`: two arms' transcripts of one organism, side by side."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["compare_transcripts"]


def compare_transcripts(
    first: Annotated[str, typer.Argument(help="A log file, or a folder that holds one sample.")],
    second: Annotated[str, typer.Argument(help="Another one, usually of another arm.")],
    organism: Annotated[str, typer.Option(help="Id of the organism.")],
    epoch: Annotated[int, typer.Option(help="Which repeat.")] = 1,
    out: Annotated[Path, typer.Option("--out", help="The page to write.")] = Path(
        "reports/transcripts.html"
    ),
) -> None:
    """Lays two transcripts of one organism side by side: turns, results, reports, grades."""
    from diffgauge.stats.transcripts_page import compare_transcripts as write

    typer.echo(f"page: {write((first, second), organism, epoch, out)}")
