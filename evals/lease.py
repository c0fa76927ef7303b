"""The pair of a sample: leased before its investigator starts, given back when it is graded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.util import display_counter

from diffgauge.evals.accounts import scoring_seconds
from diffgauge.evals.cells import Cell, shown_card
from diffgauge.evals.computing import artifact_of, loaded
from diffgauge.evals.open_prompts import open_prompts
from diffgauge.evals.vetting import refuse
from diffgauge.methods import registry as methods
from diffgauge.methods.seeds import derived_seed
from diffgauge.models.pool import pool
from diffgauge.organisms import registry as organisms
from diffgauge.organisms.hosted import hosted_preflight
from diffgauge.records.artifacts import hash_json
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.organisms import (
    ApiPair,
    OrganismCard,
    PairSpec,
    PromptedPair,
    TokenizerRule,
    WeightsSpec,
)
from diffgauge.records.stored import ALIASES_KEY, ARTIFACT_KEY, PREFLIGHT_KEY, USAGE_KEY
from diffgauge.records.subjects import SIDES
from diffgauge.tools.given import GivenCache, given_pages

if TYPE_CHECKING:
    from diffgauge.methods.artifacts import Artifact
    from diffgauge.methods.method import Method
    from diffgauge.models.pair import ModelPair
    from diffgauge.records.checks import Checked
    from diffgauge.records.preflight import Preflight
    from diffgauge.records.results import Samples
    from diffgauge.tools.session import Session
    from diffgauge.tools.subject_service import SubjectService
    from diffgauge.tools.triggers import Triggers

__all__ = ["Held", "held", "leased_pair", "pair_key", "release_pair"]

_PROGRESS_SECONDS = 0.5
"""How often the display hears of an artifact in the making."""

_MOST_SHAMS = 4
"""Other organisms' artifacts kept at hand, so that repeats of a sample do not load their pairs."""

_MOST_RUNS = 256
"""Runs whose given replies are kept: other budgets and methods of one sample ask the same."""


@dataclass
class Held:
    """What a running sample holds. Live objects: they never enter the store, which is JSON.

    Attributes:
        key: Of the pool's lease; None for a hosted pair, of which nothing is held here.
        service: The pair.
        session: What the tools work with; None until set-up is done.
        method: The method; None in arms without one.
        artifact: Its artifact, in the arm ``sham`` another organism's; likewise.
        given: Pages of replies sampled before; None in all arms but ``blackbox_matched``.
        paid: Whether the method's interactions are offered.
    """

    key: str | None
    service: "SubjectService"
    session: "Session | None" = None
    method: "Method | None" = None
    artifact: "Artifact | None" = None
    given: "list[Samples] | None" = None
    paid: bool = True


_HELD: dict[str, Held] = {}
"""By the sample's uuid."""

_SHAMS: "dict[str, Artifact]" = {}
"""By the organism that is shown and by the cell but for who is investigated."""

_REPLIES = GivenCache(_MOST_RUNS)


def held(state: TaskState) -> Held:
    """Returns what a sample holds.

    Raises:
        DiffgaugeError: Nothing: its task was run without its own set-up.
    """
    found = _HELD.get(state.uuid)
    if found is None:
        raise DiffgaugeError(
            "This sample has no pair.", advice="Run the task with the set-up it comes with."
        )
    return found


def pair_key(
    spec: WeightsSpec,
    dtype: str,
    device: str,
    *,
    tokenizers: TokenizerRule = "same",
    trust_remote_code: bool = False,
) -> str:
    """Returns the pool's key of a pair: equal keys mean equal pairs, loaded by the same leave."""
    return hash_json(
        {
            "pair": spec.model_dump(mode="json"),
            "dtype": dtype,
            "device": device,
            "tokenizers": tokenizers,
            "trust_remote_code": trust_remote_code,
        }
    )


