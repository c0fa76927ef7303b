"""What a run would load, compute, sample and cost: a plan, made without doing any of it."""

from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from statistics import median
from typing import Any, Final, NoReturn

from diffgauge.evals.cells import Cell, n_given, settings_of, shown_cards
from diffgauge.evals.estimates import (
    REPLY_TOKENS,
    TEXT_TOKENS,
    Tokens,
    added,
    conversation,
    headers_in,
    money,
    n_parameters,
    seconds_for,
)
from diffgauge.evals.hosted_pairs import subject_money, subject_tokens
from diffgauge.evals.plans import ArtifactPlan, CellPlan, DryRun, PairPlan
from diffgauge.evals.prompting import neutral_prompt
from diffgauge.evals.readiness import corpora_of
from diffgauge.evals.replicating import most_replies
from diffgauge.methods import registry as methods
from diffgauge.methods.artifacts import ArtifactStore
from diffgauge.methods.method import Method, MethodSettings
from diffgauge.models.depth import stored_layers
from diffgauge.models.hub import cached_folder
from diffgauge.models.memory import memory_needed
from diffgauge.models.references import references
from diffgauge.organisms import registry as organisms
from diffgauge.records.artifacts import ArtifactHeader
from diffgauge.records.organisms import ApiPair, OrganismCard, ReservedPair, WeightsSpec

__all__ = ["plan", "stop_with_plan"]

_NARROWEST: Final = 118
_HASHED_BYTES: Final = 2 * 2**30
"""Models larger than this are not hashed for a plan, so that whether their artifact is there
already is not known."""


_ASSUMPTIONS: Final = (
    "Memory counts weights alone; activations and the tokenizer come on top.",
    "Seconds are measured where the same method already read this base with as many texts here; "
    "else they are estimated at 10 GFLOP/s, about two CPU cores.",
    "Investigators usually take 10 turns; 'at most' is every turn allowed. Each turn sends the "
    "whole conversation again, as if no prompt were cached.",
    "Hosted subject models are taken to read 100 tokens and write 64 for each interaction.",
    "Testing findings on fresh samples comes on top of the budget: at most 600 replies a sample "
    "(3 findings, 5 prompts, 20 replies of each model); -T replicate=0 leaves it out. It is in the "
    "tokens of hosted models, in no other figure; a grader judges 40 of these replies in a call.",
    "Grader models come on top: one short call for each sample and grader; so does a model bound "
    "to the role trigger: one for each prompt of a pair with such a condition.",
)


def plan(cells: Sequence[Cell], *, model: str | None = None, epochs: int = 1) -> DryRun:
    """Plans a run without loading, computing or sampling anything.

    Args:
        cells: What would be run; checked before (`readiness.check_cell`).
        model: The investigator, as Inspect names it.
        epochs: Repeats of each sample.

    Returns:
        The plan.
    """
    cards = {
        card.id: (card, cell) for cell in cells for card in (*cell.organisms, *shown_cards(cell))
    }
    pairs = {name: _pair(card, cell) for name, (card, cell) in cards.items()}
    # Several arms and budgets show one artifact.
    made = {
        (card.id, cell.method, cell.settings, cell.corpus, cell.n_texts, cell.seed): (cell, card)
        for cell in cells
        for card in shown_cards(cell)
    }
    headers = headers_in(ArtifactStore().root)
    memory = [pair.memory_bytes for pair in pairs.values() if pair.memory_bytes is not None]
    return DryRun(
        model=model,
        epochs=epochs,
        pairs=tuple(pairs.values()),
        artifacts=tuple(
            _artifact(cell, card, pairs[card.id], headers) for cell, card in made.values()
        ),
        cells=_by_arm([_cell(cell, pairs, model, epochs) for cell in cells], model),
        largest_memory_bytes=max(memory, default=None),
        assumptions=_ASSUMPTIONS,
    )


