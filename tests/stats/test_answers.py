import math

import numpy as np
import pytest
from scipy.special import expit

from diffgauge.records.errors import DiffgaugeError
from diffgauge.stats.answer_figure import draw_forest, headlines
from diffgauge.stats.answer_sets import Answers, answers
from diffgauge.stats.answer_tables import (
    arms_table,
    claims_answer_table,
    contrast_table,
    rank_table,
)
from diffgauge.stats.answers import Answer, answer, ranks
from diffgauge.stats.answers_page import answers_section
from diffgauge.stats.engines import choice
from diffgauge.stats.engines.choice import Chosen
from diffgauge.stats.features import Outcome
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.parts import Picture, Words
from diffgauge.stats.rendering import table_html, table_json
from diffgauge.stats.rows import as_frame
from diffgauge.stats.strata import strata
from tests.stats.draws import CUTS, SAMPLING, Engine, known
from tests.stats.tables import grid, row

pytestmark = pytest.mark.unit

MARK = "evidence: organisms+model"
HOSTILE = "<script>alert(1)</script>"
FOUR = {
    "blackbox": [0.3] * 6,
    "adl:blackbox_matched": [0.4] * 6,
    "adl:method": [0.8] * 6,
    "kl:method": [0.3] * 6,
}
EFFECTS = {"adl:blackbox_matched": 0.4, "adl:method": 2.0}


def _answer(outcome: Outcome = "good_grades", engine: Engine | None = None) -> Answer:
    frame = grid(FOUR, false_alarms={"adl:method": 0.1}, n_nulls=4)
    return answer(strata(frame)[0], outcome, engine or known(EFFECTS), SAMPLING)


@pytest.fixture(scope="module")
def graded() -> Answer:
    """Good grades of four arms."""
    return _answer()


def test_a_method_is_held_against_its_matched_blackbox_first(graded: Answer) -> None:
    pairs = [(one.arm, one.reference) for one in headlines(graded)]
    assert pairs == [
        ("adl:blackbox_matched", "blackbox"),
        ("adl:method", "adl:blackbox_matched"),
        ("kl:method", "blackbox"),
    ]
    also = {(one.arm, one.reference) for one in graded.contrasts if not one.headline}
    assert also == {("adl:method", "blackbox")}


def test_uplift_is_told_on_the_scale_of_outcomes(graded: Answer) -> None:
    found = {(one.arm, one.reference, one.measure): one for one in graded.contrasts}
    gain = found["adl:method", "blackbox", "success"]
    # A median organism: σ(2) − σ(0) = .38; spreads of .5 and .5 pull it in by a few points.
    assert 0.28 < gain.new.value < expit(2) - expit(0)
    assert gain.new.low < gain.new.value < gain.new.high
    assert gain.p_positive > 0.99 and gain.p_worthwhile > 0.95 and gain.benefits > 0.9
    grade = next(
        one
        for one in _answer("grades").contrasts
        if (one.arm, one.reference) == ("adl:method", "blackbox")
    )
    assert grade.measure == "grade" and math.isnan(grade.benefits)
    assert grade.new.value == pytest.approx(
        sum(expit(2 - cut) - expit(-cut) for cut in CUTS), abs=0.25
    )
    nothing = found["kl:method", "blackbox", "success"]
    assert nothing.new.low < 0 < nothing.new.high and nothing.p_worthwhile < 0.3
    assert (gain.new.n, gain.new.n_organisms) == (48, 6)


def test_bounds_set_unscored_samples_against_the_arm_and_for_it() -> None:
    rows = [
        row(organism=f"pair/{at}", arm_id=arm, grade=None if (arm, at) in lost else grade)
        for lost in [{("adl:method", 0), ("blackbox", 1)}]
        for at in range(4)
        for arm, grade in (("blackbox", 2.0), ("adl:method", 5.0))
    ]
    one = answer(strata(as_frame(rows))[0], "good_grades", known({}), SAMPLING)
    success = next(held for held in one.contrasts if held.measure == "success")
    # Worst: 3 of 4 against 1 of 4; best: 4 of 4 against 0 of 4.
    assert (success.new.worst, success.new.best) == (0.5, 1.0) and success.new.n_missing == 2


def test_ranks_are_probabilities_over_arms(graded: Answer) -> None:
    found = ranks(graded.posterior)
    table = np.array(list(found.values()))
    assert table.sum(axis=0) == pytest.approx(1) and table.sum(axis=1) == pytest.approx(1)
    assert found["adl:method"][0] > 0.95
    assert len(rank_table(graded, MARK).rows) == 4


def test_an_arm_that_always_claims_gains_nothing() -> None:
    always = {"adl:method": 8.0}
    one = _answer("claims_planted", known(always))
    found = next(held for held in one.contrasts if held.arm == "adl:method")
    assert found.measure == "discrimination" and found.p_worthwhile < 0.01
    values = {str(held["arm"]): held for held in claims_answer_table(one, MARK).rows}
    hits, alarms = (values["adl:method"][f"rate_{kind}"] for kind in ("planted", "benign"))
    assert isinstance(hits, Estimate) and isinstance(alarms, Estimate)
    assert hits.value > 0.99 and alarms.value > 0.99 and alarms.n == 16


def _found(*held: Answer) -> Answers:
    return Answers("known draws", held, (), ("one note",))