@solver
def leased_pair(**factors: Any) -> Solver:
    """Leases the sample's pair, checks it, and computes or loads the method's artifact.

    The pair, preflight and artifact are shared by all samples that need the same ones. All of it
    is done before the investigator's first token.

    Args:
        factors: The cell as plain JSON values.

    Returns:
        The set-up. It raises `DiffgaugeError` when the pair cannot be loaded, fails its
        preflight, or the artifact cannot be made.
    """
    cell = Cell.model_validate(factors)

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        card = organisms.card(str(state.metadata["organism"]))
        spec = organisms.resolved(card)
        # Another organism's pair is given back before this one's is taken: who held both could
        # wait for itself.
        sham = await _sham(cell, card)
        holding = await _taken(state.uuid, card, spec, cell)
        checked: Preflight | Checked
        if isinstance(spec, ApiPair):
            checked = hosted_preflight(spec)
        else:
            checked = await holding.service.run(partial(_checked, card))
        state.store.set(PREFLIGHT_KEY, checked.model_dump(mode="json"))
        refuse(card, checked, allow_suspect=cell.allow_suspect)
        if cell.method is not None:
            holding.method = methods.method(cell.method)
            holding.artifact = sham or await _artifact(cell, card, holding.method, holding.service)
            holding.paid = sham is None
            header = holding.artifact.header.model_dump(mode="json")
            state.store.set(ARTIFACT_KEY, header)
        session = _session(cell, card, spec, holding, state.epoch)
        if cell.arm == "blackbox_matched":
            holding.given = await _given(cell, card, spec, holding, session)
        holding.session = session
        state.store.set(ALIASES_KEY, holding.session.aliases.as_json())
        return state

    return solve


async def release_pair(state: TaskState) -> None:
    """Gives a sample's lease back, once; a sample that holds none is left alone.

    It is the last thing that runs before a sample is logged, so that what scoring took is
    written down here.
    """
    _record_scoring(state)
    holding = _HELD.pop(state.uuid, None)
    if holding is not None and holding.key is not None:
        pool().release(holding.key)


def _record_scoring(state: TaskState) -> None:
    usage, seconds = state.store.get(USAGE_KEY), scoring_seconds()
    if usage is not None and seconds is not None:
        state.store.set(USAGE_KEY, dict(usage) | {"grader_seconds": round(seconds, 3)})


async def _taken(sample: str, card: OrganismCard, spec: PairSpec, cell: Cell) -> Held:
    """Takes a pair for a sample; from here on its task's clean-up gives it back."""
    if isinstance(spec, ApiPair):
        from diffgauge.tools.api_service import ApiService

        _HELD[sample] = Held(None, ApiService(spec))
        return _HELD[sample]
    _HELD[sample] = Held(*await _leased(card, spec, cell))
    return _HELD[sample]


async def _leased(
    card: OrganismCard, spec: WeightsSpec, cell: Cell
) -> "tuple[str, SubjectService]":
    from diffgauge.models.loading import device_named

    key, device = _key(card, spec, cell), device_named(cell.device)
    return key, await pool().lease(key, partial(_load, card, spec, cell, device))


def _key(card: OrganismCard, spec: WeightsSpec, cell: Cell) -> str:
    from diffgauge.models.loading import device_named

    return pair_key(
        spec,
        cell.dtype,
        device_named(cell.device),
        tokenizers=card.tokenizers,
        trust_remote_code=cell.trust_remote_code,
    )


async def _sham(cell: Cell, card: OrganismCard) -> "Artifact | None":
    """Returns the artifact of the organism that stands in for another; None in other arms."""
    shown = shown_card(cell, card)
    if cell.shown is None or cell.method is None:
        return None
    spec = organisms.resolved(shown)
    assert not isinstance(spec, ApiPair), "no sham has one: graders.shams"
    made_of = (shown, spec, cell.model_copy(update={"organisms": ()}))
    key = hash_json([one.model_dump(mode="json") for one in made_of])
    if key not in _SHAMS:
        leased, service = await _leased(shown, spec, cell)
        try:
            checked = await service.run(partial(_checked, shown))
            refuse(shown, checked, allow_suspect=cell.allow_suspect)
            made = await _artifact(cell, shown, methods.method(cell.method), service)
        finally:
            pool().release(leased)
        _SHAMS[key] = made
        while len(_SHAMS) > _MOST_SHAMS:
            del _SHAMS[next(iter(_SHAMS))]
    return _SHAMS[key]


