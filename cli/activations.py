"""`diffgauge activations …`: both models' activations on disk, for the methods that read them."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from diffgauge.cli.ended import print_ended
from diffgauge.cli.progress import shown_progress
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.printing import neutralised

if TYPE_CHECKING:
    from diffgauge.evals.collecting import Collected

__all__ = ["app"]

app = typer.Typer(
    help="Both models' activations on disk: collect, show, remove.", no_args_is_help=True
)


@app.command("collect")
def collect(
    organism: Annotated[
        str, typer.Option(help="Ids, families or suites, separated by commas.")
    ] = "zoo",
    corpus: Annotated[str, typer.Option(help="unrelated, chat or domain.")] = "unrelated",
    n_texts: Annotated[int, typer.Option(help="Texts read.")] = 1000,
    texts: Annotated[
        str | None, typer.Option(help="A file, or hub:owner/name, for the corpus.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="A setting, e.g. layers=0.25,0.5 or held=difference; repeatable."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seeds the zoo's texts.")] = 0,
    dtype: Annotated[str, typer.Option(help="Compute dtype of the pairs.")] = "float32",
    device: Annotated[str, typer.Option(help="Torch device of the pairs.")] = "auto",
    allow_suspect: Annotated[
        bool, typer.Option("--allow-suspect", help="Take pairs whose preflight says SUSPECT.")
    ] = False,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run code that comes with a model.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Collects activations; a method with the same settings and store=disk reads them.

    Says what it will take before it reads, and refuses when the disk lacks that. What is there is
    left as it is, what was cut off goes on. Exits with 1 when something could not be collected.
    """
    from diffgauge.evals.cells import cell
    from diffgauge.evals.collecting import collected
    from diffgauge.methods.activations.settings import CollectSettings
    from diffgauge.methods.choices import chosen

    values = chosen("activations", CollectSettings, set_) | {"corpus": corpus, "n_texts": n_texts}
    settings = CollectSettings.model_validate(values)
    asked = cell(
        organism=organism.split(","),
        seed=seed,
        dtype=dtype,
        device=device,
        graded=False,
        allow_suspect=allow_suspect,
        trust_remote_code=trust_remote_code,
    )
    with shown_progress() as told:
        ended = list(collected(asked, settings, texts, told, _say))
    _print(ended, as_json)
    if any(one.state == "failed" for one in ended):
        raise typer.Exit(1)


@app.command("show")
def show(
    key: Annotated[
        str | None, typer.Argument(help="A key, or its first digits; none lists all.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Lists what is collected, or shows what went into one store; sizes of files are verified."""
    from diffgauge.methods.activations.folder import StoreFolder
    from diffgauge.methods.activations.store import ActivationStore
    from diffgauge.organisms.memory import shown_size

    folder = StoreFolder()
    if key is not None:
        store = ActivationStore(folder.path(folder.key_named(key)))
        shown: dict[str, Any] = {"bytes": store.n_bytes, "folder": str(store.folder)}
        typer.echo(json.dumps(shown | store.header.model_dump(mode="json"), indent=2))
        return
    rows = [_row(key, found) for key, found in folder.stores()]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        typer.echo("  ".join(neutralised(str(value)) for value in row.values()))
    typer.echo(f"{len(rows)} stores in {folder.root}")
    for name, n_bytes in folder.unfinished().items():
        typer.echo(f"{name}: unfinished, {shown_size(n_bytes)}: the same command goes on with it")


@app.command("remove")
def remove(
    keys: Annotated[
        list[str], typer.Argument(help="Keys, or their first digits.", show_default=False)
    ],
) -> None:
    """Removes stores; a method that needs one collects it again."""
    from diffgauge.methods.activations.folder import StoreFolder

    folder = StoreFolder()
    # All are looked up before the first is gone.
    for key in [folder.key_named(key) for key in keys]:
        folder.remove(key)
        typer.echo(f"removed {key}")


def _say(text: str) -> None:
    typer.echo(neutralised(text), err=True)


def _row(key: str, found: Any) -> dict[str, Any]:
    if isinstance(found, DiffgaugeError):
        return {"key": key, "broken": found.what}
    header = found.header
    corpora = " ".join(header.inputs.corpora)
    return {
        "key": key,
        "layer": header.layer,
        "held": header.held,
        "corpus": corpora,
        "train_tokens": header.parts["train"].n_tokens,
        "validation_tokens": header.parts["validation"].n_tokens,
        "bytes": found.n_bytes,
        "base": header.inputs.pair.base[:8],
        "finetuned": header.inputs.pair.finetuned[:8],
    }


def _print(ended: "list[Collected]", as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([one.model_dump(mode="json") for one in ended], indent=2))
        return
    table = Table("organism", "layer", "store", "key", "tokens", "bytes")
    for one in ended:
        values = (one.layer, one.state, one.key, one.n_tokens, one.n_bytes)
        table.add_row(one.organism, *("–" if value is None else str(value) for value in values))
    print_ended(ended, table)
