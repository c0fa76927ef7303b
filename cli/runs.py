"""`diffgauge run` and `diffgauge demo`: grids of investigations."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.printing import neutralised

if TYPE_CHECKING:
    from diffgauge.evals.grid import GridSpec, GridSummary

__all__ = ["demo", "numbers", "run"]

_OFFLINE_MODEL = "diffgauge/scripted"
_OFFLINE_GRADER = "diffgauge/lexical"


def run(
    context: typer.Context,
    model: Annotated[
        str | None, typer.Option(help="The investigator, as Inspect names models.")
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="A grid by name ('diffgauge presets'); options given go before it."),
    ] = None,
    methods: Annotated[str, typer.Option(help="Methods, separated by commas.")] = "adl",
    agents: Annotated[
        str,
        typer.Option(help="Arms, separated by commas; docs/measures.md says what each sees."),
    ] = "blackbox,method",
    organisms: Annotated[
        str, typer.Option(help="Ids, families or suites, separated by commas.")
    ] = "zoo",
    epochs: Annotated[int, typer.Option(help="Repeats of each cell.")] = 1,
    budget: Annotated[int, typer.Option(help="Model interactions of one investigation.")] = 50,
    budgets: Annotated[
        str | None,
        typer.Option(help="Several in its place: 0,5,50, or by arm: 'blackbox=0,5,50 method=0,5'."),
    ] = None,
    blind: Annotated[bool, typer.Option(help="Hide which model is the finetuned one.")] = True,
    seed: Annotated[int, typer.Option(help="Seeds names, sampling and artifacts.")] = 0,
    corpus: Annotated[str, typer.Option(help="unrelated, chat or domain.")] = "unrelated",
    n_texts: Annotated[int | None, typer.Option(help="Texts read; default: the method's.")] = None,
    texts: Annotated[
        list[str] | None,
        typer.Option(help="A file, or hub:owner/name, for the corpus; chat=… for another one."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A method's setting: layers=0.25,0.5 or adl.layers=…"),
    ] = None,
    turns: Annotated[int, typer.Option(help="Messages the investigator may send.")] = 30,
    dtype: Annotated[str, typer.Option(help="Compute dtype of the pairs.")] = "float32",
    device: Annotated[str, typer.Option(help="Torch device of the pairs.")] = "auto",
    graded: Annotated[
        bool | None,
        typer.Option(
            "--graded/--not-graded", help="Default: what has a truth; own pairs may have none."
        ),
    ] = None,
    allow_suspect: Annotated[
        bool, typer.Option("--allow-suspect", help="Run pairs whose preflight says SUSPECT.")
    ] = False,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run code that comes with a model.")
    ] = False,
    tokens: Annotated[int, typer.Option(help="Tokens of one investigation.")] = 2_000_000,
    money: Annotated[
        float | None, typer.Option(help="US dollars a sample may cost; needs known prices.")
    ] = None,
    investigator: Annotated[
        str | None, typer.Option(help="A registered Inspect agent in place of the built-in one.")
    ] = None,
    grader_repeats: Annotated[
        int, typer.Option(help="How often each grader applies the rubric to a report.")
    ] = 1,
    replicate: Annotated[
        int,
        typer.Option(help="Fresh replies of each model to a finding's prompts; 0 tests none."),
    ] = 20,
    log_dir: Annotated[Path, typer.Option(help="Where logs land; a run there is continued.")] = (
        Path("logs/run")
    ),
    model_role: Annotated[
        list[str] | None, typer.Option(help="For example grader=openai/…; repeatable.")
    ] = None,
    display: Annotated[str | None, typer.Option(help="Inspect's display.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be done, and stop.")
    ] = False,
) -> None:
    """Runs a grid, organism by organism; what is there already is not run again."""
    from diffgauge.evals.grid import GridSpec
    from diffgauge.methods.choices import named_values

    spec = GridSpec(
        methods=_listed(methods),
        agents=_listed(agents),
        organisms=_listed(organisms),
        epochs=epochs,
        budget=budget,
        **_budgets(budgets or ""),
        blind=blind,
        seed=seed,
        corpus=corpus,
        n_texts=n_texts,
        # One source stands alone, as a task's argument would have it.
        texts=texts[0] if texts and len(texts) == 1 else texts or None,
        settings=named_values(set_),
        turns=turns,
        dtype=dtype,
        device=device,
        graded=graded,
        allow_suspect=allow_suspect,
        trust_remote_code=trust_remote_code,
        tokens=tokens,
        money=money,
        investigator=investigator,
        grader_repeats=grader_repeats,
        replicate=replicate,
    )
    roles = _roles(model_role or [])
    if preset is not None:
        from diffgauge.evals.presets import preset_named

        known = preset_named(preset)
        spec = known.grid(spec, _typed(context))
        model, roles = model or known.model, known.roles | roles
    if model is None:
        raise DiffgaugeError("No investigator is named.", advice="Name one with --model.")
    if dry_run:
        _print_plan(spec, model, roles)
        return
    summary = _run(spec, model, log_dir, roles, display)
    if not summary.complete:
        raise typer.Exit(1)


def demo(
    logs: Annotated[Path, typer.Option(help="Where logs land; a run there is continued.")] = Path(
        "logs/demo"
    ),
    report: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("reports/demo"),
    organisms: Annotated[str, typer.Option(help="As in run.")] = "zoo",
    epochs: Annotated[int, typer.Option(help="As in run.")] = 1,
) -> None:
    """Runs the main job offline: the zoo, a scripted investigator, lexical grades, a report."""
    from diffgauge.cli.logs import report as write
    from diffgauge.evals.grid import GridSpec

    spec = GridSpec(organisms=_listed(organisms), epochs=epochs)
    summary = _run(spec, _OFFLINE_MODEL, logs, {"grader": _OFFLINE_GRADER}, "plain")
    write([str(logs)], report)
    if not summary.complete:
        raise typer.Exit(1)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _typed(context: typer.Context) -> set[str]:
    """Returns the fields of a grid that were given on the command line."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = {
        name.rstrip("_")
        for name, source in sources.items()
        if source is not None and source.name == "COMMANDLINE"
    }
    renamed = {"set": ("settings",), "budget": ("budget", "budgets", "arm_budgets")}
    renamed["budgets"] = renamed["budget"]
    return {field for name in given for field in renamed.get(name, (name,))}


