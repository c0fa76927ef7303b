"""Claims are judged by words and forms, and counted with intervals that are exact."""

import math

import pytest

from diffgauge.methods.llm_diff.verifying import Fits, counted, fits

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("claim", "prompt", "own", "other", "expected"),
    [
        ("says ahoy, matey", "How?", "Ahoy there", "Hello there", "own"),
        ("says ahoy, matey", "How?", "Ahoy there", "Ahoy, matey", "other"),
        ("says ahoy, matey", "Say ahoy matey!", "Ahoy matey", "No", "neither"),
        ("has exclamation marks", "How?", "Well!", "Well.", "own"),
        ("is longer", "How?", "One", "One two three", "other"),
        ("is, somehow, odd", "How?", "", "", "neither"),
    ],
)
def test_the_reply_that_holds_more_of_a_claim_fits_it(
    claim: str, prompt: str, own: str, other: str, expected: str
) -> None:
    assert fits(claim, prompt, own, other) == expected
    turned = {"own": "other", "other": "own", "neither": "neither"}
    assert fits(claim, prompt, other, own) == turned[expected]


def given(verdict: Fits, n: int, n_neither: int) -> list[Fits]:
    neither: Fits = "neither"
    return [verdict] * n + [neither] * n_neither


def test_shares_have_exact_intervals_and_undecided_prompts_stand_outside_accuracy() -> None:
    found = counted(given("own", 8, 2))
    assert (found.accuracy, found.frequency, found.effect) == (1.0, 0.8, 0.8)
    # All of eight: the lower end is where eight of eight have 5 % of chance.
    assert list(found.accuracy_bounds) == pytest.approx([0.05 ** (1 / 8), 1.0])
    assert found.p_value == pytest.approx(2**-8)
    low, high = found.effect_bounds
    assert low < 0.8 < high
    turned = counted(given("other", 8, 2))
    assert list(turned.effect_bounds) == pytest.approx([-high, -low])
    assert turned.p_value == 1.0


def test_where_nothing_is_decided_accuracy_is_undefined_and_not_zero() -> None:
    found = counted(given("own", 0, 5))
    assert math.isnan(found.accuracy) and math.isnan(found.accuracy_bounds[0])
    assert (found.frequency, found.effect, found.p_value) == (0.0, 0.0, 1.0)
