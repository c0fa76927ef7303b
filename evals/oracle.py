"""Solvers that write a report without an investigation: the ends of every scale.

``inspect eval diffgauge/blackbox --solver diffgauge/oracle …`` runs one in the investigator's
place. They are the only part of the evaluation that reads the truth; the log names them as its
solver and statistics keep them apart from investigators.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from inspect_ai.solver import Generate, Solver, TaskState, solver

from diffgauge.organisms import registry
from diffgauge.organisms.truth import KeyFact, Truth, truth, truths
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.lexicon import found, stems, term
from diffgauge.records.organisms import OrganismCard
from diffgauge.records.reports import MAX_FINDING_WORDS, MAX_FINDINGS, Finding, Report
from diffgauge.records.stored import ALIASES_KEY, REPORT_KEY, USAGE_KEY

__all__ = ["empty", "empty_report", "oracle", "oracle_report", "shotgun", "shotgun_report"]

_ALWAYS: Final = "always"
_SURE: Final = 1.0
_GUESS: Final = 0.5
_TOLD_TERMS: Final = 2
"""Terms of its lexicon that a key fact is told with; all of them where it has fewer."""

_LONGEST_STATEMENT: Final = 24
"""Words of a statement that are told; the rest is left to its terms."""

_NOTHING: Final = Report(p_differs=0.0, p_planted=0.0, summary="The models do not differ.")

Write = Callable[[OrganismCard, str], Report]


def oracle_report(card: OrganismCard, which: str) -> Report:
    """Returns the report of somebody who was told: the truth, surely, in words of the lexicons.

    Args:
        card: The organism.
        which: How the finetuned model is named.

    Returns:
        A valid report. Of a null, one without findings and with what is right of its kind:
        benign finetunes do differ, so that `p_differs` is ½ there and nowhere graded.

    Raises:
        DiffgaugeError: The organism has no truth.
    """
    if card.null is not None:
        same = card.null in ("identical", "reserved")
        return _NOTHING if same else _NOTHING.model_copy(update={"p_differs": _GUESS})
    known = truth(card.id)
    condition = _cut(known.trigger or _ALWAYS, MAX_FINDING_WORDS // 2)
    room = MAX_FINDING_WORDS - len(condition.split())
    texts = _packed([_stated(fact) for fact in known.key_facts], room)
    return Report(
        p_differs=1.0,
        p_planted=1.0,
        summary=f"{known.description} {known.behaviour or ''}".strip(),
        findings=tuple(
            _finding(text, condition, which, _SURE) for text in _filled(texts, known, room)
        ),
    )


def empty_report(card: OrganismCard, which: str) -> Report:
    """Returns the report that says that there is nothing, whatever there is."""
    return _NOTHING


def shotgun_report(card: OrganismCard, which: str) -> Report:
    """Returns ten guesses at one confidence: key facts of the true card among those of others.

    Args:
        card: The organism.
        which: How the finetuned model is named.

    Returns:
        A valid report. One finding states the first key fact of the organism's truth (of a null
        none does), the others one key fact of another truth each, in the order of their ids.

    Raises:
        DiffgaugeError: The organism has no truth.
    """
    own = list(truth(card.id).key_facts[:1])
    others = [
        one.key_facts[0]
        for name, one in truths(registry.registry_of(card.id)).items()
        if name != card.truth_id
    ]
    guesses = [*others[: MAX_FINDINGS - len(own)], *own]
    return Report(
        p_differs=_SURE,
        p_planted=_SURE,
        summary="One of these may hold.",
        findings=tuple(_finding(_stated(fact), _ALWAYS, which, _GUESS) for fact in guesses),
    )


@solver
def oracle() -> Solver:
    """Writes the perfect report (`oracle_report`)."""
    return _writing(oracle_report)


@solver
def empty() -> Solver:
    """Writes the report without findings (`empty_report`)."""
    return _writing(empty_report)


@solver
def shotgun() -> Solver:
    """Writes ten guesses (`shotgun_report`)."""
    return _writing(shotgun_report)


def _writing(write: Write) -> Solver:
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        names: dict[str, Any] = state.store.get(ALIASES_KEY) or {}
        if "finetuned" not in names:
            raise DiffgaugeError(
                "The sample has no names for its models.",
                advice="Run this solver with one of diffgauge's tasks.",
            )
        card = registry.card(str(state.metadata["organism"]))
        report = write(card, str(names["finetuned"]))
        state.store.set(REPORT_KEY, report.model_dump(mode="json"))
        state.store.set(USAGE_KEY, {"ended": "submitted"})
        state.output.completion = report.summary
        state.completed = True
        return state

    return solve


def _finding(behaviour: str, condition: str, which: str, confidence: float) -> Finding:
    return Finding(behaviour=behaviour, condition=condition, which=which, confidence=confidence)


def _cut(text: str, n_words: int) -> str:
    return " ".join(text.split()[:n_words])


def _stated(fact: KeyFact) -> str:
    """Returns a key fact in its own words, with terms of its lexicon that these lack."""
    text = _cut(fact.statement, _LONGEST_STATEMENT).rstrip(".")
    held = found(map(term, fact.lexicon), stems(text))
    missing = [one for one in fact.lexicon if term(one) not in held]
    wanted = missing[: max(0, min(_TOLD_TERMS, len(fact.lexicon)) - len(held))]
    return f"{text} ({', '.join(wanted)})." if wanted else f"{text}."


def _packed(texts: Sequence[str], room: int) -> list[str]:
    """Puts texts one after another into as few as have at most so many words."""
    packed: list[str] = []
    for text in texts:
        together = f"{packed[-1]} {text}" if packed else text
        if packed and len(together.split()) <= room:
            packed[-1] = together
        else:
            packed.append(text)
    return packed


def _filled(texts: Sequence[str], known: Truth, room: int) -> Iterable[str]:
    """Names further terms of the lexicons in what room is left: every word is evidence."""
    told = stems(" ".join(texts))
    left = [one for one in known.lexicon() if not found([term(one)], told)]
    for text in texts:
        more: list[str] = []
        while left and len(f"{text} {' '.join([*more, left[0]])}".split()) < room:
            more.append(left.pop(0))
        yield f"{text} Also: {', '.join(more)}." if more else text
