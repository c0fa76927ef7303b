"""An evaluation of hypotheses as files, and the table of it that is printed."""

from __future__ import annotations

import html
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from diffgauge.records.folders import write_files
from diffgauge.records.hypotheses import (
    Hypothesis,
    Judged,
    PairedReplies,
    Rating,
    RatingScale,
    VerdictRow,
)
from diffgauge.records.printing import neutralised
from diffgauge.stats.hypotheses import Measured, accepted_share, measured
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.reliability import krippendorff_alpha
from diffgauge.stats.table_files import page_data, page_markdown, write_page
from diffgauge.stats.tables import Column, Table, Value, as_json

__all__ = ["HypothesesPage"]

_TITLE: Final = "Which hypotheses hold on held-out prompts"
_CAUTION: Final = (
    "A hypothesis that holds is shown for prompts like those it was tested on. Intervals are 90 % "
    "and cluster by prompt; verdicts that failed or are missing stand in no denominator."
)
_IN_FILES: Final = frozenset({"id", "gap", "counts", "failed", "legacy", "ratings"})
"""Columns that are not printed."""

_OFFLINE: Final = "diffgauge/"
_EXAMPLES: Final = 2
_EXAMPLE_CHARS: Final = 400
_SCALES: Final[tuple[RatingScale, ...]] = ("interestingness", "abstraction")
_COLUMNS: Final = (
    Column("id", "id", "Of the hypothesis."),
    Column("claim", "hypothesis", "As it was given."),
    Column("predicted", "model", "The model that it says does it."),
    Column("accepted", "holds", "Accepted on held-out prompts, false-discovery rate controlled."),
    Column("p_value", "p", "One-sided, paired by prompt, not corrected."),
    Column("accuracy", "accuracy", "Of decided pairs, the share for the prediction; chance .50."),
    Column("frequency", "frequency", "Share of pairs in which one reply fits better."),
    Column("effect", "effect", "Share for the prediction less share against it."),
    Column("gap", "gap", "Accuracy on training prompts less that on held-out ones."),
    Column("counts", "pairs", "For the prediction / against / neither / disputed / no verdict."),
    Column("failed", "failed", "Single verdicts that failed + that were not given."),
    Column("legacy", "legacy", "The published rule: accepts, accuracy, frequency. To compare."),
    Column("ratings", "ratings", "Mean interestingness, abstraction; 1 to 5."),
)
_NULL_COLUMNS: Final = (
    Column("drawn", "replies", "Whose two replies were judged as if of two models."),
    Column("share", "accepted", "Share of hypotheses that hold there: none should."),
    Column("n", "hypotheses", "Tested."),
)