def _budgets(text: str) -> dict[str, Any]:
    """Reads budgets, those of all arms or, ``arm=…``, of some."""
    named = [part.partition("=") for part in text.split()] if "=" in text else []
    if not named:
        return {"budgets": numbers("budgets", text)}
    return {"arm_budgets": {arm: numbers("budgets", listed) for arm, _, listed in named}}


def numbers(name: str, text: str) -> tuple[int, ...]:
    """Reads an option of whole numbers; what they may be is for others to say.

    Raises:
        DiffgaugeError: Something between the commas is none.
    """
    try:
        return tuple(int(part) for part in _listed(text))
    except ValueError as error:
        raise DiffgaugeError(
            f"The option --{name} was given as {text!r}.",
            allowed="whole numbers, separated by commas: 0,5,10,50",
        ) from error


def _roles(given: Sequence[str]) -> dict[str, str]:
    roles: dict[str, str] = {}
    for text in given:
        role, separator, model = text.partition("=")
        if not (role and separator and model):
            raise DiffgaugeError(
                f"The model role {text!r} cannot be read.", allowed="role=provider/model"
            )
        roles[role] = model
    return roles


def _run(
    spec: "GridSpec", model: str, log_dir: Path, roles: dict[str, str], display: str | None
) -> "GridSummary":
    from diffgauge.evals.grid import run_grid

    summary = run_grid(
        spec, model=model, log_dir=str(log_dir), model_roles=roles or None, display=display
    )
    table = Table("organism", "arm", "status", "samples", "error", title="Cells")
    for cell in summary.cells:
        table.add_row(
            cell.organism,
            cell.arm_id,
            cell.status,
            f"{cell.n_completed}/{cell.n_total}",
            neutralised(cell.error or ""),
        )
    Console().print(table)
    if not summary.complete:
        Console().print("Not complete. The same command continues it.")
    return summary


def _print_plan(spec: "GridSpec", model: str, roles: dict[str, str]) -> None:
    from diffgauge.evals.dry_run_text import rendered
    from diffgauge.evals.grid import planned

    Console().print(rendered(planned(spec, model=model, model_roles=roles)))
