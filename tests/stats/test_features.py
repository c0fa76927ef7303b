import math

import numpy as np
import pandas as pd
import pytest

from diffgauge.records.errors import DiffgaugeError
from diffgauge.stats.coding import features_of
from diffgauge.stats.features import GRADES, MOST_VALUES, design, safe_name
from diffgauge.stats.rows import as_frame
from diffgauge.stats.strata import arm_order, references, strata, without_repeats
from tests.stats.tables import grid, row

pytestmark = pytest.mark.unit

TWO_ARMS = {"blackbox": [0.2] * 4, "adl:method": [0.7] * 4}


def test_organisms_are_pooled_with_slopes_and_arms_have_blackbox_first() -> None:
    [one] = strata(grid(TWO_ARMS))
    made = design(one, "grades")
    assert made.levels["arm_id"] == ("blackbox", "adl:method")
    assert made.main == ("arm_id",) and made.interactions == (("organism", "arm_id"),)
    assert made.pooled == ("organism",) and made.values == GRADES
    assert made.features["num_organism"] == 4
    assert set(made.features["obs"]) <= {0, 1, 2, 3, 4}
    # 4 organisms × 4 epochs × 2 arms, one grader each.
    assert made.n_samples == len(made.table) == 32


def test_runs_have_effects_only_where_they_have_several_grades() -> None:
    frame = grid(TWO_ARMS)
    again = frame.assign(grader="provider/other", grade=frame["grade"].clip(upper=4))
    [one] = strata(pd.concat([frame, again], ignore_index=True))
    both = design(one, "grades")
    assert both.pooled == ("organism", "run") and "grader" in both.main
    assert both.n_samples == 32 and len(both.table) == 64
    # A success is of the run, not of each grader's row.
    assert design(one, "successes").pooled == ("organism",)
    assert len(design(one, "successes").table) == 32


def test_doses_of_one_truth_are_one_organism_with_cards_in_it() -> None:
    rows = [
        row(organism=f"pair/{name}{dose}", truth_id=f"pair/{name}", dose=dose, arm_id=arm)
        for name in ("a", "b", "c")
        for dose in ("full", "1to4")
        for arm in ("blackbox", "adl:method")
    ]
    [one] = strata(as_frame(rows))
    made = design(one, "grades")
    assert len(made.levels["organism"]) == 3 and len(made.levels["card"]) == 6
    assert made.pooled == ("organism", "card")
    assert "dose" in made.main and ("dose", "arm_id") in made.interactions


def test_factors_with_one_level_are_dropped_and_missing_ones_are_a_level() -> None:
    rows = [
        row(organism=f"pair/{at}", arm_id=arm) for at in "ab" for arm in ("blackbox", "x:method")
    ]
    frame = as_frame(rows)
    assert design(strata(frame)[0], "grades").main == ("arm_id",)
    frame["size"] = [None, "big", None, "big"]
    made = design(strata(frame)[0], "grades", extra=["size"])
    assert made.levels["size"] == ("(not recorded)", "big")
    with pytest.raises(DiffgaugeError, match="no column 'colour'"):
        design(strata(frame)[0], "grades", extra=["colour"])


@pytest.mark.parametrize("name", ["method", "tolerance", "drop", "indexers", "organism", "null"])
def test_reserved_names_are_never_factors(name: str) -> None:
    assert safe_name(name) == f"factor_{name}"


def test_names_that_hibayes_would_drop_or_that_collide_are_changed() -> None:
    assert "obs" not in safe_name("observer")
    assert safe_name("size", ["size"]) == "factor_size"
    frame = grid(TWO_ARMS)
    frame["method"] = np.where(frame.index % 2, "new", "old")
    made = design(strata(frame)[0], "grades", extra=["method"])
    assert "factor_method" in made.main and "method" not in made.levels


def test_a_category_without_a_level_is_refused_not_clamped() -> None:
    table = pd.DataFrame({"obs": [0, 1], "arm_id": ["blackbox", "new"]})
    with pytest.raises(ValueError, match="'new', which is none of its levels"):
        features_of(table, {"arm_id": ("blackbox",)})
    with pytest.raises(ValueError, match="no column 'organism'"):
        features_of(table, {"organism": ("a",)})
    with pytest.raises(ValueError, match="'obs' is missing"):
        features_of(table.assign(obs=[0, math.nan]), {"arm_id": ("blackbox", "new")})


def test_arms_are_compared_only_within_a_budget_a_corpus_and_sides() -> None:
    rows = [
        row(budget=budget, arm_id=arm, corpus=corpus, sides_known=known)
        for budget in (10, 50)
        for arm, corpus in (("blackbox", "none"), ("adl:method", "chat"), ("kl:method", "domain"))
        for known in (False, True)
    ]
    found = strata(as_frame(rows))
    assert len(found) == 8
    assert {(one.budget, one.corpus, one.sides_known) for one in found} == {
        (budget, corpus, known)
        for budget in (10, 50)
        for corpus in ("chat", "domain")
        for known in (False, True)
    }
    # Blackbox read nothing: it is the reference of both corpora.
    assert all(one.arms[0] == "blackbox" and len(one.arms) == 2 for one in found)


def test_the_matched_blackbox_is_the_fair_reference() -> None:
    arms = arm_order(["kl:method", "adl:method", "blackbox", "adl:blackbox_matched"])
    assert arms == ["blackbox", "adl:blackbox_matched", "adl:method", "kl:method"]
    assert references("adl:method", arms) == ["adl:blackbox_matched", "blackbox"]
    assert references("kl:method", arms) == ["blackbox"]
    assert references("adl:blackbox_matched", arms) == ["blackbox"]
    assert references("blackbox", arms) == []


