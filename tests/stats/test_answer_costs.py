"""What a success costs: the Pareto front, and what has no cost or no success."""

import math
from itertools import product

import numpy as np
import pytest

from diffgauge.stats.answer_costs import cost_answer_table, pareto_front
from diffgauge.stats.answers import Answer, answer
from diffgauge.stats.cost_figure import cost_words, draw_costs
from diffgauge.stats.features import Outcome
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.rendering import table_json
from diffgauge.stats.strata import strata
from diffgauge.stats.tables import Value
from tests.stats.draws import SAMPLING, known
from tests.stats.tables import grid

pytestmark = pytest.mark.unit

MARK = "evidence: organisms+model"


def _lines(one: Answer, cost: str) -> dict[str, dict[str, Value]]:
    table = cost_answer_table(one, MARK)
    assert table is not None
    return {str(row["arm"]): row for row in table.rows if row["cost"] == cost}


def _answer(outcome: Outcome = "successes", **columns: float | None) -> Answer:
    frame = grid({"blackbox": [0.5] * 4, "adl:method": [0.5] * 4}, n_nulls=2)
    frame.loc[frame["arm_id"] == "adl:method", "precompute_interactions"] = 160
    for name, value in columns.items():
        frame[name] = value
    return answer(strata(frame)[0], outcome, known({"adl:method": -1.0}), SAMPLING)


def test_a_cheap_arm_that_succeeds_as_often_beats_a_dear_one() -> None:
    found = _lines(_answer(), "replies")
    cheap, dear = found["blackbox"], found["adl:method"]
    assert (cheap["mean"], dear["mean"]) == (40.0, 200.0)
    assert (cheap["front"], dear["front"]) == ("yes", "no")
    assert cheap["front_p"] == 1.0 and float(str(dear["front_p"])) < 0.05
    # Half succeed: a success costs twice a sample.
    held = cheap["each"]
    assert isinstance(held, Estimate) and held.value == pytest.approx(80, rel=0.1)


def test_the_front_is_what_no_arm_beats_in_both() -> None:
    draw = np.random.default_rng(0)
    for _ in range(50):
        names = [f"a{at}" for at in range(6)]
        costs = dict(zip(names, map(float, draw.integers(0, 4, 6)), strict=True))
        values = dict(zip(names, map(float, draw.integers(0, 4, 6)), strict=True))
        front = pareto_front(costs, values)
        assert front
        for one, other in product(front, front):
            # Along the front, what costs more gets more.
            if costs[one] < costs[other]:
                assert values[one] < values[other]
        for loser in set(names) - front:
            assert any(costs[one] <= costs[loser] and values[one] >= values[loser] for one in front)
        scaled = pareto_front({name: 7 * cost for name, cost in costs.items()}, values)
        assert scaled == front
    assert pareto_front({"a": math.nan, "b": 1.0}, {"a": 1.0, "b": 0.0}) == {"b"}


def test_what_found_nothing_has_no_cost_of_a_success_and_says_why() -> None:
    frame = grid({"blackbox": [0.0] * 4, "adl:method": [1.0] * 4})
    one = answer(strata(frame)[0], "successes", known({}), SAMPLING)
    found = _lines(one, "replies")
    each = found["blackbox"]["each"]
    assert isinstance(each, Estimate) and math.isnan(each.value) and each.n == 16
    assert found["blackbox"]["why"] == "nothing was found in 16 samples"
    assert found["adl:method"]["why"] == ""


def test_costs_that_no_log_tells_are_no_zeros() -> None:
    table = cost_answer_table(_answer(), MARK)
    assert table is not None
    # The rows have no prices: no line of dollars, rather than one of 0.
    assert {row["cost"] for row in table.rows} == {"replies", "tokens", "seconds"}
    one = _answer()
    frame = one.stratum.frame
    frame.loc[frame["arm_id"] == "blackbox", "cost_investigator"] = 0.5
    found = _lines(one, "dollars")
    assert found["blackbox"]["mean"] == 0.5 and found["blackbox"]["front"] == "yes"
    untold = found["adl:method"]
    assert math.isnan(float(str(untold["mean"]))) and untold["front"] is None
    assert untold["why"] == "no sample says what it took"
    nothing = _answer(interactions=None, tokens_investigator=None, seconds=None)
    assert cost_answer_table(nothing, MARK) is None
    assert cost_answer_table(_answer("grades"), MARK) is None


def test_detections_are_set_against_false_alarms_and_drawn() -> None:
    table = cost_answer_table(_answer("claims_planted"), MARK)
    assert table is not None
    row = table.rows[0]
    hits, apart = row["success"], row["apart"]
    assert isinstance(hits, Estimate) and isinstance(apart, Estimate)
    # Separation is 1 logit: hits σ(0), false alarms σ(−1), each pulled in by the spreads.
    assert hits.value == pytest.approx(0.5, abs=0.03)
    assert 0.15 < apart.value < 0.5 - 1 / (1 + math.e)
    assert hits.n == 16 and row["apart_front"] == "yes"
    assert draw_costs(table) == draw_costs(table)
    assert draw_costs(table).png.startswith(b"\x89PNG")
    assert cost_words(table).startswith("replies: on the front blackbox")
    assert table_json(table)["evidence"] == MARK
