"""A plan draws what it says, fits what the report fits, and keeps what it has done."""

import json
import math
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.infer.util import log_density

from diffgauge.records.errors import DiffgaugeError
from diffgauge.stats.batched_fits import Chain
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.models.outcomes import model_of
from diffgauge.stats.models.weighted import weighted
from diffgauge.stats.planning import Assumed, Effort, Grid, Power, checked_scale, powers
from diffgauge.stats.planning_page import Plan, files, in_words, plan_table
from diffgauge.stats.simulation import Size, layout

pytestmark = pytest.mark.unit

SMALL = Effort(20, Chain(n_warmup=50, n_draws=50, max_depth=5, batch=10))


def test_a_weighted_row_counts_as_so_many_rows() -> None:
    design = layout(Size(n_organisms=2, n_epochs=3))
    model = model_of(design.model, **design.settings)
    many = design.features | {"obs": jnp.array([0, 1, 1] * 4)}
    two = layout(Size(n_organisms=2, n_epochs=2))
    few = two.features | {"obs": jnp.array([0, 1] * 4)}
    values = {
        "intercept": jnp.array(-0.3),
        "arm_id_scale": jnp.array(0.8),
        "arm_id_raw": jnp.array([1.1]),
        "organism_scale": jnp.array(0.7),
        "organism_raw": jnp.array([0.2, -1.0]),
        "organism_arm_id_scale": jnp.array(0.4),
        "organism_arm_id_raw": jnp.array([[0.5, -0.5], [1.0, 0.3]]),
    }
    plain, _ = log_density(model, (many,), {}, values)
    # One failure and two successes in every cell.
    once, _ = log_density(
        lambda weights: weighted(model, few, weights), (jnp.array([1.0, 2.0] * 4),), {}, values
    )
    assert float(plain) == pytest.approx(float(once), abs=1e-4)


def test_an_effect_is_what_it_says_on_either_scale() -> None:
    assumed = Assumed(2, 0.2, "probability", level=0.3, organism=1.5, slope=0.5)
    level, added = assumed.logits
    draw = np.random.default_rng(0)
    # A mean over 400,000 organisms: a standard error under .0005.
    noise = math.hypot(1.5, 0.5) * draw.normal(size=400_000)
    assert (1 / (1 + np.exp(-(level + noise)))).mean() == pytest.approx(0.3, abs=0.002)
    assert (1 / (1 + np.exp(-(level + added + noise)))).mean() == pytest.approx(0.5, abs=0.002)
    assert assumed.gain == pytest.approx(0.2, abs=1e-6)
    same = Assumed(2, added, "logit", level=0.3, organism=1.5, slope=0.5)
    assert same.gain == pytest.approx(0.2, abs=1e-6)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: Assumed(0, 0.1), "methods was given as 0"),
        (lambda: checked_scale("odds"), "Unknown scale 'odds'"),
        (lambda: Assumed(1, 0.8), "with blackbox at a success probability of 0.30"),
        (lambda: Assumed(1, -0.1), "effect of -0.1"),
        (lambda: Assumed(1, math.nan), "effect of nan"),
        (lambda: Grid(1, 3), "grid of 1 organism"),
        (lambda: Grid(4, 0), "epochs was given as 0"),
        (lambda: powers(Assumed(1, 0.1), [], [1], SMALL), "needs sizes"),
        (lambda: powers(Assumed(1, 0.1), [4], [1], SMALL, call=1.0), "level of a call"),
    ],
)
def test_what_cannot_be_planned_is_said(made: object, said: str) -> None:
    assert callable(made)
    with pytest.raises(DiffgaugeError, match=said):
        made()


def test_a_large_uplift_is_called_and_none_is_not_and_what_is_done_is_kept() -> None:
    told: list[tuple[Grid, int, int]] = []

    def tell(grid: Grid, done: int, of: int) -> None:
        told.append((grid, done, of))

    large, none = Assumed(2, 0.65), Assumed(2, 0.0)
    [strong] = powers(large, [8], [4], SMALL, tell=tell)
    [silent] = powers(none, [8], [4], SMALL)
    assert strong.called.value > 0.6 and strong.called.n == 20
    # Binomial(20, .05) is above 5 with a probability under .001.
    assert silent.called.value <= 5 / 20
    grid = Grid(8, 4)
    assert told == [(grid, 0, 20), (grid, 10, 20), (grid, 20, 20)]
    told.clear()
    assert powers(large, [8], [4], SMALL, tell=tell) == [strong]
    assert told == [(grid, 20, 20)], "nothing was simulated again"
    batch = Effort(10, SMALL.chain)
    [again] = powers(large, [8], [4], batch, tell=tell)
    assert again.called.n == 10, "fewer are read from what is there"


def _power(n: int, share: float) -> Power:
    nothing = Estimate(math.nan, math.nan, math.nan, 0, 0)
    return Power(Grid(n, 2), Estimate(share, share - 0.05, share + 0.05, 100, 0), nothing, 0.3)


def test_the_smallest_size_that_suffices_is_recommended() -> None:
    plan = Plan(
        Assumed(1, 0.2), (_power(6, 0.4), _power(12, 0.86), _power(24, 0.9)), 0.95, 0.8, 10, None
    )
    [_, take] = in_words(plan)
    assert "Take 12 organisms × 2 epochs" in take and "48 investigations" in take
    assert "480 model interactions" in take and "6 organisms × 2 epochs give 0.40" in take
    held = json.loads(files(plan, "diffgauge plan")["plan.json"])
    assert held["recommended"] == {"n_organisms": 12, "n_epochs": 2}
    assert [row["samples"] for row in plan_table(plan).rows] == [24, 48, 96]
    assert files(plan, "x") == files(plan, "x")


def test_where_nothing_suffices_none_is_recommended(tmp_path: Path) -> None:
    plan = Plan(Assumed(1, 0.2), (_power(6, 0.4),), 0.95, 0.8, 10, None)
    assert "None of these sizes reaches a power of 0.8" in in_words(plan)[1]
    assert json.loads(files(plan, "x")["plan.json"])["recommended"] is None
