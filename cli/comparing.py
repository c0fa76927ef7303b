"""`diffgauge methods compare`: evaluations of several methods side by side."""

from pathlib import Path
from typing import Annotated

import typer

from diffgauge.cli.evaluating import OUT

__all__ = ["compare"]


def compare(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(help=f"Folders of evaluations, or of such folders; default: {OUT}."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to write; default: the first one named.")
    ] = None,
) -> None:
    """Sets what the artifacts of several methods show side by side: tables and a figure.

    Reads what `diffgauge methods evaluate` wrote; nothing is computed anew.
    """
    from diffgauge.stats.exposure_comparison_page import evaluated, write_comparison

    named = folders or [Path(OUT)]
    rows, commands = evaluated(named)
    for file in write_comparison(rows, commands, out or named[0]):
        typer.echo(str(file))
