"""Probabilities follow the evidence: monotone rules with the properties they claim."""

import math

import numpy as np
import pytest

from diffgauge.evals.scripted.beliefs import (
    HIGHEST,
    LOWEST,
    combined,
    e_value,
    probability,
    signal_of,
)
from diffgauge.evals.scripted.evidence import Seen
from diffgauge.records.results import Result
from tests.evals.scripted.stage import A, B, scalars, tokens

pytestmark = pytest.mark.unit


def test_a_bet_has_an_expected_value_of_one_under_the_null() -> None:
    # The integral of kappa * p**(kappa - 1) over (0, 1) is 1; midpoints of p**(1/3) substituted.
    roots = (np.arange(100_000) + 0.5) / 100_000
    bets = [e_value(root**3) * 3 * root**2 for root in roots[::10]]
    assert np.mean(bets) == pytest.approx(1.0, abs=1e-3)


def test_smaller_p_values_pay_more() -> None:
    p_values = [1.0, 0.5, 0.1, 0.01, 0.0001]
    bets = [e_value(p_value) for p_value in p_values]
    assert bets == sorted(bets) and bets[0] < 1 < bets[-1]


def test_no_test_is_no_bet() -> None:
    assert e_value(math.nan) == combined(()) == combined((math.nan,)) == 1.0
    assert combined((math.nan, 0.01)) == e_value(0.01)


def test_probabilities_stay_in_their_range() -> None:
    assert probability(0.0) == 0.5
    assert probability(1e9) == HIGHEST and probability(-1e9) == LOWEST


@pytest.mark.parametrize(
    ("results", "verdict"),
    [
        ([], "none"),
        ([scalars(0.0, 0.0), tokens(["hull"], B, A, top=0.0)], "zero"),
        ([scalars(0.5, 1.0)], "floor"),
        ([scalars(2.0, 1.0)], "above"),
        ([scalars(2.0, None), tokens(["hull"], B, A)], "unclear"),
        ([tokens(["hull"], A, None)], "none"),
    ],
)
def test_the_signal_is_read_by_kind(results: list[Result], verdict: str) -> None:
    assert signal_of([Seen(result, "lens", 1) for result in results]).verdict == verdict
