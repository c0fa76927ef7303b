import math
import random

import pytest

from diffgauge.stats.intervals import (
    clopper_pearson,
    clustered_auroc,
    clustered_mean,
    clustered_share,
    wilson,
)

pytestmark = pytest.mark.unit


def test_the_exact_interval_of_none_of_four_still_allows_one_half() -> None:
    # 1 − .05^(1/4) = .5271
    assert clopper_pearson(0, 4) == pytest.approx((0.0, 0.5271), abs=1e-4)
    assert clopper_pearson(4, 4) == pytest.approx((0.4729, 1.0), abs=1e-4)
    assert all(math.isnan(one) for one in clopper_pearson(0, 0))


def test_wilson_against_a_published_value() -> None:
    # 81 of 263 at 95 %: .2553 to .3662 (Newcombe 1998, table I, method 3).
    low, high = wilson(81, 263, 0.95)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


def test_independent_organisms_get_the_exact_interval() -> None:
    values = [(str(at), float(at < 3)) for at in range(8)]
    found = clustered_share(values)
    low, high = clopper_pearson(3, 8)
    # One sample an organism: the clustered variance differs by n / (n − 1) only.
    assert found.low == pytest.approx(low, abs=0.03) and found.high == pytest.approx(high, abs=0.03)
    assert (found.value, found.n, found.n_organisms) == (3 / 8, 8, 8)


def test_epochs_that_repeat_each_other_narrow_nothing() -> None:
    once = [(str(at), float(at < 3)) for at in range(8)]
    often = [(name, value) for name, value in once for _ in range(20)]
    assert clustered_share(often).low == pytest.approx(clustered_share(once).low, abs=1e-9)
    agreed = clustered_share([(str(at % 4), 1.0) for at in range(100)])
    assert agreed.low == pytest.approx(clopper_pearson(4, 4)[0])


def test_epochs_that_vary_within_organisms_do_narrow() -> None:
    draw = random.Random(0)
    values = [(str(at % 10), float(draw.random() < 0.5)) for at in range(200)]
    found = clustered_share(values)
    few = clustered_share(values[:10])
    assert found.high - found.low < (few.high - few.low) / 2


def test_nine_in_ten_intervals_hold_the_truth() -> None:
    """Coverage at 12 organisms × 3 epochs where organisms differ."""
    draw = random.Random(1)
    held = 0
    n = 200
    for _ in range(n):
        values = []
        for organism in range(12):
            p = draw.betavariate(2, 2)
            values += [(str(organism), float(draw.random() < p)) for _ in range(3)]
        found = clustered_share(values)
        held += found.low <= 0.5 <= found.high
    # 90 % − 3 standard errors of 200 draws.
    assert held / n > 0.9 - 3 * math.sqrt(0.9 * 0.1 / n)


def test_missing_values_bound_the_share() -> None:
    found = clustered_share([("a", 1.0), ("b", 0.0)], n_missing=2)
    assert (found.worst, found.best) == (0.25, 0.75)
    nothing = clustered_share([], n_missing=3)
    assert math.isnan(nothing.value) and (nothing.worst, nothing.best) == (0, 1)
    assert math.isnan(clustered_share([]).worst)


def test_means_resample_organisms_and_say_when_they_cannot() -> None:
    values = [(str(at), float(at)) for at in range(10)]
    found = clustered_mean(values)
    assert found.low < 4.5 < found.high and found == clustered_mean(values)
    assert math.isnan(clustered_mean([("a", 1.0), ("a", 2.0)]).low)
    assert math.isnan(clustered_mean([]).value)
    # Three equal values do not show that a fourth would be equal too.
    assert math.isnan(clustered_mean([("a", 5.0), ("b", 5.0), ("c", 5.0)]).high)


def test_auroc_counts_ties_half_and_needs_both_kinds() -> None:
    found = clustered_auroc([("a", 0.9), ("b", 0.4)], [("c", 0.4), ("d", 0.1)])
    assert found.value == 3.5 / 4 and found.low <= found.value <= found.high
    parted = clustered_auroc([("a", 0.9), ("b", 0.8)], [("c", 0.4), ("d", 0.1)])
    assert parted.value == 1 and math.isnan(parted.low)
    assert math.isnan(clustered_auroc([("a", 0.9)], []).value)
    assert math.isnan(clustered_auroc([("a", 0.9)], [("b", 0.1)]).low)
