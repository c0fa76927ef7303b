"""`diffgauge graders …`: how far a grader can be trusted."""

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from diffgauge.cli.roles import graders_named
from diffgauge.records.folders import check_writable

__all__ = ["app"]

app = typer.Typer(help="The graders and their validation.", no_args_is_help=True)

_LEXICAL = "grader=diffgauge/lexical"


@app.command()
def validate(
    model_role: Annotated[
        list[str] | None,
        typer.Option(help=f"grader=provider/model; repeatable. Default: {_LEXICAL}."),
    ] = None,
    split: Annotated[str, typer.Option(help="dev, test or all.")] = "test",
    human: Annotated[
        Path | None,
        typer.Option(help="Grades that humans gave: JSON records with id and value."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder to write.")] = Path(
        "reports/validation"
    ),
    log_dir: Annotated[Path, typer.Option(help="Where Inspect's log lands.")] = Path(
        "logs/validation"
    ),
    display: Annotated[str, typer.Option(help="Inspect's display.")] = "none",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Has a grader grade reports whose grades follow from how they were made."""
    from diffgauge.evals.surroundings import checked_display
    from diffgauge.graders.validation.running import validated
    from diffgauge.stats.rendering import terminal_table
    from diffgauge.stats.validation_page import validation_data, validation_shown, write_validation

    given = model_role or [_LEXICAL]
    graders = graders_named(given)
    shown = checked_display(display)
    # Before a grader is paid, not after it.
    check_writable(out, "The validation's files", "Name another folder with --out.")
    check_writable(log_dir, "Logs", "Name another folder with --log-dir.")
    found = validated(
        graders,
        split=split,
        human=None if human is None else str(human),
        log_dir=str(log_dir),
        display="none" if as_json else shown or "none",
    )
    command = _command(given, split, human)
    page, _ = write_validation(found.rows, found.about, command, out)
    if as_json:
        data = validation_data(found.rows, found.about, command)
        typer.echo(json.dumps(data, indent=2, allow_nan=False))
        return
    console = Console()
    for table in validation_shown(found.rows):
        console.print(terminal_table(table))
    console.print(f"validation: {page}", markup=False)


@app.command()
def build(
    out: Annotated[Path, typer.Option("--out", help="File to write.")] = Path("validation.jsonl"),
    seed: Annotated[int | None, typer.Option(help="Default: that of the packaged set.")] = None,
) -> None:
    """Makes the validation set; with the default seed the packaged file comes out again."""
    from diffgauge.graders.validation.build import SEED, built
    from diffgauge.graders.validation.examples import as_lines
    from diffgauge.records.errors import DiffgaugeError

    advice = "Name another file with --out."
    check_writable(out.parent, "The set", advice)
    made = built(SEED if seed is None else seed)
    try:
        out.write_bytes(as_lines(made))
    except OSError as error:
        raise DiffgaugeError(
            f"The set cannot be written to {out}: {error.strerror or error}.",
            advice=advice,
        ) from error
    typer.echo(f"{len(made)} reports: {out}")


def _command(roles: list[str], split: str, human: Path | None) -> str:
    parts = ["diffgauge", "graders", "validate"]
    for role in roles:
        parts += ["--model-role", role]
    parts += ["--split", split]
    if human is not None:
        parts += ["--human", str(human)]
    return shlex.join(parts)
