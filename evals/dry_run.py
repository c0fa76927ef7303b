"""What a run would load, compute, sample and cost: a plan, made without doing any of it."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final, NoReturn

from diffgauge.evals.cells import Cell
from diffgauge.evals.estimates import (
    REPLY_TOKENS,
    TEXT_TOKENS,
    Money,
    Tokens,
    conversation,
    headers_in,
    money,
    n_parameters,
    seconds_for,
)
from diffgauge.evals.prompting import neutral_prompt
from diffgauge.evals.readiness import corpora_of, settings_of
from diffgauge.methods import registry as methods
from diffgauge.methods.artifacts import ArtifactStore
from diffgauge.methods.method import Method, MethodSettings
from diffgauge.organisms import registry as organisms
from diffgauge.records.artifacts import ArtifactHeader
from diffgauge.records.organisms import AdapterPair, FullPair, OrganismCard, PairSpec
from diffgauge.records.record import Record

__all__ = ["ArtifactPlan", "CellPlan", "DryRun", "PairPlan", "plan", "stop_with_plan"]

_BYTES: Final = {"float32": 4, "float16": 2, "bfloat16": 2}
_NARROWEST: Final = 118
_HASHED_BYTES: Final = 2 * 2**30
"""Models larger than this are not hashed for a plan, so that whether their artifact is there
already is not known."""


class PairPlan(Record):
    """A pair that would be loaded.

    Attributes:
        organism: Whose.
        kind: Of pair.
        n_parameters: Weights in memory, both sides; None for what is not on this machine yet.
        memory_bytes: What they take in the compute dtype; None likewise.
    """

    organism: str
    kind: str
    n_parameters: int | None
    memory_bytes: int | None


class ArtifactPlan(Record):
    """An artifact that would be computed, or read.

    Attributes:
        organism: Of which pair.
        method: By which method.
        corpus: Read where.
        n_texts: Texts read.
        interactions: Replies sampled at most to build it.
        there: Whether it is there already; None when that cannot be told without loading.
        seconds: What computing takes; 0 when it is there, None when it cannot be told.
        timing: ``measured``, ``estimated``, ``there`` or ``unknown``.
    """

    organism: str
    method: str
    corpus: str
    n_texts: int
    interactions: int
    there: bool | None
    seconds: float | None
    timing: str


class CellPlan(Record):
    """The investigations of one arm.

    Attributes:
        arm_id: The arm.
        n_samples: Organisms times epochs.
        interactions: Replies sampled from subject models at most, over all samples.
        seconds: What sampling them takes at most; None when a pair's size is not known.
        usual: Tokens of the investigator over all samples, as they usually come out.
        most: The same at the turn limit.
        usual_money: What the usual tokens cost.
        most_money: What the most tokens cost.
    """

    arm_id: str
    n_samples: int
    interactions: int
    seconds: float | None
    usual: Tokens
    most: Tokens
    usual_money: Money
    most_money: Money


class DryRun(Record):
    """The whole plan.

    Attributes:
        model: The investigator; None when not named.
        epochs: Repeats of each sample.
        pairs: Loaded, one after the other.
        artifacts: Computed or read.
        cells: Sampled.
        largest_memory_bytes: Of one pair; None when none is known.
        assumptions: What the figures rest on, in words.
    """

    model: str | None
    epochs: int
    pairs: tuple[PairPlan, ...]
    artifacts: tuple[ArtifactPlan, ...]
    cells: tuple[CellPlan, ...]
    largest_memory_bytes: int | None
    assumptions: tuple[str, ...]


_ASSUMPTIONS: Final = (
    "Memory counts weights alone; activations and the tokenizer come on top.",
    "Seconds are measured where the same method already read this base with as many texts here; "
    "else they are estimated at 10 GFLOP/s, about two CPU cores.",
    "Investigators usually take 10 turns; 'at most' is every turn allowed. Each turn sends the "
    "whole conversation again, as if no prompt were cached.",
    "Grader models come on top: one short call for each sample and grader.",
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
    cards = {card.id: (card, cell) for cell in cells for card in cell.organisms}
    pairs = {name: _pair(card, cell) for name, (card, cell) in cards.items()}
    headers = headers_in(ArtifactStore().root)
    memory = [pair.memory_bytes for pair in pairs.values() if pair.memory_bytes is not None]
    return DryRun(
        model=model,
        epochs=epochs,
        pairs=tuple(pairs.values()),
        artifacts=tuple(
            _artifact(cell, card, pairs[card.id], headers)
            for cell in cells
            if cell.method is not None
            for card in cell.organisms
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


def _folders(spec: PairSpec) -> list[Path]:
    names = [spec.base]
    if isinstance(spec, AdapterPair):
        names.append(spec.adapter)
    elif isinstance(spec, FullPair):
        names.append(spec.finetuned)
    return [Path(name).expanduser() for name in names]


def _pair(card: OrganismCard, cell: Cell) -> PairPlan:
    folders = _folders(organisms.resolved(card))
    known = all(folder.is_dir() for folder in folders)
    n = sum(n_parameters(folder) for folder in folders) if known else None
    return PairPlan(
        organism=card.id,
        kind=card.pair.kind,
        n_parameters=n,
        memory_bytes=None if n is None else n * _BYTES[cell.dtype],
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
    chosen = settings.model_dump(mode="json")
    return [
        header
        for header in headers
        if header.inputs.method == method.name
        and header.inputs.method_version == method.version
        and header.inputs.pair.base == sides["base"]
        and header.inputs.pair.dtype == cell.dtype
        and header.inputs.settings.get("corpus") == chosen["corpus"]
        and header.inputs.settings.get("n_texts") == chosen["n_texts"]
    ]


def _sides(card: OrganismCard) -> dict[str, str] | None:
    """Hashes of both sides, from files; None for what is large or not here."""
    from diffgauge.models.fingerprint import hash_adapter, hash_model

    spec = organisms.resolved(card)
    folders = _folders(spec)
    if not all(folder.is_dir() for folder in folders):
        return None
    files = [file for folder in folders for file in folder.glob("*.safetensors")]
    if sum(file.stat().st_size for file in files) > _HASHED_BYTES:
        return None
    base = hash_model(folders[0], spec.base_revision)
    finetuned = base
    if isinstance(spec, AdapterPair):
        finetuned = hash_adapter(folders[1], spec.adapter_revision, base)
    elif isinstance(spec, FullPair):
        finetuned = hash_model(folders[1], spec.finetuned_revision)
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
    per_reply = cell.budget * REPLY_TOKENS * epochs
    return CellPlan(
        arm_id=cell.arm_id,
        n_samples=n_samples,
        interactions=cell.budget * n_samples,
        seconds=(
            sum(seconds_for(size, per_reply) for size in known)
            if len(known) == len(sizes)
            else None
        ),
        usual=_times(usual, n_samples),
        most=_times(most, n_samples),
        usual_money=money(model, _times(usual, n_samples)),
        most_money=money(model, _times(most, n_samples)),
    )


def _times(tokens: Tokens, n: int) -> Tokens:
    return Tokens(input=tokens.input * n, output=tokens.output * n)


def _plus(first: Tokens, second: Tokens) -> Tokens:
    return Tokens(input=first.input + second.input, output=first.output + second.output)


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
        )
    return tuple(arms.values())
