"""Thin and odd rows: each gets the widest honest answer, or is told what is missing."""

import json
from collections.abc import Callable

import pandas as pd
import pytest

from diffgauge.stats.answer_sets import answers
from diffgauge.stats.answers_page import answers_section
from diffgauge.stats.engines import choice
from diffgauge.stats.markdown import in_markdown, page_in_markdown
from diffgauge.stats.page_html import page_html
from diffgauge.stats.parts import Chapter, Page
from diffgauge.stats.report_json import report_json
from tests.stats.draws import known
from tests.stats.tables import grid

pytestmark = pytest.mark.unit

MARK = "evidence: organisms+model"
TWO = {"blackbox": [0.3] * 3, "adl:method": [0.7] * 3}
NO_ORGANISM = "One organism"
RESERVED = ("obs", "method", "draw", "chain", "arm_id", "organism", "indexers", "tolerance", "drop")


def base() -> pd.DataFrame:
    return grid(TWO, n_epochs=2, n_nulls=2)


def with_second_grader() -> pd.DataFrame:
    frame = base()
    other = frame.assign(grader="other/grader", grade=6 - frame["grade"])
    return pd.concat([frame, other], ignore_index=True)


def told(frame: pd.DataFrame) -> str:
    """Everything a report says of the rows' models, through each of its twins."""
    found = answers(frame, engine="direct")
    section = answers_section(found, frame, MARK)
    chapters = (Chapter("first", "First", section.first), Chapter("rest", "Rest", section.parts))
    page = Page("Title", "", MARK, "", chapters)
    json.loads(report_json(page, section.held, ("svg",)))
    assert page_html(page)
    return page_in_markdown(page)


@pytest.fixture(autouse=True)
def no_sampler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "fit_directly", known({}))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: grid({"adl:method": [0.5] * 3}, n_nulls=2), "there is no uplift"),
        (lambda: grid({"blackbox": [0.5], "adl:method": [0.5]}), NO_ORGANISM),
        (lambda: grid(TWO, n_epochs=2), "No benign nulls ran"),
        (lambda: base().query("null != 'none'"), "No model could compare arms"),
        (lambda: base().assign(graded=False), "Nothing is graded: no answer"),
        (with_second_grader, "graders among each other"),
    ],
    ids=["one arm", "one organism", "no nulls", "nulls alone", "ungraded", "graders at odds"],
)
def test_what_is_missing_is_said(make: Callable[[], pd.DataFrame], said: str) -> None:
    assert said in told(make())


@pytest.mark.parametrize("grade", [1.0, 3.0, 5.0])
def test_equal_grades_are_modelled_and_agreement_is_undefined(grade: float) -> None:
    text = told(base().assign(grade=grade))
    assert "none better; none worse" in text or "undecided" in text
    assert "| graders among each other | undefined" in text or "among each other | –" in text


def test_a_factor_with_missing_values_or_one_level_is_no_obstacle() -> None:
    frame = base()
    frame.loc[::2, "grader"] = None
    frame.loc[::2, "grade"] = None
    frame.loc[::2, "grade_reason"] = "grader_failed"
    text = told(frame.assign(dose="", investigator="one/model"))
    assert "unscored" in text and "on a new organism" in text


@pytest.mark.parametrize("name", RESERVED)
def test_a_name_that_something_else_has_is_an_organism_and_an_arm_like_any(name: str) -> None:
    frame = base().replace({"truth_id": {"pair/00": name}, "organism": {"pair/00": name}})
    text = told(frame.replace({"arm_id": {"adl:method": name}}))
    assert in_markdown(f"{name} over blackbox, success probability") in text
    assert "3 organisms, 12 samples" in text