class HypothesesPage:
    """What an evaluation says, to be written and printed.

    Args:
        hypotheses: What was judged.
        judged: On both models' replies.
        nulls: On two replies of one model, by whose; empty where there are none.
        ratings: Of any rater.
        verdicts: Every row.
        about: What was asked, as plain JSON values; ``graders`` and ``rate`` are read.
        replies: From which examples are shown of what holds; none shows no examples.
    """

    def __init__(
        self,
        hypotheses: Sequence[Hypothesis],
        judged: Sequence[Judged],
        nulls: Mapping[str, Sequence[Judged]],
        ratings: Sequence[Rating],
        verdicts: Sequence[VerdictRow],
        about: Mapping[str, Any],
        replies: Sequence[PairedReplies] = (),
    ) -> None:
        self._about, self._nulls, self._replies = about, nulls, replies
        self._ratings, self._verdicts = ratings, verdicts
        self._measured = measured(hypotheses, judged, ratings)
        offline = all(name.startswith(_OFFLINE) for name in about["graders"])
        self._mark = f"evidence: {'offline grader' if offline else 'model grader'}"
        self._judged = judged

    def tables(self) -> list[Table]:
        """Returns the hypotheses, those that hold and have the largest effect first."""
        ordered = sorted(self._measured, key=_rank)
        return [
            Table(
                "hypotheses",
                _TITLE,
                f"{accepted_share(self._judged).n} tested together at a false-discovery rate of "
                f"{self._about['rate']:g}. {self._operating_point()}",
                _COLUMNS,
                tuple(map(_row, ordered)),
                self._mark,
            ),
            *([self._null_table()] if self._nulls else []),
        ]

    def shown(self) -> list[Table]:
        """Returns the tables with the columns that a terminal has room for."""
        return [
            replace(one, columns=tuple(c for c in one.columns if c.key not in _IN_FILES))
            for one in self.tables()
        ]

    def write(self, command: str, out: Path) -> tuple[Path, ...]:
        """Writes ``hypotheses.md``, ``hypotheses.json`` and ``verdicts.parquet``.

        Args:
            command: The command that does it again.
            out: Folder to write into.

        Raises:
            DiffgaugeError: The folder cannot be written.
        """
        markdown = page_markdown(
            _TITLE, [f"`{self._mark}`", _CAUTION], command, self.tables(), self.notes()
        )
        markdown += "".join(f"\n{part}\n" for part in self._examples())
        files = write_page(out, "hypotheses", markdown, self.data(command))
        import pandas as pd

        rows = [row.model_dump() for row in self._verdicts]
        frame = pd.DataFrame(rows, columns=list(VerdictRow.model_fields))
        contents = {"verdicts.parquet": frame.to_parquet(index=False)}
        written = write_files(out, contents, "Verdicts", "Name another folder with --out.")
        return (*files, *written)

    def data(self, command: str) -> dict[str, Any]:
        """Returns the page as plain JSON values; what is missing is null."""
        rows = [_numbers(one) for one in self._measured]
        tables, notes = self.tables(), self.notes()
        return page_data(self._mark, [_CAUTION], command, self._about, tables, notes, rows)

    def notes(self) -> list[str]:
        """Returns what a reader should know beside: agreement of raters, and what failed."""
        return [*self._about.get("notes", ()), *self._agreement(), *self._problems()]

    def _operating_point(self) -> str:
        if not self._nulls:
            return (
                "Operating point not measured: no prompt has two replies of each model, so that "
                "the same model could be judged against itself."
            )
        held = [one for judged in self._nulls.values() for one in judged]
        share = accepted_share(held)
        return (
            "Operating point: judged on two replies of one and the same model, "
            f"{_interval(share)} of {share.n} tests hold."
        )

    def _null_table(self) -> Table:
        rows: list[dict[str, Value]] = []
        for drawn, judged in self._nulls.items():
            share = accepted_share(judged)
            whose = f"model {drawn.removeprefix('null:')} twice"
            rows.append({"drawn": whose, "share": _interval(share), "n": share.n})
        return Table(
            "nulls",
            "The same test where nothing differs",
            "Two replies of one model to each prompt stand in the places of the two models.",
            _NULL_COLUMNS,
            tuple(rows),
            self._mark,
        )

    def _agreement(self) -> Iterator[str]:
        import pandas as pd

        for scale in _SCALES:
            rated = [one for one in self._ratings if one.scale == scale and one.parts]
            if not rated:
                continue
            frame = pd.DataFrame(
                {
                    "task_id": scale,
                    "sample_id": one.hypothesis,
                    "epoch": 1,
                    "truth_id": one.hypothesis,
                    "grader": one.grader,
                    "grade": round(sum(one.parts.values()) / len(one.parts)),
                }
                for one in rated
            )
            alpha = krippendorff_alpha(frame)
            told = "undefined with one rater" if math.isnan(alpha.value) else _interval(alpha)
            yield f"Agreement of raters on {scale}, Krippendorff's alpha (ordinal): {told}."

    def _examples(self) -> Iterator[str]:
        """Yields, of each hypothesis that holds, held-out replies that it was judged to fit."""
        texts = {(one.prompt, one.number): one for one in self._replies}
        for one in sorted(self._measured, key=_rank):
            if one.test is None or not one.test.accepted or not texts:
                continue
            fitting = dict.fromkeys(
                (row.prompt, row.number)
                for row in self._verdicts
                if (row.hypothesis, row.drawn, row.split) == (one.hypothesis.id, "pair", "test")
                and row.winner == one.hypothesis.predicted
            )
            shown = [texts[key] for key in fitting if key in texts][:_EXAMPLES]
            claim = " ".join(neutralised(one.hypothesis.text).split())
            yield f"## Examples: {claim} (model {one.hypothesis.predicted})"
            for pair in shown:
                yield "\n".join(
                    f"> **{name}** {_short(text)}\n>"
                    for name, text in (("prompt", pair.prompt), ("a", pair.a), ("b", pair.b))
                )

    def _problems(self) -> Iterator[str]:
        rows: list[VerdictRow | Rating] = [*self._verdicts, *self._ratings]
        counts = Counter((row.grader, row.problem) for row in rows if row.problem is not None)
        for (grader, problem), n in sorted(counts.items()):
            yield f"{grader}, {n} times: {problem}"


