"""Two arms' transcripts of one organism as one page: self-contained, inert whatever they say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from string import Template
from typing import Any, Final

from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.reports import Report
from diffgauge.records.stored import REPORT_KEY
from diffgauge.stats.evidence import caution, mark
from diffgauge.stats.rendering import escaped
from diffgauge.stats.shown_results import in_lines
from diffgauge.stats.transcripts import Call, Side, Turn, plain, report_of, score_words, side_of

__all__ = ["compare_transcripts", "page_of"]

_TEMPLATE: Final = Path(__file__).parent / "templates" / "transcripts.html"
_SHOWN_CHARS: Final = 40_000
"""Characters of one text that are shown: a model may write without end."""

_SUMMARY_CHARS: Final = 140
_SUBMIT: Final = "submit_report"


def compare_transcripts(logs: tuple[str, str], organism: str, epoch: int, out: Path) -> Path:
    """Writes two transcripts of one organism side by side.

    Args:
        logs: Two ``.eval`` files, or folders that hold one sample of it each.
        organism: Card id.
        epoch: 1-based repeat.
        out: The page; its folder is made where it is not there.

    Returns:
        The page.

    Raises:
        DiffgaugeError: There is not exactly one such sample in each, or `out` cannot be written.
    """
    left, right = (side_of(log, organism, epoch) for log in logs)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(page_of(left, right), encoding="utf-8")
    except OSError as error:
        raise DiffgaugeError(
            f"The page cannot be written to {out}: {error.strerror or error}.",
            advice="Name another file with --out.",
        ) from error
    return out


def page_of(left: Side, right: Side) -> str:
    """Returns the page as HTML. Text of models and of logs is escaped wherever it stands."""
    rows = [left.row, right.row]
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        organism=escaped(left.row.organism),
        subtitle=escaped(f"epoch {left.row.epoch}, {_kind(left)}; two transcripts, turn by turn"),
        evidence=escaped(mark(rows)),
        caution=escaped(caution(rows)),
        heads="".join(_head(side, at) for at, side in enumerate((left, right))),
        first="".join(_first(side, at) for at, side in enumerate((left, right))),
        turns="".join(_turn_pairs(left, right)),
        reports="".join(_report(side, at) for at, side in enumerate((left, right))),
        grades=_grades(left, right),
        facts="".join(_facts(side, at) for at, side in enumerate((left, right))),
    )


def _kind(side: Side) -> str:
    return "planted" if side.row.null == "none" else f"a {side.row.null} null"


def _cell(at: int, inside: str, more: str = "") -> str:
    return f'<div class="cell arm{at} {more}">{inside}</div>'


def _head(side: Side, at: int) -> str:
    row = side.row
    facts = [
        ("investigator", row.investigator),
        ("outcome", row.outcome),
        ("interactions", f"{plain(row.interactions)} of {plain(row.budget)}"),
        ("calls", plain(row.n_calls)),
        ("turns", plain(row.turns)),
        ("log", side.log),
    ]
    listed = "".join(f"<dt>{escaped(name)}</dt><dd>{escaped(said)}</dd>" for name, said in facts)
    return _cell(at, f"<h2>{escaped(row.arm_id)}</h2><dl>{listed}</dl>")


def _first(side: Side, at: int) -> str:
    n = len(side.first)
    return _cell(at, _folded(f"First message, {n:,} characters", side.first))


def _folded(summary: str, text: str, more: str = "") -> str:
    """Text that opens at a click; nothing but HTML's own element does that."""
    line = " ".join(summary.split())
    shown = line if len(line) <= _SUMMARY_CHARS else f"{line[: _SUMMARY_CHARS - 1]}…"
    return (
        f'<details class="{more}"><summary>{escaped(shown)}</summary>'
        f"<pre>{_text(text)}</pre></details>"
    )


def _text(text: str) -> str:
    if len(text) <= _SHOWN_CHARS:
        return escaped(text)
    return f"{escaped(text[:_SHOWN_CHARS])}\n… cut here: {len(text):,} characters in all"


def _turn_pairs(left: Side, right: Side) -> Iterator[str]:
    arms = [side.row.arm_id for side in (left, right)]
    for number, pair in enumerate(zip_longest(left.turns, right.turns), start=1):
        for at, turn in enumerate(pair):
            shown = "" if turn is None else _turn(turn, f"{arms[at]}, turn {number}")
            yield _cell(at, shown, "" if turn else "empty")


