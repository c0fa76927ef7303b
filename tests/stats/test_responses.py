"""Quadrature against draws: the same expectations, taken by brute force."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from diffgauge.stats.features import Outcome, design
from diffgauge.stats.responses import (
    Posterior,
    beneficiaries,
    new_organism,
    replicated,
    these_organisms,
)
from diffgauge.stats.strata import strata
from tests.stats.tables import grid

pytestmark = pytest.mark.unit

ARMS = {"blackbox": [0.2] * 3, "adl:method": [0.7] * 3}
CUTS = np.array([-2.0, -0.5, 0.4, 1.5])


def _posterior(outcome: Outcome = "grades") -> Posterior:
    """One draw of every site, of an arm that adds 1.2 logits."""
    made = design(strata(grid(ARMS))[0], outcome)
    sites: dict[str, Any] = {
        "arm_id_effects": [[0.0, 1.2]],
        "organism_scale": [1.1],
        "organism_arm_id_scale": [0.8],
        "organism_effects": [[0.3, -0.2, 1.0]],
        "organism_arm_id_effects": [[[0.1, 0.5], [0.0, -1.0], [0.2, 0.4]]],
    }
    sites |= {"cuts": [CUTS]} if outcome == "grades" else {"intercept": [-0.7]}
    return Posterior(made, {name: np.asarray(held) for name, held in sites.items()})


def test_a_new_organism_is_the_mean_over_organisms_and_slopes() -> None:
    of = _posterior()
    noise = np.random.default_rng(0).standard_normal(400_000) * np.hypot(1.1, 0.8)
    success = expit(1.2 + noise - CUTS[2]).mean()
    grade = 1 + sum(expit(1.2 + noise - cut).mean() for cut in CUTS)
    # 400,000 draws: a standard error of about .0005 for the share, .002 for the grade.
    assert new_organism(of, "adl:method", "success")[0] == pytest.approx(success, abs=0.002)
    assert new_organism(of, "adl:method", "grade")[0] == pytest.approx(grade, abs=0.008)


def test_these_organisms_keep_what_each_is() -> None:
    of = _posterior()
    found = these_organisms(of, "adl:method", "success")
    logits = 1.2 + np.array([0.3, -0.2, 1.0]) + np.array([0.5, -1.0, 0.4])
    assert list(found) == ["pair/00", "pair/01", "pair/02"]
    assert np.concatenate(list(found.values())) == pytest.approx(expit(logits - CUTS[2]))


def test_the_share_of_organisms_that_benefit_is_that_of_differences_above_zero() -> None:
    of = _posterior()
    draw = np.random.default_rng(1).standard_normal((2, 400_000)) * 0.8
    share = (1.2 + draw[1] - draw[0] > 0).mean()
    assert beneficiaries(of, "adl:method", "blackbox")[0] == pytest.approx(share, abs=0.003)


def test_runs_are_integrated_over_too() -> None:
    frame = grid(ARMS)
    again = frame.assign(grader="provider/other")
    both = design(strata(pd.concat([frame, again], ignore_index=True))[0], "grades")
    plain = dict(_posterior().draws)
    effects = {"grader_effects": np.array([[0.6, -0.6]]), "run_scale": np.array([0.9])}
    of = Posterior(both, plain | effects)
    noise = np.random.default_rng(2).standard_normal(400_000) * np.sqrt(1.1**2 + 0.8**2 + 0.9**2)
    expected = np.mean([expit(1.2 + shift + noise - CUTS[2]).mean() for shift in (0.6, -0.6)])
    assert new_organism(of, "adl:method", "success")[0] == pytest.approx(expected, abs=0.002)


def test_replicated_rows_have_the_shares_the_model_gives() -> None:
    cases: list[tuple[Outcome, float]] = [("successes", -0.7), ("grades", -float(CUTS[2]))]
    for outcome, logit in cases:
        of = _posterior(outcome)
        drawn = replicated(of, 4000, seed=0)
        rows = of.design.features
        second = (rows["arm_id_index"] == 1) & (rows["organism_index"] == 1)
        expected = expit(logit + 1.2 - 0.2 - 1.0)
        good = drawn[:, second] >= (3 if outcome == "grades" else 1)
        # 16,000 draws: a standard error under .004.
        assert good.mean() == pytest.approx(expected, abs=0.015)
