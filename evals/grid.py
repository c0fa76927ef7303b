"""A grid of organisms, methods and agents, driven through Inspect's eval set.

Organism by organism: the cells of one organism run at the same time on one loaded pair, and the
next organism's begin as they end. A cell that is there already is not run again.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from inspect_ai import Task, eval_set
from inspect_ai._util.error import PrerequisiteError
from inspect_ai.model import Model
from pydantic import Field

from diffgauge.evals.arms import ARMS, DEFAULT_BUDGET, WITH_METHOD, Arm
from diffgauge.evals.cells import (
    DEFAULT_REPLICATE,
    DEFAULT_TOKENS,
    DEFAULT_TURNS,
    Cell,
    cell,
    cell_id,
    n_given,
)
from diffgauge.evals.dry_run import plan
from diffgauge.evals.fitting import fits, fitting
from diffgauge.evals.grid_outcomes import CellOutcome, outcomes
from diffgauge.evals.missing_nulls import warn_of_missing_nulls
from diffgauge.evals.plans import DryRun
from diffgauge.evals.readiness import check_cell
from diffgauge.evals.self_grading import graders_in, warn_of_self_grading
from diffgauge.evals.shams import shams
from diffgauge.evals.surroundings import (
    Roles,
    check_log_dir,
    check_models,
    checked_display,
    display_for,
    plain_words,
)
from diffgauge.evals.tasks import blackbox, task_of
from diffgauge.evals.ungraded import warn_of_ungraded
from diffgauge.methods import registry as methods
from diffgauge.methods.choices import of_method
from diffgauge.organisms import registry as organisms
from diffgauge.records.errors import DiffgaugeError, unknown_name
from diffgauge.records.record import Record

__all__ = ["GridSpec", "GridSummary", "grid_cells", "planned", "run_grid"]

_RETRIES_OF_A_SAMPLE = 1
_RETRIES_OF_A_TASK = 1
_MOST_EPOCHS = 10_000
_BY_TASK: frozenset[Arm] = frozenset({"blackbox", "method"})
"""Arms that a task has by itself."""

_OPTIONAL: Final[dict[str, str]] = {
    "graded": "graded",
    "allow_suspect": "allow_suspect",
    "trust_remote_code": "trust_remote_code",
    "tokens": "tokens",
    "money": "money",
    "agent_name": "investigator",
    "grader_repeats": "grader_repeats",
    "replicate": "replicate",
}
"""Fields of a cell that a task is given only where they are not the default, by argument."""


class GridSpec(Record):
    """What a grid is made of. Arguments of its tasks as in `cell`.

    Attributes:
        methods: Registered methods.
        agents: Arms. ``blackbox`` and ``single_model`` stand in the grid once, whatever the number
            of methods.
        organisms: Ids, families or suites.
        epochs: Repeats of each cell.
        budget: Model interactions of one investigation.
        budgets: Several of them in its place; empty for that one.
        arm_budgets: Budgets of the arms named in it, in the place of these.
        blind: Whether the sides are hidden.
        seed: Seeds names, sampling and artifacts.
        corpus: Where methods read.
        n_texts: How much of it; None is each method's default.
        texts: Files or datasets that stand for corpora; None is the built-in text.
        settings: Other settings of methods, by name or, of several methods, by ``method.name``.
        turns: Messages of one investigator.
        dtype: Compute dtype of the pairs.
        device: Torch device of the pairs.
        graded: As in `cell`.
        allow_suspect: As in `cell`.
        trust_remote_code: As in `cell`.
        tokens: As in `cell`.
        money: As in `cell`.
        investigator: As in `cell`.
        grader_repeats: As in `cell`.
        replicate: As in `cell`.
    """

    methods: tuple[str, ...] = ("adl",)
    agents: tuple[str, ...] = ("blackbox", "method")
    organisms: tuple[str, ...] = ("zoo",)
    epochs: int = 1
    budget: int = DEFAULT_BUDGET
    budgets: tuple[int, ...] = ()
    arm_budgets: dict[str, tuple[int, ...]] = Field(default_factory=dict)
    blind: bool = True
    seed: int = 0
    corpus: str = "unrelated"
    n_texts: int | None = None
    texts: str | list[str] | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    turns: int = DEFAULT_TURNS
    dtype: str = "float32"
    device: str = "auto"
    graded: bool | None = None
    allow_suspect: bool = False
    trust_remote_code: bool = False
    tokens: int = DEFAULT_TOKENS
    money: float | None = None
    investigator: str | None = None
    grader_repeats: int = 1
    replicate: int = DEFAULT_REPLICATE


class GridSummary(Record):
    """How a grid ended.

    Attributes:
        complete: Whether every cell succeeded; the same command continues one that is not.
        log_dir: Where the logs stand.
        cells: In the grid's order.
    """

    complete: bool
    log_dir: str
    cells: tuple[CellOutcome, ...]


def grid_cells(spec: GridSpec) -> list[list[Cell]]:
    """Returns the grid's cells, a list for each organism.

    Args:
        spec: The grid.

    Returns:
        For each organism, in the order asked, and each budget: ``blackbox`` once (once blinded and
        once not where an arm cannot hide the sides), ``single_model`` once, then the cells of each
        method that can take it, arm by arm. Where a method samples nothing for its artifact,
        ``blackbox`` is its matched baseline and stands for it; an organism without a sham is left
        out of that arm. No cell stands twice.

    Raises:
        DiffgaugeError: Anything in it is unknown or not allowed, or a list is empty.
    """
    for name, asked in (("methods", spec.methods), ("agents", spec.agents)):
        if not asked and not (name == "methods" and not WITH_METHOD & set(spec.agents)):
            raise DiffgaugeError(f"The grid has no {name}.", allowed="at least one")
    for agent in (*spec.agents, *spec.arm_budgets):
        if agent not in ARMS:
            raise unknown_name("agent", agent, ARMS)
    if isinstance(spec.epochs, bool) or not 1 <= spec.epochs <= _MOST_EPOCHS:
        raise DiffgaugeError(f"{spec.epochs} epochs were asked for.", allowed="1 or more")
    cards = organisms.select(list(spec.organisms))
    known = {name: methods.method(name) for name in spec.methods}
    with_sham: dict[str, Collection[str]] = {}
    if WITH_METHOD & set(spec.agents):
        for name, method in known.items():
            fit = fitting(cards, method, spec.organisms)
            if "sham" in spec.agents:
                with_sham[name] = shams(fit, method, spec.organisms)
    rows = []
    for card in cards:
        fit_names = [name for name in spec.methods if fits(card, known[name])]
        has_sham = [name for name, ids in with_sham.items() if card.id in ids]
        cells = [
            one
            for budget, agents in _by_budget(spec).items()
            for one in _of_organism(
                spec.model_copy(update={"agents": agents}), card.id, budget, fit_names, has_sham
            )
        ]
        rows.append(list({cell_id(one): one for one in cells}.values()))
    return [row for row in rows if row]


def planned(
    spec: GridSpec, *, model: str | None = None, model_roles: Roles | None = None
) -> DryRun:
    """Plans a grid without loading, computing or sampling anything.

    Args:
        spec: The grid.
        model: The investigator, as Inspect names it; None leaves money unknown.
        model_roles: As in `run_grid`.

    Returns:
        The plan, after the checks a run begins with.

    Raises:
        DiffgaugeError: As `run_grid`, but for what concerns the investigator's own provider.
    """
    cells = [one for row in grid_cells(spec) for one in row]
    warn_of_missing_nulls(spec.organisms)
    warn_of_self_grading(model, graders_in(model_roles or {}))
    for one in cells:
        check_cell(one)
    return plan(cells, model=model, epochs=spec.epochs)


def run_grid(
    spec: GridSpec,
    *,
    model: str | Model,
    log_dir: str,
    model_roles: Roles | None = None,
    model_args: Mapping[str, Any] | None = None,
    display: str | None = None,
) -> GridSummary:
    """Runs a grid, or what is left of it.

    Args:
        spec: The grid.
        model: The investigator.
        log_dir: Where logs stand; cells that succeeded there are not run again.
        model_roles: For example ``{"grader": "diffgauge/lexical"}``.
        model_args: Of the investigator's provider.
        display: Inspect's display; None is its default, but for many cells lines in its place.

    Returns:
        How every cell ended. A failed cell does not stop the others.

    Raises:
        DiffgaugeError: Something the run needs is not there: said before anything is spent.
    """
    rows = grid_cells(spec)
    warn_of_missing_nulls(spec.organisms)
    warn_of_ungraded([cells[0].organisms[0] for cells in rows], spec.graded)
    for cells in rows:
        for one in cells:
            check_cell(one)
    shown = checked_display(display)
    check_models(model, model_args or {}, model_roles or {})
    warn_of_self_grading(str(model), graders_in(model_roles or {}))
    check_log_dir(log_dir)
    tasks = [_task(one, spec) for cells in rows for one in cells]
    try:
        complete, logs = eval_set(
            tasks,
            log_dir=log_dir,
            model=model,
            model_roles=dict(model_roles) if model_roles else None,
            model_args=dict(model_args or {}),
            epochs=spec.epochs,
            # One organism's cells at a time: they share one loaded pair.
            max_tasks=max(map(len, rows)),
            continue_on_fail=True,
            retry_on_error=_RETRIES_OF_A_SAMPLE,
            retry_attempts=_RETRIES_OF_A_TASK,
            log_dir_allow_dirty=True,
            display=display_for(shown, len(tasks)),
        )
    except PrerequisiteError as error:
        raise DiffgaugeError(plain_words(error)) from error
    return GridSummary(complete=complete, log_dir=log_dir, cells=outcomes(rows, logs))


def _by_budget(spec: GridSpec) -> dict[int, tuple[str, ...]]:
    """Returns the arms that have each budget."""
    usual = spec.budgets or (spec.budget,)
    budgets = [*usual, *(one for asked in spec.arm_budgets.values() for one in asked)]
    held = {
        budget: tuple(
            agent for agent in spec.agents if budget in spec.arm_budgets.get(agent, usual)
        )
        for budget in dict.fromkeys(budgets)
    }
    return {budget: agents for budget, agents in held.items() if agents}


def _of_organism(
    spec: GridSpec, organism: str, budget: int, fit: Sequence[str], with_sham: Collection[str]
) -> list[Cell]:
    """The cells of one organism and one budget."""

    def of(agent: str, method: str | None = None, *, blind: bool = spec.blind) -> Cell:
        return _cell(spec, organism, budget, agent, method, blind=blind)

    plain: list[Cell] = []
    shown: list[Cell] = []
    # A method that must tell the sides is compared with a baseline that was told too.
    baselines = {spec.blind} if "blackbox" in spec.agents else set()
    if "single_model" in spec.agents:
        plain.append(of("single_model"))
    for name in fit:
        made = of("method", name)
        for arm in spec.agents:
            if arm == "blackbox_matched" and not n_given(made):
                baselines.add(made.blind)
            elif arm in WITH_METHOD and (arm != "sham" or name in with_sham):
                shown.append(of(arm, name))
    if "blackbox" in spec.agents:
        baselines |= {one.blind for one in (*plain, *shown)}
    told = [of("blackbox", blind=blind) for blind in sorted(baselines, reverse=True)]
    return [*told, *plain, *shown]


def _cell(
    spec: GridSpec, organism: str, budget: int, agent: str, method: str | None, *, blind: bool
) -> Cell:
    return cell(
        organism=organism,
        agent=agent,
        method=method,
        budget=0 if agent == "method_only" else budget,
        blind=blind,
        seed=spec.seed,
        corpus=spec.corpus,
        n_texts=spec.n_texts,
        texts=spec.texts,
        set=None if method is None else of_method(spec.settings, method, spec.methods),
        turns=spec.turns,
        dtype=spec.dtype,
        device=spec.device,
        graded=spec.graded,
        allow_suspect=spec.allow_suspect,
        trust_remote_code=spec.trust_remote_code,
        tokens=spec.tokens,
        money=spec.money,
        investigator=spec.investigator,
        grader_repeats=spec.grader_repeats,
        replicate=spec.replicate,
    )


def _task(one: Cell, spec: GridSpec) -> Task:
    """The task a user would type for this cell, with the arguments that tell it from others."""
    asked: dict[str, Any] = {
        "organism": one.organisms[0].id,
        "budget": one.budget,
        "blind": one.blind,
        "seed": one.seed,
        "turns": one.turns,
        "dtype": one.dtype,
        "device": one.device,
    }
    # Left out where they were not given, so that logs of before them are continued.
    for field, argument in _OPTIONAL.items():
        if getattr(one, field) != Cell.model_fields[field].default:
            asked[argument] = getattr(one, field)
    if one.arm not in _BY_TASK:
        asked["agent"] = one.arm
    if one.method is None:
        return blackbox(**asked)
    asked |= {"corpus": spec.corpus, "n_texts": spec.n_texts, "texts": spec.texts}
    if one.settings is not None:
        asked["set"] = one.settings
    return task_of(one.method)(**asked)
