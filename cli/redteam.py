"""`diffgauge redteam`: how far injected text moves a grader and an investigator."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from diffgauge.records.errors import DiffgaugeError, unknown_name
from diffgauge.records.folders import check_writable

if TYPE_CHECKING:
    from diffgauge.evals.redteam.flips import FlipSpec
    from diffgauge.records.injections import FlipRow, InflationRow

__all__ = ["redteam"]

_PARTS = ("both", "graders", "investigator")


def redteam(
    model: Annotated[
        str, typer.Option(help="The investigator, as Inspect names models.")
    ] = "diffgauge/scripted",
    grader: Annotated[
        list[str] | None,
        typer.Option(help="A grader, as Inspect names models; repeatable. Default: lexical."),
    ] = None,
    only: Annotated[str, typer.Option(help="both, graders or investigator.")] = "both",
    organisms: Annotated[
        str | None, typer.Option(help="Ids, families or suites to investigate; default: a few.")
    ] = None,
    pleas: Annotated[str | None, typer.Option(help="Kinds of pleas; default: all.")] = None,
    reports: Annotated[int, typer.Option(help="Reports for each attack and aim.")] = 6,
    epochs: Annotated[int, typer.Option(help="Repeats of each investigation.")] = 1,
    budget: Annotated[int, typer.Option(help="Model interactions of one investigation.")] = 50,
    seed: Annotated[int, typer.Option(help="Seeds names and sampling.")] = 0,
    device: Annotated[str, typer.Option(help="Torch device of the pairs.")] = "auto",
    out: Annotated[Path, typer.Option("--out", help="Folder to write.")] = Path("reports/redteam"),
    log_dir: Annotated[Path, typer.Option(help="Where Inspect's logs land.")] = Path(
        "logs/redteam"
    ),
    display: Annotated[str, typer.Option(help="Inspect's display.")] = "none",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Puts attacks into reports and pleas into replies, and says what they moved.

    Each attacked report is compared with its clean twin, each investigation with the same one
    without the plea.
    """
    from diffgauge.evals.redteam.flips import FlipSpec, check_flips, flips
    from diffgauge.evals.surroundings import checked_display, model_named
    from diffgauge.graders.inflation import check_trials, inflated
    from diffgauge.stats.redteam_page import redteam_data, redteam_shown, write_redteam
    from diffgauge.stats.rendering import terminal_table

    if only not in _PARTS:
        raise unknown_name("part", only, _PARTS)
    graders = list(dict.fromkeys(grader or ["diffgauge/lexical"]))
    spec = _spec(FlipSpec, organisms, pleas, epochs, budget, seed, device)
    shown = "none" if as_json else checked_display(display) or "none"
    # Everything is checked before anything is spent.
    check_trials(reports)
    grading = [model_named(name) for name in graders] if only != "investigator" else []
    investigating = model_named(model) if only != "graders" else None
    if investigating is not None:
        check_flips(spec)
    check_writable(out, "The scorecard's files", "Name another folder with --out.")
    check_writable(log_dir, "Logs", "Name another folder with --log-dir.")
    inflation: tuple[InflationRow, ...] = ()
    flipped: tuple[FlipRow, ...] = ()
    about: dict[str, Any] = {}
    if grading:
        graded = inflated(grading, n_reports=reports, log_dir=str(log_dir), display=shown)
        inflation, about["inflation"] = graded.rows, graded.about
    if investigating is not None:
        run = flips(spec, investigating, log_dir=str(log_dir), display=shown)
        flipped, about["flips"] = run.rows, run.about
    command = _command(only, model, graders, reports, spec)
    page, _ = write_redteam(inflation, flipped, about, command, out)
    if as_json:
        data = redteam_data(inflation, flipped, about, command)
        typer.echo(json.dumps(data, indent=2, allow_nan=False))
        return
    console = Console()
    for table in redteam_shown(inflation, flipped):
        console.print(terminal_table(table))
    console.print(f"redteam: {page}", markup=False)


def _spec(
    made: "type[FlipSpec]",
    organisms: str | None,
    pleas: str | None,
    epochs: int,
    budget: int,
    seed: int,
    device: str,
) -> "FlipSpec":
    given: dict[str, Any] = {"epochs": epochs, "budget": budget, "seed": seed, "device": device}
    for name, text in (("organisms", organisms), ("pleas", pleas)):
        if text is not None:
            given[name] = tuple(part.strip() for part in text.split(",") if part.strip())
            if not given[name]:
                raise DiffgaugeError(f"--{name} names nothing.")
    return made(**given)


def _command(only: str, model: str, graders: list[str], reports: int, spec: "FlipSpec") -> str:
    """Returns the command that does it again; what has no part in it is left out."""
    parts = ["diffgauge", "redteam"]
    if only != "both":
        parts += ["--only", only]
    if only != "investigator":
        for name in graders:
            parts += ["--grader", name]
        parts += ["--reports", str(reports)]
    if only != "graders":
        parts += ["--model", model]
        given = spec.model_dump()
        for name in ("organisms", "pleas", "epochs", "budget", "seed", "device"):
            if given[name] != type(spec).model_fields[name].default:
                value = given[name]
                parts += [f"--{name}", ",".join(value) if isinstance(value, tuple) else str(value)]
    return shlex.join(parts)
