"""`diffgauge organisms …`: list, show, check and build."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from diffgauge.organisms import registry
from diffgauge.records.checks import FIGURES, Checked
from diffgauge.records.errors import unknown_name
from diffgauge.records.printing import neutralised

__all__ = ["app"]

app = typer.Typer(
    help="The organisms: pairs with a known difference, and nulls.", no_args_is_help=True
)

_ZOO = "zoo"
_WIDEST = 400


@app.command("list")
def list_(
    which: Annotated[str, typer.Argument(help="An id, a family or a suite.")] = "all",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Lists the organisms there are."""
    cards = list(registry.cards().values()) if which == "all" else registry.select(which)
    if as_json:
        typer.echo(json.dumps([card.model_dump(mode="json") for card in cards], indent=2))
        return
    table = Table("id", "family", "null", "dose", "split", "pair")
    for card in cards:
        table.add_row(card.id, card.family, card.null or "–", card.dose, card.split, card.pair.kind)
    Console().print(table)


@app.command()
def show(
    organism: Annotated[str, typer.Argument(help="An organism's id.")],
) -> None:
    """Shows the public part of one card; the truth is for graders alone."""
    typer.echo(json.dumps(registry.card(organism).model_dump(mode="json"), indent=2))


@app.command()
def check(
    which: Annotated[str, typer.Argument(help="An id, a family or a suite.")] = _ZOO,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Checks that pairs are what their cards claim; exits with 1 when one is not."""
    from diffgauge.organisms.checking import check_organism

    cards = registry.select(which)
    if as_json:
        checked = [check_organism(card) for card in cards]
        typer.echo(json.dumps([one.model_dump(mode="json") for one in checked], indent=2))
    else:
        checked = []
        for card in track(cards, description="checking", console=Console(stderr=True)):
            checked.append(check_organism(card))
        _print_checks(checked)
    if any(one.verdict == "INVALID" for one in checked):
        raise typer.Exit(1)


def _print_checks(checked: list[Checked]) -> None:
    table = Table("id", "verdict", *FIGURES, caption="\n".join(_legend()), caption_justify="left")
    for one in checked:
        figures = [f"{one.figures[name]:.2f}" if name in one.figures else "–" for name in FIGURES]
        table.add_row(one.id, one.verdict, *figures)
    console = Console()
    # A table squeezed below its own width is unreadable: longer lines are the lesser evil.
    needed = Console(width=_WIDEST).measure(table).maximum
    (console if console.width >= needed else Console(width=needed)).print(table)
    for one in checked:
        for reason in one.reasons:
            console.print(f"{one.id}: {neutralised(reason)}", markup=False)


def _legend() -> list[str]:
    return [f"{name}: {meaning}" for name, meaning in FIGURES.items()]


@app.command()
def build(
    suite: Annotated[str, typer.Argument(help="The suite to build: zoo.")],
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="Build these alone (names, or 'base'); repeatable."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the weights; default: the package's.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Rebuild what is there.")] = False,
) -> None:
    """Rebuilds the zoo's weights from their recipes; a build that was cut off is continued."""
    if suite != _ZOO:
        raise unknown_name("suite", suite, [_ZOO])
    from diffgauge.organisms.zoo.build import BASE, WEIGHTS
    from diffgauge.organisms.zoo.build import build as build_zoo
    from diffgauge.organisms.zoo.recipes import RECIPES

    names = [name.removeprefix(f"{_ZOO}/") for name in only or []]
    for name in names:
        if name != BASE and name not in RECIPES:
            raise unknown_name("organism of the zoo", name, [BASE, *RECIPES])
    build_zoo(names or None, out or WEIGHTS, typer.echo, force)
