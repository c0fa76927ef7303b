"""What is put in comes back; what a simpler model would claim falsely, this one does not."""

import math

import numpy as np
import pandas as pd
import pytest

from diffgauge.records.errors import DiffgaugeError
from diffgauge.stats.answers import contrasts
from diffgauge.stats.diagnostics import posterior_of
from diffgauge.stats.engines.direct import fit_directly
from diffgauge.stats.engines.fits import Sampling
from diffgauge.stats.features import Design, design
from diffgauge.stats.prior_predictive import prior_figures, prior_posterior
from diffgauge.stats.recovery import draw
from diffgauge.stats.simulation import SCENARIOS, Outcome, Size, layout, recover, successes, without
from diffgauge.stats.strata import strata
from tests.stats.tables import grid, row

pytestmark = pytest.mark.unit

ENOUGH = Sampling(n_warmup=300, n_draws=400, n_chains=2)


def test_a_simulated_grid_has_the_design_that_rows_would_have() -> None:
    size = Size(n_organisms=3, n_epochs=2)
    simulated = layout(size)
    [one] = strata(grid({"blackbox": [0.5] * 3, "any:method": [0.5] * 3}, n_epochs=2))
    real = design(one, "good_grades")
    assert simulated.settings == real.settings
    assert {name: len(held) for name, held in simulated.levels.items()} == {
        name: len(held) for name, held in real.levels.items()
    }
    assert layout(Size(n_graders=2)).pooled == ("organism", "run")
    assert without(simulated, "slopes").interactions == ()


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_scenarios_draw_successes_whose_true_uplift_is_what_they_say(name: str) -> None:
    size, of = SCENARIOS[name]
    whole = layout(size)
    truth = of(whole, size, np.random.default_rng(0))
    drawn = successes(truth, whole, np.random.default_rng(1))
    assert drawn.shape == (len(whole.table),) and set(drawn) <= {0, 1}
    if name.startswith("no uplift"):
        # The mean over 200,000 organisms: a standard error under .002.
        assert abs(truth.uplift) < 0.008
    again = of(whole, size, np.random.default_rng(0))
    assert again.uplift == truth.uplift and np.array_equal(again.effects, truth.effects)


def test_an_unknown_scenario_is_said() -> None:
    with pytest.raises(DiffgaugeError, match="Unknown scenario 'nothing'"):
        recover("nothing", 1)


def test_the_priors_say_little_of_uplift_and_nothing_of_its_sign() -> None:
    figures = prior_figures(prior_posterior(4000))
    gain = figures["uplift in success probability"]
    assert np.median(gain) == pytest.approx(0, abs=0.01)
    low, high = np.quantile(gain, [0.05, 0.95])
    assert low < -0.2 and high > 0.2
    level = figures["success probability, blackbox"]
    # Five levels alike: two of five are successes.
    assert level.mean() == pytest.approx(0.4, abs=0.05)


def test_the_figure_shows_every_scenario() -> None:
    held = Outcome("no uplift", "as it is", 9, 0.9, (0.6, 1.0), 0.0, (0.0, 0.3), 0.0, 0.2)
    assert draw([held]).startswith("<?xml") and draw([held]) == draw([held])


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    found = recover("prior", 400)
    low, high = found.band
    # Binomial(400, .9): the exact 99 % band.
    assert (low, high) == (0.86, 0.9375)
    assert low <= found.covered <= high
    assert abs(found.bias) < 0.02 and not math.isnan(found.width)


@pytest.mark.slow
def test_no_uplift_is_called_no_more_often_than_stated() -> None:
    found = recover("no uplift", 200)
    assert found.called <= found.called_band[1]


@pytest.mark.slow
def test_steep_slopes_are_no_uplift_though_a_model_without_them_would_claim_one() -> None:
    # Six organisms on which the method shines, four on which it fails where blackbox did not.
    shares = {"blackbox": [0.05] * 6 + [0.6] * 4, "adl:method": [0.95] * 6 + [0.1] * 4}
    whole = design(strata(grid(shares, n_epochs=8))[0], "successes")
    ours, naive = _positive(whole), _positive(without(whole, "slopes"))
    assert naive > 0.95 > ours


@pytest.mark.slow
def test_many_graders_of_few_runs_are_few_runs() -> None:
    # One run of each arm on six organisms, each graded alike by six graders: six times the rows.
    few = [
        row(organism=f"pair/{at}", arm_id=arm, grade=grade, grader=f"provider/{who}")
        for at in range(6)
        for arm, grades in (("blackbox", (1, 3, 2, 2, 3, 2)), ("adl:method", (3, 2, 4, 3, 2, 4)))
        for who, grade in [(who, float(grades[at])) for who in range(6)]
    ]
    frame = pd.DataFrame([one.model_dump() for one in few])
    whole = design(strata(frame)[0], "grades")
    assert "run" in whole.pooled
    bare = without(without(whole, "run"), "slopes")
    assert _positive(bare) > 0.95 > _positive(whole)


def _positive(of: Design) -> float:
    fit = fit_directly(of, ENOUGH)
    return contrasts(posterior_of(fit))[0].p_positive
