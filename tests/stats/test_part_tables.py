"""Answers by family, dose, budget, grader and investigator."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from diffgauge.stats.answer_sets import answers
from diffgauge.stats.answers import Answer, answer
from diffgauge.stats.engines import choice
from diffgauge.stats.engines.fits import Fit, Sampling
from diffgauge.stats.factor_tables import factor_table, investigator_table
from diffgauge.stats.features import Design, design
from diffgauge.stats.intervals import Estimate, clustered_share
from diffgauge.stats.part_figures import curve_words, draw_curves, draw_families
from diffgauge.stats.part_tables import (
    budget_shares_table,
    budget_table,
    dose_order,
    dose_table,
    family_uplift_table,
)
from diffgauge.stats.rows import as_frame
from diffgauge.stats.strata import strata
from diffgauge.stats.tables import Table, Value
from tests.stats.draws import SAMPLING, Engine, known
from tests.stats.tables import grid, row

pytestmark = pytest.mark.unit

MARK = "evidence: organisms+model"
ARMS = ("blackbox", "adl:method")


def _at(changes: dict[str, float]) -> Engine:
    """Returns an engine whose draws of some sites are shifted, by ``site place…``."""

    def fitted(of: Design, sampling: Sampling) -> Fit:
        fit = known({"adl:method": 1.0}, spread=0.05)(of, sampling)
        for where, value in changes.items():
            site, *place = where.split()
            at: Any = (..., *map(int, place))
            fit.draws[site][at] += value
        return fit

    return fitted


def _value(held: Value) -> Estimate:
    assert isinstance(held, Estimate)
    return held


def _by(table: Table | None, *keys: str) -> dict[tuple[str, ...], dict[str, Value]]:
    assert table is not None
    return {tuple(str(row[key]) for key in keys): row for row in table.rows}


@pytest.fixture(scope="module")
def varied() -> Answer:
    """Three truths of two families in two doses, two investigators and two graders."""
    rows = [
        row(
            organism=f"pair/{at}{dose}",
            truth_id=f"pair/{at}",
            dose=dose,
            family=family,
            arm_id=arm,
            investigator=who,
            task_id=f"{arm} {who}",
            grader=grader,
        )
        for at, family in enumerate(("facts", "facts", "taboo"))
        for dose in ("undiluted", "1:4")
        for arm in ARMS
        for who in ("provider/a", "provider/b")
        for grader in ("provider/x", "provider/y")
    ]
    one = strata(as_frame(rows))[0]
    levels = design(one, "good_grades").levels
    assert levels["dose"] == ("1:4", "undiluted") and levels["arm_id"] == ARMS
    changes = {
        # The method works on the third truth only, and with the second investigator only.
        "organism_arm_id_effects 2 1": 2.0,
        "investigator_arm_id_effects 1 1": 1.5,
        "dose_effects 1": 1.0,
        "grader_effects 0": 0.8,
        "intercept": -2.0,
    }
    return answer(one, "good_grades", _at(changes), SAMPLING)


def test_uplift_by_family_is_told_beside_the_others_and_one_organism_is_said(
    varied: Answer,
) -> None:
    table = family_uplift_table(varied, MARK)
    found = _by(table, "family", "arm")
    facts, taboo = found["facts", "adl:method"], found["taboo", "adl:method"]
    assert _value(taboo["uplift"]).value > _value(facts["uplift"]).value + 0.1
    # Two families: what sets one apart sets the other apart the other way.
    apart = _value(taboo["apart"]).value, _value(facts["apart"]).value
    assert apart[0] == pytest.approx(-apart[1], abs=0.002) and apart[0] > 0.1
    assert _value(facts["level"]).n_organisms == 2 and "uplift" not in found["facts", "blackbox"]
    # Of each arm: two truths × two doses × two investigators.
    assert _value(facts["level"]).n == 8 and _value(facts["uplift"]).n == 16
    assert table is not None and table.text.endswith("which is no family: taboo.")
    assert draw_families(table) == draw_families(table)
    assert "facts" in curve_words(table, "family", "uplift")


def test_one_family_is_no_table() -> None:
    frame = grid({arm: [0.5] * 3 for arm in ARMS})
    one = answer(strata(frame)[0], "good_grades", known({}), SAMPLING)
    assert family_uplift_table(one, MARK) is None and dose_table(one, MARK) is None
    assert factor_table(one, MARK) is None and investigator_table(one, MARK) is None


def test_doses_are_ordered_by_share_and_told_on_a_new_organism(varied: Answer) -> None:
    assert sorted(["undiluted", "1:9", "mix", "1:1", "x:0", "0:0"], key=dose_order) == [
        "1:9",
        "1:1",
        "undiluted",
        "0:0",
        "mix",
        "x:0",
    ]
    table = dose_table(varied, MARK)
    found = _by(table, "dose", "arm")
    weak, strong = found["1:4", "blackbox"]["level"], found["undiluted", "blackbox"]["level"]
    # A logit of 1 around one half or above, pulled in by spreads of organisms, cards and runs.
    assert 0.1 < _value(strong).value - _value(weak).value < expit(1) - 0.5
    assert (_value(weak).n, _value(weak).n_organisms) == (6, 3)
    assert table is not None and [row["dose"] for row in table.rows[::2]] == ["1:4", "undiluted"]


def test_graders_and_investigators_are_told_in_outcomes(varied: Answer) -> None:
    found = _by(factor_table(varied, MARK), "factor", "level", "other")
    lenient = found["grader", "provider/x", "provider/y"]
    assert _value(lenient["logits"]).value == pytest.approx(0.8, abs=0.01)
    assert 0 < _value(lenient["difference"]).value < expit(0.4) - expit(-0.4)
    assert lenient["positive"] == 1.0 and _value(lenient["difference"]).n == 24
    assert ("investigator", "provider/a", "provider/b") in found
    by_arm = _by(investigator_table(varied, MARK), "investigator", "arm")
    able, other = by_arm["provider/b", "adl:method"], by_arm["provider/a", "adl:method"]
    assert _value(able["uplift"]).value > _value(other["uplift"]).value + 0.1
    # Of two, one's distance from the other is the other's from it, reversed.
    assert _value(able["apart"]).value == pytest.approx(-_value(other["apart"]).value)
    assert "uplift" not in by_arm["provider/a", "blackbox"]


def test_budgets_stand_beside_each_other_atall_else_matches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choice, "fit_directly", known({}))
    shares = {"blackbox": [0.2] * 4, "adl:method": [0.9] * 4}
    parts = [
        grid(shares, seed=at).assign(budget=budget, sides_known=sides)
        for at, (budget, sides) in enumerate([(10, False), (50, False), (5, True)])
    ]
    for at, part in enumerate(parts):
        part["task_id"] = part["task_id"] + f"-{at}"
    found = answers(pd.concat(parts, ignore_index=True), engine="direct")
    table = budget_shares_table(found.parts, MARK)
    lines = _by(table, "budget", "arm")
    # Sides known ran at one budget only: there is nothing beside it.
    assert list(lines) == [(str(budget), arm) for budget in (10, 50) for arm in ARMS]
    part = parts[1][parts[1]["arm_id"] == "adl:method"]
    good = list(zip(part["organism"], (part["grade"] >= 4).astype(float), strict=True))
    assert lines["50", "adl:method"]["level"] == clustered_share(good)
    assert table is not None and draw_curves(table, "budget", "x") == draw_curves(
        table, "budget", "x"
    )
    # By default one stratum is modelled.
    assert budget_table([one for one in found.found if one.outcome == "good_grades"], MARK) is None
    alone = answers(parts[0], engine="direct")
    assert budget_shares_table(alone.parts, MARK) is None


def test_figures_leave_out_what_has_no_samples(varied: Answer) -> None:
    table = dose_table(varied, MARK)
    assert table is not None
    empty = Estimate(np.nan, np.nan, np.nan, 0, 0)
    rows = tuple({**row, "level": empty} for row in table.rows)
    gone = Table(table.name, table.title, table.text, table.columns, rows, MARK)
    assert curve_words(gone, "dose") == "" and "1:4 0." in curve_words(table, "dose")
    assert draw_curves(gone, "dose", "x").svg != draw_curves(table, "dose", "x").svg


def test_what_an_arm_did_not_meet_is_not_told_of_it(varied: Answer) -> None:
    table = varied.design.table
    met = (table["arm_id"] == "adl:method") & (table["dose"] == "1:4")
    part = replace(varied.fit, design=replace(varied.design, table=table[~met]))
    found = _by(dose_table(replace(varied, fit=part), MARK), "dose", "arm")
    gone = found["1:4", "adl:method"]
    assert _value(gone["level"]).n == 0 and np.isnan(_value(gone["level"]).value)
    assert "uplift" not in gone and "uplift" in found["undiluted", "adl:method"]
