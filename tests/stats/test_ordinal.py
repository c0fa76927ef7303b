"""Weighted kappa against a second implementation, by hand, and at its edges."""

import math
import random

import pytest
from sklearn.metrics import cohen_kappa_score

from diffgauge.stats.ordinal import GRADES, weighted_kappa

pytestmark = pytest.mark.unit


def pairs(rng: random.Random, n: int = 60, organisms: int = 6) -> list[tuple[str, int, int]]:
    return [(f"o{at % organisms}", rng.choice(GRADES), rng.choice(GRADES)) for at in range(n)]


@pytest.mark.parametrize("seed", range(5))
def test_it_is_what_another_implementation_gives(seed: int) -> None:
    given = pairs(random.Random(seed))
    other = cohen_kappa_score(
        [one for _, one, _ in given],
        [two for _, _, two in given],
        labels=list(GRADES),
        weights="quadratic",
    )
    found = weighted_kappa(given)
    assert found.value == pytest.approx(other)
    assert found.low <= found.value <= found.high
    assert (found.n, found.n_organisms) == (60, 6)


def test_complete_agreement_is_one_and_reversal_is_minus_one() -> None:
    same = [(f"o{grade}", grade, grade) for grade in GRADES]
    assert weighted_kappa(same).value == 1
    # Marginals are uniform: chance gives a mean squared distance of 4, reversal one of 8.
    turned = [(f"o{grade}", grade, 6 - grade) for grade in GRADES]
    assert weighted_kappa(turned).value == pytest.approx(-1)


def test_one_point_off_costs_little() -> None:
    """Reports that deserve 1 and 5 get 2 and 5: a squared distance of 1 and one of 0.

    By chance each of the labels 1, 5 meets each of the grades 2, 5: squared distances of 1, 16, 9
    and 0, half of their sum over two reports.
    """
    found = weighted_kappa([("a", 1, 2), ("b", 5, 5)])
    assert found.value == pytest.approx(1 - 1 / 13)


@pytest.mark.parametrize("given", [[], [("a", 3, 3)], [("a", 3, 3), ("b", 3, 3)]])
def test_where_nothing_varies_it_is_undefined(given: list[tuple[str, int, int]]) -> None:
    found = weighted_kappa(given)
    assert math.isnan(found.value) and math.isnan(found.low)
    assert found.n == len(given)


def test_one_organism_gives_no_interval() -> None:
    found = weighted_kappa([("a", 1, 2), ("a", 5, 4), ("a", 3, 3)])
    assert not math.isnan(found.value) and math.isnan(found.low)


def test_order_does_not_matter() -> None:
    given = pairs(random.Random(7))
    assert weighted_kappa(given) == weighted_kappa(given[::-1])