def stop_with_plan(cell: Cell) -> NoReturn:
    """Shows the plan of one task in the place of running it.

    Inspect knows one way to stop before a run without a traceback, and it ends with status 1;
    `diffgauge run --dry-run` ends with 0. A task that returned instead would be run and logged,
    and a log without a run would be counted.

    Raises:
        PrerequisiteError: Always; its message is the plan.
    """
    from inspect_ai._util.error import PrerequisiteError
    from inspect_ai.model._model import active_model
    from rich.console import Console
    from rich.markup import escape

    from diffgauge.evals.dry_run_text import rendered

    model = active_model()
    # Where there is no terminal to fold at, a narrow default would cut names.
    console = Console(color_system=None, width=max(Console().width, _NARROWEST))
    with console.capture() as text:
        console.print(rendered(plan([cell], model=None if model is None else str(model))))
    raise PrerequisiteError(escape(text.get()))


def _folders(spec: WeightsSpec) -> list[Path] | None:
    """The folders a pair is loaded from; None when one of them is not on this machine."""
    found = [cached_folder(one.name, one.revision) for one in references(spec)]
    folders = [folder for folder in found if folder is not None]
    return folders if len(folders) == len(found) else None


def _pair(card: OrganismCard, cell: Cell) -> PairPlan:
    spec = organisms.resolved(card)
    if isinstance(spec, ApiPair):
        return PairPlan(organism=card.id, kind=spec.kind, n_parameters=0, memory_bytes=0)
    folders = _folders(spec)
    n = None if folders is None else sum(map(n_parameters, folders))
    if n is not None and isinstance(spec, ReservedPair):
        n *= 2
    return PairPlan(
        organism=card.id,
        kind=spec.kind,
        n_parameters=n,
        memory_bytes=memory_needed(spec, cell.dtype),
    )


def _artifact(
    cell: Cell, card: OrganismCard, pair: PairPlan, headers: Sequence[ArtifactHeader]
) -> ArtifactPlan:
    assert cell.method is not None and cell.corpus is not None
    method = methods.method(cell.method)
    settings = settings_of(cell, method)
    corpora = corpora_of(cell, card, method, settings)
    interactions = method.precompute_interactions(settings)
    like = _alike(cell, card, method, settings, headers)
    sides = None if like is None else _sides(card)
    there = None
    if like is not None:
        there = any(
            header.inputs.pair.finetuned == (sides or {}).get("finetuned")
            and header.inputs.seed == cell.seed
            and all(
                header.inputs.corpora.get(name) == corpus.fingerprint
                for name, corpus in corpora.items()
            )
            for header in like
        )
    n_texts = sum(corpus.n_texts for corpus in corpora.values())
    seconds, timing = _seconds(pair, n_texts, interactions, like, there)
    return ArtifactPlan(
        organism=card.id,
        method=method.name,
        corpus=cell.corpus,
        n_texts=n_texts,
        interactions=interactions,
        there=there,
        seconds=seconds,
        timing=timing,
    )


def _alike(
    cell: Cell,
    card: OrganismCard,
    method: Method,
    settings: MethodSettings,
    headers: Sequence[ArtifactHeader],
) -> list[ArtifactHeader] | None:
    """Artifacts of this base by this method with these settings; None when it is not hashed."""
    sides = _sides(card)
    if sides is None:
        return None
    n_layers = stored_layers(organisms.resolved(card))
    if n_layers is None:
        return None
    chosen = method.settled(settings, n_layers).model_dump(mode="json")
    return [
        header
        for header in headers
        if header.inputs.method == method.name
        and header.inputs.method_version == method.version
        and header.inputs.pair.base == sides["base"]
        and header.inputs.pair.dtype == cell.dtype
        and header.inputs.settings == chosen
    ]