def test_one_transcript_of_a_deterministic_investigator_counts_once() -> None:
    same = [row(epoch=epoch, investigator="diffgauge/scripted") for epoch in (1, 2, 3)]
    other = row(epoch=4, investigator="diffgauge/scripted", interactions=41)
    model = [row(epoch=epoch, task_id="task-model") for epoch in (1, 2)]
    kept, n_copies = without_repeats(as_frame([*same, other, *model]))
    assert n_copies == 2 and list(kept["epoch"]) == [1, 4, 1, 2]


def test_equal_grades_of_one_run_are_all_kept() -> None:
    rows = [
        row(epoch=epoch, investigator="diffgauge/scripted", grade=grade, interactions=40 + epoch)
        for epoch in (1, 2)
        for grade in (4.0, 4.0)
    ]
    kept, n_copies = without_repeats(as_frame(rows))
    assert len(kept) == 4 and n_copies == 0


def test_other_limits_are_matched_where_they_vary() -> None:
    frame = as_frame([row(arm_id=arm) for arm in ("blackbox", "adl:method") for _ in range(2)])
    assert len(strata(frame.assign(turn_budget=20))) == 1
    two = strata(frame.assign(turn_budget=[20, 40, 20, 40]))
    assert [one.words for one in two] == [
        "budget 50, sides hidden, turn budget 20",
        "budget 50, sides hidden, turn budget 40",
    ]
    assert all(len(one.arms) == 2 for one in two)


def test_unscored_samples_are_counted_by_arm_and_lexical_grades_stand_apart() -> None:
    rows = [
        row(organism=f"pair/{at}", arm_id=arm, grade=None if lost else 4.0)
        for at in range(3)
        for arm, lost in (("blackbox", False), ("adl:method", at == 0))
    ]
    lexical = [one.model_copy(update={"grader": "diffgauge/lexical", "grade": 1.0}) for one in rows]
    made = design(strata(as_frame([*rows, *lexical]))[0], "grades")
    assert made.n_unscored == {"adl:method": 1} and set(made.table["obs"]) == {3}
    alone = design(strata(as_frame(lexical))[0], "grades")
    assert set(alone.table["obs"]) == {0}


def test_samples_that_failed_before_any_grader_are_unscored_and_ungraded_logs_are_not() -> None:
    graded = [row(organism=f"pair/{at}") for at in range(2)]
    failed = row(
        organism="pair/2", outcome="errored", grader=None, grade=None, grade_reason="not requested"
    )
    bare = row(organism="pair/3", grader=None, grade=None, grade_reason="not requested")
    other = graded[0].model_copy(update={"grader": "provider/other", "grade": None})
    made = design(strata(as_frame([*graded, failed, bare, other]))[0], "grades")
    # One that failed; a run that one of two graders graded has a value.
    assert made.n_unscored == {"blackbox": 1}
    assert made.n_samples == 2


def test_scores_become_ordered_levels_that_keep_their_worth() -> None:
    few = [row(organism=f"pair/{at}", identification=value) for at, value in enumerate((0.5, 1, 0))]
    made = design(strata(as_frame(few))[0], "scores")
    assert made.values == (0.0, 0.5, 1.0) and sorted(made.table["obs"]) == [0, 1, 2]
    values = np.linspace(0, 1, 60)
    many = [row(organism=f"pair/{at:02}", identification=v) for at, v in enumerate(values)]
    binned = design(strata(as_frame(many))[0], "scores")
    assert len(binned.values) == MOST_VALUES and list(binned.values) == sorted(binned.values)
    worth = binned.table["obs"].map(dict(enumerate(binned.values)))
    # Bins stand for the mean of what is in them, so the mean of all is kept.
    assert worth.mean() == pytest.approx(values.mean())


def test_what_cannot_be_modelled_is_said() -> None:
    [one] = strata(as_frame([row(grade=None, grader=None)]))
    with pytest.raises(DiffgaugeError, match="has a value of 'grades'"):
        design(one, "grades")
    [half] = strata(as_frame([row(grade=2.5)]))
    with pytest.raises(DiffgaugeError, match="none of 1 to 5"):
        design(half, "grades")
    [single] = strata(as_frame([row()]))
    notes = " ".join(design(single, "grades").notes)
    assert "One organism" in notes and "nothing to compare it with" in notes
    assert design(single, "grades").main == ()


def test_claims_take_each_kind_of_null_on_its_own_question() -> None:
    kinds = {"none": 0.9, "identical": 0.1, "benign": 0.6}
    rows = [
        row(organism=f"pair/{null}", null=null, p_planted=p, p_differs=p)
        for null, p in kinds.items()
    ]
    [one] = strata(as_frame(rows))
    planted, differs = design(one, "claims_planted"), design(one, "claims_differs")
    assert planted.levels["kind"] == ("planted", "benign")
    assert differs.levels["kind"] == ("planted", "identical")
    assert sorted(zip(planted.table["kind"], planted.table["obs"], strict=True)) == [
        ("benign", 1),
        ("planted", 1),
    ]
    assert list(planted.features["null_index"]) == list(planted.features["kind_index"])


def test_the_digest_names_rows_and_model() -> None:
    [one] = strata(grid(TWO_ARMS))
    [other] = strata(grid(TWO_ARMS, seed=1))
    first = design(one, "grades")
    assert first.digest == design(one, "grades").digest
    assert len({first.digest, design(other, "grades").digest, design(one, "successes").digest}) == 3
