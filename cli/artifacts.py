"""`diffgauge artifacts …`: what methods computed, and how it gets to another machine."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.printing import neutralised

if TYPE_CHECKING:
    from diffgauge.methods.inventory import Entry

__all__ = ["app"]

app = typer.Typer(
    help="What methods computed: list, show, export, import, remove.", no_args_is_help=True
)

_SHORT: Final = 8
"""Digits of a hash in a table."""

_FIGURES: Final = (".png", ".svg", ".pdf")
_HEADINGS: Final = (
    "key",
    "method",
    "base",
    "finetuned",
    "dtype",
    "settings",
    "corpus",
    "seed",
    "size",
    "written",
)
Keys = Annotated[list[str], typer.Argument(help="Keys, or their first digits.", show_default=False)]


@app.command("list")
def list_(
    method: Annotated[str | None, typer.Option(help="Those of one method alone.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Lists the artifacts there are, the latest first.

    An artifact knows its pair by hashes of the weights, not by an organism's id: one pair may have
    several. Equal hashes are equal weights, equal settings equal computations.
    """
    from diffgauge.methods import registry
    from diffgauge.methods.artifacts import ArtifactStore
    from diffgauge.methods.inventory import inventory, unfinished
    from diffgauge.organisms.memory import shown_size
    from diffgauge.records.errors import unknown_name

    store = ArtifactStore()
    found = inventory(store, method)
    if method is not None and not found and method not in registry.names():
        raise unknown_name("method", method, registry.names())
    if as_json:
        typer.echo(json.dumps([_described(one) for one in found], indent=2))
        return
    if found:
        _print_table(found)
    total = sum(one.n_bytes for one in found)
    typer.echo(f"{len(found)} artifacts, {shown_size(total)}, in {store.root}")
    left = unfinished(store)
    if left and method is None:
        held = shown_size(sum(one.n_bytes for one in left))
        typer.echo(f"{len(left)} unfinished, {held}: the same command goes on with them")


@app.command("show")
def show(
    key: Annotated[str, typer.Argument(help="A key, or its first digits.")],
) -> None:
    """Shows what went into an artifact, and verifies every byte of it."""
    from diffgauge.methods.artifacts import ArtifactStore
    from diffgauge.methods.inventory import inventory, key_named

    store = ArtifactStore()
    entries = inventory(store)
    key = key_named(store, key, entries)
    header = store.verified(key)
    entry = next(one for one in entries if one.key == key)
    shown = {"key": key, "bytes": entry.n_bytes, "folder": str(store.path(key))}
    typer.echo(json.dumps(shown | header.model_dump(mode="json"), indent=2))


@app.command("curve")
def curve(
    key: Annotated[str, typer.Argument(help="A key, or its first digits.")],
    out: Annotated[Path, typer.Option("--out", help="The figure: a .png, .svg or .pdf.")],
) -> None:
    """Draws how the training of a dictionary went, step by step."""
    from diffgauge.methods.artifacts import ArtifactStore
    from diffgauge.methods.inventory import inventory, key_named
    from diffgauge.records.folders import write_files
    from diffgauge.stats.training_figure import training_drawn

    if out.suffix not in _FIGURES:
        raise DiffgaugeError(
            f"{out.name} does not say what kind of figure it is.", allowed=", ".join(_FIGURES)
        )
    store = ArtifactStore()
    artifact = store.load(key_named(store, key, inventory(store)))
    rows = artifact.tables.get("curve")
    if not rows:
        raise DiffgaugeError(
            f"No dictionary was trained for this artifact of {artifact.header.inputs.method}.",
            advice="sae_difference and crosscoder train one, unless the models do not differ or "
            "`dictionary` names a published one.",
        )
    figure = training_drawn(rows)
    content = dict(zip(_FIGURES, (figure.png, figure.svg.encode(), figure.pdf), strict=True))
    write_files(out.parent, {out.name: content[out.suffix]}, "The figure", "Give another --out.")
    typer.echo(f"wrote {out}")


@app.command("export")
def export(
    to: Annotated[Path, typer.Option("--to", help="The archive, a .tar.")],
    keys: Annotated[
        list[str] | None, typer.Argument(help="Keys, or their first digits.", show_default=False)
    ] = None,
    method: Annotated[str | None, typer.Option(help="All artifacts of a method.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All artifacts there are.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an archive.")] = False,
) -> None:
    """Writes artifacts into one file, to be imported on another machine."""
    from diffgauge.methods.archives import export_artifacts
    from diffgauge.methods.artifacts import ArtifactStore
    from diffgauge.methods.inventory import inventory, key_named
    from diffgauge.organisms.memory import shown_size

    if sum((bool(keys), method is not None, every)) != 1:
        raise DiffgaugeError(
            "Which artifacts are to be exported is not said, or said twice.",
            allowed="keys, --method NAME, or --all",
        )
    store = ArtifactStore()
    entries = inventory(store)
    if keys:
        chosen = [key_named(store, key, entries) for key in keys]
    else:
        chosen = [
            one.key
            for one in entries
            if one.header is not None and (every or one.header.inputs.method == method)
        ]
    if not chosen:
        raise DiffgaugeError(f"There is no such artifact in {store.root}.")
    size = export_artifacts(store, chosen, to, force=force)
    typer.echo(f"exported {len(set(chosen))} artifacts, {shown_size(size)}: {to}")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="Written by export.")],
) -> None:
    """Takes the artifacts of an archive in: all of them, verified, or none."""
    from diffgauge.methods.archives import import_artifacts
    from diffgauge.methods.artifacts import ArtifactStore

    store = ArtifactStore()
    for one in import_artifacts(store, file):
        typer.echo(f"{one.key}  {one.state}")


@app.command("remove")
def remove(keys: Keys) -> None:
    """Removes artifacts; a task that needs one computes it again."""
    from diffgauge.methods.artifacts import ArtifactStore
    from diffgauge.methods.inventory import inventory, key_named

    store = ArtifactStore()
    entries = inventory(store)
    # All are looked up before the first is gone.
    for key in [key_named(store, key, entries) for key in keys]:
        store.remove(key)
        typer.echo(f"removed {key}")


def _described(one: "Entry") -> dict[str, Any]:
    held: dict[str, Any] = {
        "key": one.key,
        "bytes": one.n_bytes,
        "written": _date(one.written),
        "broken": one.broken,
    }
    return held if one.header is None else held | one.header.model_dump(mode="json")


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def _print_table(found: "list[Entry]") -> None:
    """Prints columns as wide as their longest value: a key that is cut is of no use."""
    rows = [_HEADINGS, *(_row(one) for one in found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, tuple("─" * width for width in widths))
    for row in rows:
        cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def _row(one: "Entry") -> tuple[str, ...]:
    from diffgauge.organisms.memory import shown_size
    from diffgauge.records.artifacts import hash_json

    size, date = shown_size(one.n_bytes), _date(one.written)
    if one.header is None:
        return (one.key, "broken", *["–"] * 6, size, date)
    inputs = one.header.inputs
    corpora = [f"{name} {n:,}" for name, n in one.header.n_texts.items()]
    return (
        one.key,
        neutralised(f"{inputs.method} v{inputs.method_version}"),
        inputs.pair.base[:_SHORT],
        inputs.pair.finetuned[:_SHORT],
        neutralised(inputs.pair.dtype),
        hash_json(inputs.settings)[:_SHORT],
        neutralised(", ".join(corpora)) or "–",
        str(inputs.seed),
        size,
        date,
    )
