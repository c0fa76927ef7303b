"""`diffgauge methods compute`: a method's artifacts, made before anybody investigates."""

import json
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.table import Table

from diffgauge.cli.ended import print_ended
from diffgauge.cli.progress import shown_progress

if TYPE_CHECKING:
    from diffgauge.evals.computing import Computed

__all__ = ["compute"]

_INTERRUPTED: Final = 130
"""Exit status of a command that was stopped by Ctrl-C, as shells have it."""


def compute(
    method: Annotated[str, typer.Argument(help="A method, as `diffgauge methods list` names it.")],
    organism: Annotated[
        str, typer.Option(help="Ids, families or suites, separated by commas.")
    ] = "zoo",
    corpus: Annotated[str, typer.Option(help="unrelated, chat or domain.")] = "unrelated",
    n_texts: Annotated[int | None, typer.Option(help="Texts read; default: the method's.")] = None,
    texts: Annotated[
        list[str] | None,
        typer.Option(help="A file, or hub:owner/name, for the corpus; chat=… for another one."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting, e.g. layers=0.25,0.5,0.75; repeatable."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seeds what is drawn.")] = 0,
    dtype: Annotated[str, typer.Option(help="Compute dtype of the pairs.")] = "float32",
    device: Annotated[str, typer.Option(help="Torch device of the pairs.")] = "auto",
    allow_suspect: Annotated[
        bool, typer.Option("--allow-suspect", help="Take pairs whose preflight says SUSPECT.")
    ] = False,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run code that comes with a model.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Compute again what is there already.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Computes a method's artifacts; a task with the same arguments finds them.

    One pair is in memory at a time. What is there is left as it is, what was cut off goes on from
    its last checkpoint. Exits with 1 when an artifact could not be made.
    """
    from diffgauge.evals.cells import cell
    from diffgauge.evals.computing import computed
    from diffgauge.evals.readiness import check_cell

    asked = cell(
        organism=organism.split(","),
        agent="method",
        method=method,
        seed=seed,
        corpus=corpus,
        n_texts=n_texts,
        texts=texts or None,
        set=set_,
        dtype=dtype,
        device=device,
        graded=False,
        allow_suspect=allow_suspect,
        trust_remote_code=trust_remote_code,
    )
    check_cell(asked)
    ended: list[Computed] = []
    try:
        with shown_progress() as told:
            for one in computed(asked, told, anew=force):
                ended.append(one)
    except KeyboardInterrupt:
        _print(ended, as_json)
        typer.echo(
            f"Stopped: {len(ended)} of {len(asked.organisms)} are done. The same command goes on "
            "where this one was.",
            err=True,
        )
        raise typer.Exit(_INTERRUPTED) from None
    _print(ended, as_json)
    if any(one.state == "failed" for one in ended):
        raise typer.Exit(1)


def _print(ended: "list[Computed]", as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([one.model_dump(mode="json") for one in ended], indent=2))
        return
    from diffgauge.organisms.memory import shown_size

    table = Table("organism", "artifact", "key", "seconds", "size")
    for one in ended:
        table.add_row(
            one.organism,
            one.state,
            one.key or "–",
            "–" if one.seconds is None else f"{one.seconds:.1f}",
            "–" if one.n_bytes is None else shown_size(one.n_bytes),
        )
    print_ended(ended, table)