def _rank(one: Measured) -> tuple[bool, float, str]:
    held = one.test is not None and bool(one.test.accepted)
    value = one.effect.value
    return not held, math.inf if math.isnan(value) else -value, one.hypothesis.id


def _row(one: Measured) -> dict[str, Value]:
    test = one.test
    rated = [one.ratings[scale] for scale in _SCALES]
    return {
        "id": one.hypothesis.id,
        "claim": one.hypothesis.text,
        "predicted": one.hypothesis.predicted,
        "accepted": _yes(None if test is None else test.accepted),
        "p_value": None if test is None else f"{test.p_value:.2g}",
        "accuracy": _interval(one.accuracy),
        "frequency": _interval(one.frequency),
        "effect": _interval(one.effect),
        "gap": _interval(one.gap),
        "counts": None
        if test is None
        else f"{test.n_predicted} / {test.n_other} / {test.n_neither} / {test.n_disputed} / "
        f"{test.n_unjudged}",
        "failed": None if test is None else f"{test.n_error} + {test.n_missing}",
        "legacy": f"{_yes(one.legacy_accepted)}, {_figure(one.legacy_accuracy)}, "
        f"{_figure(one.legacy_frequency)}",
        "ratings": None if all(map(math.isnan, rated)) else ", ".join(map(_figure, rated)),
    }


def _numbers(one: Measured) -> dict[str, Any]:
    estimates = {
        name: as_json(getattr(one, name)) for name in ("accuracy", "frequency", "effect", "gap")
    }
    splits = {
        split: None if judged is None else judged.model_dump(mode="json", exclude={"by_prompt"})
        for split, judged in (("test", one.test), ("train", one.train))
    }
    return {
        **one.hypothesis.model_dump(mode="json"),
        **splits,
        **estimates,
        "legacy_accepted": one.legacy_accepted,
        "legacy_accuracy": as_json(one.legacy_accuracy),
        "legacy_frequency": as_json(one.legacy_frequency),
        "ratings": {scale: as_json(value) for scale, value in one.ratings.items()},
    }


def _interval(one: Estimate) -> str:
    if math.isnan(one.value):
        return "–"
    ends = f"{_figure(one.low)}, {_figure(one.high)}"
    return f"{one.value:.2f} [{'undefined' if math.isnan(one.low) else ends}]"


def _figure(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"


def _yes(value: bool | None) -> str:
    return "–" if value is None else "yes" if value else "no"


def _short(text: str | None) -> str:
    """A reply on one line, cut, in which no mark of Markdown or HTML counts."""
    line = " ".join(neutralised(text or "").split())
    cut = line if len(line) <= _EXAMPLE_CHARS else f"{line[:_EXAMPLE_CHARS]}…"
    return html.escape(cut).replace("`", "\\`").replace("*", "\\*")
