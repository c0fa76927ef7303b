"""Hypotheses in numbers, against counts made by hand; the page with all its parts."""

import json
import math
from pathlib import Path

import pandas as pd
import pytest

from diffgauge.records.hypotheses import Hypothesis, Judged, Rating, VerdictRow
from diffgauge.stats.hypotheses import accuracy, effect, frequency, gap, measured
from diffgauge.stats.hypotheses_page import HypothesesPage
from diffgauge.stats.intervals import clopper_pearson

pytestmark = pytest.mark.unit

CLAIM = Hypothesis(id="h", text="Says | ahoy.\n<b>", predicted="b")


def judged(n_for: int, n_against: int, n_neither: int, **more: object) -> Judged:
    """One pair of replies for each prompt."""
    rows = [(1, 0, 0)] * n_for + [(0, 1, 0)] * n_against + [(0, 0, 1)] * n_neither
    given: dict[str, object] = {
        "hypothesis": "h",
        "split": "test",
        "n_predicted": n_for,
        "n_other": n_against,
        "n_neither": n_neither,
        "by_prompt": tuple(rows),
        "p_value": 0.01,
        "accepted": True,
    }
    return Judged.model_validate(given | more)


def test_accuracy_frequency_and_effect_leave_out_what_is_not_known() -> None:
    one = judged(12, 4, 24, n_unjudged=10, n_error=10)
    assert accuracy(one).value == 12 / 16
    assert (accuracy(one).low, accuracy(one).high) == pytest.approx(
        clopper_pearson(12, 16), abs=0.03
    )
    assert frequency(one).value == 16 / 40
    assert effect(one).value == 8 / 40
    assert effect(one).low < 8 / 40 < effect(one).high
    [found] = measured([CLAIM], [one])
    # Of 50 pairs 24 say neither: what failed counts as applying in the published formula.
    assert found.legacy_frequency == 1 - 24 / 50
    assert found.legacy_accuracy == 12 / 16 and found.legacy_accepted is None


def test_nothing_decided_is_undefined_and_not_zero() -> None:
    for one in (judged(0, 0, 5), None):
        assert math.isnan(accuracy(one).value)
    assert math.isnan(frequency(None).value) and math.isnan(effect(None).value)
    assert frequency(judged(0, 0, 5)).value == 0


def test_replies_to_one_prompt_widen_the_interval() -> None:
    apart = judged(20, 20, 0)
    together = apart.model_copy(update={"by_prompt": ((4, 0, 0), (0, 4, 0)) * 5})
    assert accuracy(together).value == accuracy(apart).value
    assert accuracy(together).low < accuracy(apart).low


def test_the_gap_is_between_the_splits() -> None:
    found = gap(accuracy(judged(18, 2, 0)), accuracy(judged(10, 10, 0)))
    assert found.value == pytest.approx(0.9 - 0.5)
    assert found.low < 0.4 < found.high
    assert math.isnan(gap(accuracy(None), accuracy(judged(1, 1, 0))).value)


def verdicts() -> list[VerdictRow]:
    return [
        VerdictRow(
            hypothesis="h",
            prompt="p",
            split="test",
            first="a",
            verdict="error",
            grader="some/model",
            problem="the grader could not be asked (RateLimitError)",
        )
    ]


def ratings() -> list[Rating]:
    return [
        Rating(
            hypothesis=hypothesis,
            scale="abstraction",
            grader=grader,
            repeat=1,
            parts={"scope": grade, "generality": grade, "depth": grade},
        )
        for grader in ("x/one", "y/two")
        for hypothesis, grade in (("h", 2), ("i", 4))
    ]


def page(**nulls: list[Judged]) -> HypothesesPage:
    other = CLAIM.model_copy(update={"id": "i", "text": "Rhymes."})
    rows = [judged(12, 4, 24), judged(3, 3, 0, hypothesis="i", accepted=False)]
    about = {"graders": ["some/model"], "rate": 0.05}
    named = {name.replace("_", ":"): rows for name, rows in nulls.items()}
    return HypothesesPage([CLAIM, other], rows, named, ratings(), verdicts(), about)


def test_the_page_says_where_nothing_differs_what_holds(tmp_path: Path) -> None:
    null = [judged(3, 3, 0, accepted=False), judged(9, 0, 0, hypothesis="i", accepted=True)]
    markdown, twin, parquet = page(null_a=null).write("diffgauge hypotheses evaluate", tmp_path)
    text, data = markdown.read_text(), json.loads(twin.read_text())
    assert "0.50" in data["tables"]["nulls"]["rows"][0]["share"]
    assert "of 2 tests hold" in text and "Operating point" in text
    assert [row["id"] for row in data["tables"]["hypotheses"]["rows"]] == ["h", "i"]
    assert "Says \\| ahoy.<br>" in text
    assert any("RateLimitError" in note for note in data["notes"])
    assert any("1.00" in note for note in data["notes"] if "Krippendorff" in note)
    assert pd.read_parquet(parquet)["verdict"].tolist() == ["error"]
    assert data["rows"][0]["accuracy"]["value"] == 12 / 16


def test_without_a_null_the_page_says_that_it_was_not_measured() -> None:
    [table] = page().tables()
    assert "not measured" in table.text