def _turn(turn: Turn, name: str) -> str:
    parts = [f'<p class="number">{escaped(name)}</p>']
    if turn.told:
        parts.append(f'<p class="told">{_text(turn.told)}</p>')
    if turn.reasoning:
        parts.append(_folded("reasoning", turn.reasoning, "reasoning"))
    if turn.said:
        parts.append(f'<p class="said">{_text(turn.said)}</p>')
    parts += [_call(call) for call in turn.calls]
    return "".join(parts)


def _call(call: Call) -> str:
    # The report stands below, laid out.
    given = "" if call.tool == _SUBMIT else _given(call.arguments)
    named = f'<p class="call"><b>{escaped(call.tool)}</b></p>{given}'
    if call.answer is None:
        return f'{named}<p class="small">never answered</p>'
    if call.answer.failed:
        return f'{named}<p class="failed">{_text(call.answer.text)}</p>'
    summary, whole = in_lines(call.answer.text)
    return named + _folded(summary, whole)


def _given(arguments: Mapping[str, Any]) -> str:
    if not arguments:
        return ""
    held = "".join(
        f"<li><span>{escaped(name)}</span> {_text(_argument(value))}</li>"
        for name, value in arguments.items()
    )
    return f"<ul>{held}</ul>"


def _argument(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "\n".join(f"» {one}" for one in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _report(side: Side, at: int) -> str:
    report = report_of(side.sample, REPORT_KEY)
    if report is None:
        return _cell(at, '<p class="failed">No report was accepted.</p>')
    findings = "".join(_finding(report, number) for number in range(len(report.findings)))
    return _cell(
        at,
        f"<p>p_differs <b>{report.p_differs:g}</b>, p_planted <b>{report.p_planted:g}</b></p>"
        f'<p class="said">{_text(report.summary)}</p>'
        + (f"<ol>{findings}</ol>" if findings else '<p class="small">No findings.</p>'),
    )


def _finding(report: Report, number: int) -> str:
    one = report.findings[number]
    quotes = "".join(
        f"<blockquote>{_text(said.excerpt)} <cite>{escaped(said.tool)}</cite></blockquote>"
        for said in one.evidence
    )
    return (
        f"<li><b>{_text(one.behaviour)}</b> — {_text(one.condition)}"
        f'<p class="small">{escaped(one.which)}, confidence {one.confidence:g}</p>{quotes}</li>'
    )


def _grades(left: Side, right: Side) -> str:
    scores = [side.sample.scores or {} for side in (left, right)]
    names = list(dict.fromkeys(name for held in scores for name in held))
    lines = "".join(
        f'<tr><th scope="row">{escaped(name)}</th>'
        + "".join(f"<td>{_grade(held.get(name))}</td>" for held in scores)
        + "</tr>"
        for name in names
    )
    heads = "".join(f'<th scope="col">{escaped(side.row.arm_id)}</th>' for side in (left, right))
    return f'<table><thead><tr><th scope="col">scorer</th>{heads}</tr></thead>{lines}</table>'


def _grade(score: Any) -> str:
    if score is None:
        return "not requested"
    why = f'<p class="small">{_text(score.explanation)}</p>' if score.explanation else ""
    return f"{escaped(score_words(score))}{why}"


def _facts(side: Side, at: int) -> str:
    score = (side.sample.scores or {}).get("gap")
    held: Sequence[Any] = ((score.metadata or {}).get("facts") or ()) if score else ()
    if not held:
        return _cell(at, '<p class="small">The gap was not scored.</p>')
    return _cell(at, f"<ol>{''.join(_fact(one) for one in held)}</ol>")


def _fact(one: Mapping[str, Any]) -> str:
    steps = []
    for stage in ("exposed", "noted", "submitted", "credited"):
        place = one.get(stage)
        where = "" if place is None else f" {place.get('tool') or ''} (message {place['message']})"
        mark_ = "✓" if place is not None else "✗"
        steps.append(f"<li>{mark_} {stage}{escaped(where)}</li>")
    words = ", ".join(map(str, one.get("shown") or ()))
    shown = f'<p class="small">shown: {escaped(words)}</p>' if words else ""
    return f"<li>{escaped(one.get('statement', ''))}<ul>{''.join(steps)}</ul>{shown}</li>"