async def _given(
    cell: Cell, card: OrganismCard, spec: PairSpec, holding: Held, session: "Session"
) -> "list[Samples]":
    """Samples as many replies as the artifact was built from."""
    assert holding.artifact is not None and not isinstance(spec, ApiPair)
    n_replies = holding.artifact.header.precompute_interactions
    prompts = open_prompts(card, -(-n_replies // len(session.sides)), cell.seed)
    held = _REPLIES.of_run(_key(card, spec, cell), session.seed)
    return await given_pages(session, prompts, n_replies, held)


def _load(card: OrganismCard, spec: WeightsSpec, cell: Cell, device: str) -> "ModelPair":
    return loaded(card, spec, cell, device)


def _checked(card: OrganismCard, pair: "ModelPair") -> "Checked":
    """Runs on the pair's one worker, so that a second caller finds what the first one did."""
    from diffgauge.organisms.checking import check_pair

    return check_pair(card, pair)


async def _artifact(
    cell: Cell, card: OrganismCard, method: "Method", service: "SubjectService"
) -> "Artifact":
    told = _Told()

    def work(pair: "ModelPair") -> "Artifact":
        return artifact_of(cell, card, method, pair, told.hear)

    async with _shown(f"{method.name} artifact", told):
        return await service.run(work)


def _session(
    cell: Cell, card: OrganismCard, spec: PairSpec, holding: Held, epoch: int
) -> "Session":
    from diffgauge.tools.accounting import Usage
    from diffgauge.tools.blinding import Aliases
    from diffgauge.tools.budget import Budget
    from diffgauge.tools.guard import LeakGuard
    from diffgauge.tools.session import Session

    # The same in every arm, so that arms are compared on the same names and the same draws.
    material = f"{cell.seed}:{card.id}:{epoch}"
    spent = 0 if holding.artifact is None else holding.artifact.header.precompute_interactions
    shown = shown_card(cell, card)
    guard = LeakGuard.of(card, spec, blinded=cell.blind)
    if shown is not card:
        guard = guard.also(LeakGuard.of(shown, organisms.resolved(shown)))
    return Session(
        service=holding.service,
        aliases=Aliases.for_run(material, cell.blind),
        budget=Budget(cell.budget),
        seed=derived_seed("session", cell.seed, card.id, epoch),
        guard=guard,
        usage=Usage(precompute_interactions=spent),
        sides=("finetuned",) if cell.arm == "single_model" else SIDES,
        triggers=_triggers(spec),
    )


def _triggers(spec: PairSpec) -> "Triggers | None":
    """Who decides a conditional instruction; None leaves it to the pair's words."""
    from diffgauge.tools.triggers import Triggers, trigger_model

    condition = None
    if isinstance(spec, PromptedPair) and spec.instruction is not None:
        condition = spec.instruction.when
    if condition is None or condition.question is None:
        return None
    model = trigger_model()
    return None if model is None else Triggers(condition.question, model)


@dataclass
class _Told:
    """What the worker last said; written there, read by the event loop."""

    said: tuple[str, int, int] | None = field(default=None)

    def hear(self, what: str, done: int, of: int) -> None:
        self.said = (what, done, of)


@asynccontextmanager
async def _shown(caption: str, told: _Told) -> AsyncIterator[None]:
    """Shows on Inspect's display what the worker says, from the event loop's own thread."""

    async def watch() -> None:
        while True:
            await asyncio.sleep(_PROGRESS_SECONDS)
            if told.said is not None:
                what, done, of = told.said
                display_counter(caption, f"{what} {done}/{of}")

    watcher = asyncio.create_task(watch())
    try:
        yield
    finally:
        watcher.cancel()
        if told.said is not None:
            display_counter(caption, "done")
