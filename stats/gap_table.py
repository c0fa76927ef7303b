"""Tables of the tool-to-agent gap: how far key facts got, and which call first exposed them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from diffgauge.records.gaps import STAGES, Break, FactPath, Stage
from diffgauge.records.rows import Row
from diffgauge.stats.cells import Cell, cells, mean
from diffgauge.stats.evidence import mark
from diffgauge.stats.findings import Key, key_of
from diffgauge.stats.gap import Travelled, travelled
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.logs import Logs
from diffgauge.stats.tables import ARM_COLUMNS, Column, Table, Value, key

__all__ = ["gap_tables", "others_reach", "reach"]

_BREAKS: Final[tuple[Break, ...]] = (*STAGES, "none")
_SHARE: Final = (0.0, 1.0)
_NEVER: Final = "(never exposed)"
_OVERVIEW: Final = " (first message)"

_STAGES: Final = (
    Column(
        "exposed",
        "exposed",
        "Share of key facts whose words some tool result showed of the finetuned model, beyond "
        "what other cards' words do there.",
    ),
    Column("noted", "noted", "Share that the investigator wrote of, after they were exposed."),
    Column("submitted", "submitted", "Share that stands in a finding."),
    Column("credited", "credited", "Share that was graded as found."),
)


def reach(samples: Sequence[Row], stage: Stage) -> Estimate:
    """Returns the mean share of key facts that reached a stage, samples without it counted."""
    return mean(samples, lambda row: _gap(row, stage), _SHARE)


def _gap(row: Row, stage: Stage) -> float | None:
    value: float | None = getattr(row, f"gap_{stage}")
    return value


def others_reach(samples: Sequence[Row], held: Mapping[Key, Travelled], stage: Stage) -> Estimate:
    """Returns what other cards' facts reach in the same samples, by the same rule."""

    def of(row: Row) -> float | None:
        one = held.get(key_of(row))
        return None if one is None else one.others.get(stage)

    return mean(samples, of, _SHARE)


def gap_tables(rows: Sequence[Row], read: Logs) -> list[Table]:
    """How far key facts got in each arm, and by which calls they were first exposed.

    Args:
        rows: Graded rows.
        read: The logs they come from: the paths stand in the scores.

    Returns:
        Three tables; none where the scorer `gap` scored nothing.
    """
    held = travelled(read)
    if not held:
        return []
    arms = [cell for cell in cells(rows) if any(key_of(row) in held for row in cell.planted)]
    return [make(arms, held, rows) for make in (_funnel, _breaks, _calls)]


def _facts(cell: Cell, held: Mapping[Key, Travelled]) -> list[FactPath]:
    found = (held.get(key_of(row)) for row in cell.planted)
    return [path for one in found if one is not None for path in one.paths]


def _funnel(arms: Sequence[Cell], held: Mapping[Key, Travelled], rows: Sequence[Row]) -> Table:
    lines = []
    for cell in arms:
        values: dict[str, Value] = dict(key(cell))
        values |= {stage: reach(cell.planted, stage) for stage in STAGES}
        values["others"] = others_reach(cell.planted, held, "exposed")
        lines.append(values)
    return Table(
        "gap",
        "From the tools to the report: how far key facts get",
        "Means over planted samples of the share of key facts that reached each stage, with 90 % "
        "intervals over organisms. Counted by the words of the card's lexicon: what is said in "
        "other words is not seen, and the last column shows what words of other cards reach.",
        (
            *ARM_COLUMNS,
            *_STAGES,
            Column(
                "others",
                "exposed: other cards",
                "The same share for the facts of all other cards on the same results.",
            ),
        ),
        tuple(lines),
        mark(rows),
    )


def _breaks(arms: Sequence[Cell], held: Mapping[Key, Travelled], rows: Sequence[Row]) -> Table:
    lines = []
    for cell in arms:
        facts = _facts(cell, held)
        broke = Counter(path.broke_at for path in facts)
        values: dict[str, Value] = {**key(cell), "facts": len(facts)}
        values |= {f"broke_{stage}": broke[stage] for stage in _BREAKS}
        values["guessed"] = sum(
            path.submitted is not None and path.exposed is None for path in facts
        )
        lines.append(values)
    return Table(
        "gap_breaks",
        "Where key facts are lost",
        "Key facts × samples by the stage they did not reach after the last one they did.",
        (*ARM_COLUMNS, *_BREAK_COLUMNS),
        tuple(lines),
        mark(rows),
    )


_BREAK_COLUMNS: Final = (
    Column("facts", "facts", "Key facts × samples."),
    Column("broke_exposed", "nothing", "Reached no stage."),
    Column("broke_noted", "not noted", "Exposed, and never written of."),
    Column("broke_submitted", "not submitted", "Written of, and in no finding."),
    Column("broke_credited", "not credited", "In a finding, and not graded as found."),
    Column("broke_none", "arrived", "Graded as found."),
    Column(
        "guessed",
        "submitted unexposed",
        "Of all facts: in a finding though no single result exposed them by this rule.",
    ),
)


def _calls(arms: Sequence[Cell], held: Mapping[Key, Travelled], rows: Sequence[Row]) -> Table:
    lines: list[dict[str, Value]] = []
    for cell in arms:
        by_call: dict[str, list[FactPath]] = {}
        for path in _facts(cell, held):
            by_call.setdefault(_first_call(path), []).append(path)
        for name, paths in sorted(by_call.items(), key=lambda one: (one[0] == _NEVER, one[0])):
            values: dict[str, Value] = {**key(cell), "call": name, "facts": len(paths)}
            for stage in STAGES[1:]:
                values[stage] = sum(path.reached(stage) for path in paths)
            lines.append(values)
    return Table(
        "gap_calls",
        "Which call first exposed them",
        "Key facts × samples by the tool whose result was the first to expose them, and how many "
        "of these went on.",
        (
            *ARM_COLUMNS,
            Column("call", "first exposed by", "A tool; the overview stands in the first message."),
            Column("facts", "facts", "Key facts first exposed there."),
            Column("noted", "noted", "Of these, written of by the investigator."),
            Column("submitted", "submitted", "Of these, in a finding."),
            Column("credited", "credited", "Of these, graded as found."),
        ),
        tuple(lines),
        mark(rows),
    )


def _first_call(path: FactPath) -> str:
    if path.exposed is None:
        return _NEVER
    tool = path.exposed.tool or "unknown"
    return tool if path.exposed.call_id is not None else f"{tool}{_OVERVIEW}"