def _sides(card: OrganismCard) -> dict[str, str] | None:
    """Hashes of both sides, from files; None for what is large or not here."""
    from diffgauge.models.fingerprint import hash_sides

    spec = organisms.resolved(card)
    folders = None if isinstance(spec, ApiPair) else _folders(spec)
    if isinstance(spec, ApiPair) or folders is None:
        return None
    files = [file for folder in folders for file in folder.glob("*.safetensors")]
    if sum(file.stat().st_size for file in files) > _HASHED_BYTES:
        return None
    base, finetuned = hash_sides(spec, folders[0], folders[1] if len(folders) > 1 else None)
    return {"base": base, "finetuned": finetuned}


def _seconds(
    pair: PairPlan,
    n_texts: int,
    interactions: int,
    like: Sequence[ArtifactHeader] | None,
    there: bool | None,
) -> tuple[float | None, str]:
    if there:
        return 0.0, "there"
    if like:
        return median(header.seconds for header in like), "measured"
    if pair.n_parameters is None:
        return None, "unknown"
    n_tokens = 2 * n_texts * TEXT_TOKENS + interactions * REPLY_TOKENS
    return seconds_for(pair.n_parameters, n_tokens), "estimated"


def _cell(cell: Cell, pairs: dict[str, PairPlan], model: str | None, epochs: int) -> CellPlan:
    n_samples = len(cell.organisms) * epochs
    usual, most = conversation(neutral_prompt(cell), cell.turns, method=cell.method is not None)
    sizes = [pairs[card.id].n_parameters for card in cell.organisms]
    known = [size for size in sizes if size is not None]
    given = n_given(cell) if cell.arm == "blackbox_matched" else 0
    n_replies = (cell.budget + given) * epochs
    per_reply = n_replies * REPLY_TOKENS
    hosted = [card.pair for card in cell.organisms if isinstance(card.pair, ApiPair)]
    asked = (cell.budget + most_replies(cell.replicate)) * epochs
    return CellPlan(
        arm_id=cell.arm_id,
        n_samples=n_samples,
        interactions=n_replies * len(cell.organisms),
        seconds=(
            sum(seconds_for(size, per_reply) for size in known)
            if len(known) == len(sizes)
            else None
        ),
        usual=_times(usual, n_samples),
        most=_times(most, n_samples),
        usual_money=money(model, _times(usual, n_samples)),
        most_money=money(model, _times(most, n_samples)),
        subjects=subject_tokens(asked * len(hosted)) if hosted else None,
        subject_money=subject_money(hosted, asked) if hosted else None,
    )


def _times(tokens: Tokens, n: int) -> Tokens:
    return Tokens(input=tokens.input * n, output=tokens.output * n)


def _plus(first: Tokens, second: Tokens) -> Tokens:
    return Tokens(input=first.input + second.input, output=first.output + second.output)


def _subjects(*cells: CellPlan) -> dict[str, Any]:
    """Adds up what hosted subject models take in some cells."""
    tokens = [cell.subjects for cell in cells if cell.subjects is not None]
    costs = [cell.subject_money for cell in cells if cell.subject_money is not None]
    return {
        "subjects": reduce(_plus, tokens) if tokens else None,
        "subject_money": added(costs) if costs else None,
    }


def _by_arm(planned: Sequence[CellPlan], model: str | None) -> tuple[CellPlan, ...]:
    """Adds up the cells of one arm, so that a grid reads as one line for each arm."""
    arms: dict[str, CellPlan] = {}
    for one in planned:
        before = arms.get(one.arm_id)
        if before is None:
            arms[one.arm_id] = one
            continue
        usual, most = _plus(before.usual, one.usual), _plus(before.most, one.most)
        unknown = before.seconds is None or one.seconds is None
        arms[one.arm_id] = CellPlan(
            arm_id=one.arm_id,
            n_samples=before.n_samples + one.n_samples,
            interactions=before.interactions + one.interactions,
            seconds=None if unknown else (before.seconds or 0.0) + (one.seconds or 0.0),
            usual=usual,
            most=most,
            usual_money=money(model, usual),
            most_money=money(model, most),
            **_subjects(before, one),
        )
    return tuple(arms.values())
