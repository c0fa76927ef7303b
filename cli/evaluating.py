"""`diffgauge methods evaluate`: what a method's artifacts show of the truth, without an agent."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diffgauge.cli.progress import shown_progress
from diffgauge.records.folders import check_writable
from diffgauge.records.printing import neutralised

if TYPE_CHECKING:
    from diffgauge.evals.exposing import ExposureSpec

__all__ = ["OUT", "evaluate"]

OUT = "reports/exposure"
"""Where evaluations are written, a folder for each method."""


def evaluate(
    method: Annotated[str, typer.Argument(help="A method, as `diffgauge methods list` names it.")],
    organism: Annotated[
        str, typer.Option(help="Ids, families or suites, separated by commas.")
    ] = "zoo",
    corpus: Annotated[str, typer.Option(help="unrelated, chat or domain.")] = "unrelated",
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="A setting, name=value; repeatable.")
    ] = None,
    n_texts: Annotated[int | None, typer.Option(help="Texts read; default: the method's.")] = None,
    texts: Annotated[str | None, typer.Option(help="File or Hub dataset for the corpus.")] = None,
    seed: Annotated[int, typer.Option(help="Seeds artifacts and references.")] = 0,
    grader: Annotated[
        str | None,
        typer.Option(help="Model that judges top tokens, as Inspect names it; default: lexicons."),
    ] = None,
    dtype: Annotated[str, typer.Option(help="Compute dtype of the pairs.")] = "float32",
    device: Annotated[str, typer.Option(help="Torch device of the pairs.")] = "auto",
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run code that comes with a model.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help=f"Folder to write; default: {OUT}/METHOD.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Evaluates a method's artifacts by the truth: tables, a figure, and rows; no agent runs.

    Artifacts that are missing are computed first; a command that was cut off goes on there.
    """
    from diffgauge.evals.exposing import ExposureSpec, check_exposure, exposed
    from diffgauge.stats.exposure_page import as_json as made_json
    from diffgauge.stats.exposure_page import write_exposure

    spec = ExposureSpec(
        method=method,
        organism=organism,
        corpus=corpus,
        n_texts=n_texts,
        texts=texts,
        settings=tuple(set_ or ()),
        seed=seed,
        grader=grader,
        dtype=dtype,
        device=device,
        trust_remote_code=trust_remote_code,
    )
    folder = out or Path(OUT) / method
    # Before hours of computing, not after them; a wrong argument is told before a folder is made.
    check_exposure(spec)
    check_writable(folder, "The evaluation's files", "Name another folder with --out.")
    with shown_progress() as told:
        found = exposed(spec, told)
    command = _command(spec)
    page = write_exposure(found.rows, found.about, found.notes, command, folder)
    if as_json:
        data = made_json(found.rows, found.about, found.notes, command)
        typer.echo(json.dumps(data, indent=2, allow_nan=False))
        return
    for line in (*page.lines, "", *found.notes, page.evidence):
        typer.echo(neutralised(line))
    typer.echo(f"exposure: {folder}")


def _command(spec: "ExposureSpec") -> str:
    """Returns the command that does it again; options with their defaults are left out."""
    given = spec.model_dump()
    parts = ["diffgauge", "methods", "evaluate", given.pop("method")]
    settings = given.pop("settings")
    for name, value in given.items():
        if name != "organism" and value == type(spec).model_fields[name].default:
            continue
        option = f"--{name.replace('_', '-')}"
        parts += [option] if value is True else [option, str(value)]
    for text in settings:
        parts += ["--set", text]
    return shlex.join(parts)