def test_what_is_not_believed_is_greyed_and_no_headline() -> None:
    stuck = _answer(engine=known(EFFECTS, stuck=True))
    assert not stuck.diagnosis.believed and "R-hat" in stuck.diagnosis.reasons[0]
    section = answers_section(_found(stuck), grid(FOUR), MARK)
    uplift = next(table for table in section.tables if table.name == "uplift_good_grades")
    assert "Not to be believed: R-hat" in table_html(uplift) and "doubted" in table_html(uplift)
    assert not any(isinstance(part, Picture) for part in section.first)
    forest, costs = [part for part in section.parts if isinstance(part, Picture)]
    assert (forest.name, costs.name) == ("forest", "costs_good_grades")
    assert forest.doubt == costs.doubt == uplift.doubt != ""
    assert not any("P(uplift" in word for word in section.words)
    assert "is no headline" in section.words[0]


def test_the_section_answers_in_sentences_with_figures_and_marks(graded: Answer) -> None:
    frame = grid({**FOUR, HOSTILE: [0.5] * 6})
    hostile = answer(strata(frame)[0], "good_grades", known(EFFECTS), SAMPLING)
    section = answers_section(_found(hostile), frame, MARK)
    html = "".join(map(table_html, section.tables))
    assert "<script>" not in html and "&lt;script&gt;" in html
    assert "P(uplift > 0)" in section.words[0] and "6 organisms, 48 samples" in section.words[0]
    assert html.count(MARK) >= html.count("<table")
    verdicts, forest, _ = section.first
    assert section.parts[0] == Words(section.words)
    assert isinstance(verdicts, Words) and "adl:method +" in verdicts.items[0]
    assert isinstance(forest, Picture) and forest.drawn.png.startswith(b"\x89PNG")
    assert forest.drawn.pdf.startswith(b"%PDF") and forest.doubt == ""
    assert draw_forest(graded, MARK) == draw_forest(graded, MARK)
    for table in section.tables:
        assert table_json(table)["evidence"] == MARK
    assert len({table.name for table in section.tables}) == len(section.tables)


def test_widest_honest_answers_to_thin_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "fit_directly", known({}))
    one_arm = answers(as_frame([row(), row(organism="pair/b")]), engine="direct")
    notes = " ".join(one_arm.notes)
    assert "Only blackbox ran" in notes and "No benign nulls ran" in notes
    assert one_arm.found[0].contrasts == () and "nothing to compare" in notes
    assert answers_section(one_arm, as_frame([row()]), MARK).words == (
        "No model could compare arms.",
    )
    ungraded = answers(as_frame([row(graded=False)]), engine="direct")
    assert ungraded.found == () and "no answer" in ungraded.notes[-1]
    two = answers(
        as_frame([row(arm_id=arm) for arm in ("blackbox", "adl:method")]), engine="direct"
    )
    assert "No matched blackbox ran" in " ".join(two.notes)
    assert "One organism" in " ".join(two.notes)


def test_first_places_stand_in_where_no_grades_were_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choice, "fit_directly", known({}))
    frame = grid({"blackbox": [0.5] * 3, "adl:method": [0.5] * 3}, n_nulls=2)
    told: list[str] = []
    found = answers(frame, engine="direct", say=told.append)
    assert [one.outcome for one in found.found] == ["good_grades", "grades", "claims_planted"]
    frame["grade"], frame["grader"] = None, None
    found = answers(frame, engine="direct")
    assert [one.outcome for one in found.found] == ["successes", "claims_planted"]
    assert told[0] == "fit 1 of 3: good_grades, budget 50, sides hidden"


def test_deep_answers_hold_every_stratum_and_what_the_headline_hangs_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choice, "fit_directly", known(EFFECTS))
    few = {"blackbox": [0.5] * 3, "adl:method": [0.5] * 3}
    frame = grid(few)
    other = frame.assign(budget=10, task_id=frame["task_id"] + "-10")
    import pandas as pd

    both = pd.concat([frame, other.iloc[:-1]], ignore_index=True)
    plain = answers(both, engine="direct")
    assert {one.stratum.budget for one in plain.found} == {50} and "--deep" in plain.notes[0]
    deep = answers(both, engine="direct", deep=True)
    assert {one.stratum.budget for one in deep.found} == {50, 10}
    assert [one.changed for one in deep.refits] == [
        "priors' scales × 0.5",
        "priors' scales × 2",
        "without pair/00",
        "without pair/01",
        "without pair/02",
    ]
    section = answers_section(deep, both, MARK)
    names = [table.name for table in section.tables]
    assert len(set(names)) == len(names) and {"refits", "budgets_good_grades", "models"} <= set(
        names
    )


def test_an_undefined_figure_is_no_number(graded: Answer) -> None:
    discriminating = _answer("claims_planted")
    assert math.isnan(discriminating.contrasts[0].benefits)
    held = table_json(contrast_table(discriminating, MARK))
    assert held["rows"][0]["benefits"] is None
    assert all(isinstance(one["success_new"], Estimate) for one in arms_table(graded, MARK).rows)


def test_the_engine_is_named_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("DIFFGAUGE_HIBAYES", str(tmp_path))
    chosen = choice.choose("auto")
    assert isinstance(chosen, Chosen) and chosen.name == "direct"
    assert "HiBayES is not set up" in chosen.reason and str(tmp_path) not in chosen.reason
    with pytest.raises(DiffgaugeError, match=r"Unknown engine 'stan'\. Allowed: auto, direct"):
        choice.choose("stan")
