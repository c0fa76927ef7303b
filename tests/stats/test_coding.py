"""Rows that a model cannot tell apart may stand once: the posterior is the same."""

from functools import partial
from typing import Any

import jax
import numpy as np
import pandas as pd
import pytest
from numpyro import handlers
from numpyro.infer.util import log_density

from diffgauge.stats.coding import compacted
from diffgauge.stats.features import Outcome, design
from diffgauge.stats.models.outcomes import model_of
from diffgauge.stats.strata import strata
from tests.stats.tables import grid

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Two arms and two graders, so that every kind of term is there."""
    shares = {"blackbox": [0.3] * 3, "adl:method": [0.6] * 3}
    one = grid(shares, n_epochs=5, false_alarms={"adl:method": 0.5}, n_nulls=2)
    other = one.assign(grader="provider/other", grade=one["grade"].iloc[::-1].to_numpy())
    return pd.concat([one, other], ignore_index=True)


def _values(trace: dict[str, Any]) -> dict[str, Any]:
    return {
        name: site["value"]
        for name, site in trace.items()
        if site["type"] == "sample" and name != "obs"
    }


@pytest.mark.parametrize("outcome", ["grades", "claims_planted"])
def test_the_density_is_that_of_all_rows(outcome: Outcome, frame: pd.DataFrame) -> None:
    of = design(strata(frame)[0], outcome)
    whole = of.features
    fewer = compacted(whole, by_run="run" in of.pooled)
    assert fewer["weight"].sum() == len(whole["obs"])
    assert len(fewer["obs"]) <= len(whole["obs"])
    model: Any = model_of(of.model, **of.settings)
    drawn = handlers.trace(handlers.seed(partial(model, whole), jax.random.PRNGKey(0)))
    sites = jax.jit(lambda: _values(drawn.get_trace()))()
    densities = jax.jit(
        lambda values: [log_density(model, (held,), {}, values)[0] for held in (whole, fewer)]
    )
    one, same = map(float, densities(sites))
    # Single precision over a sum of some hundred terms.
    assert same == pytest.approx(one, rel=1e-5)


def test_rows_without_run_effects_shrink_to_cells(frame: pd.DataFrame) -> None:
    of = design(strata(frame)[0], "successes")
    assert "run" not in of.pooled
    fewer = compacted(of.features, by_run=False)
    # Three truths in two arms, hit or missed: twelve cells at most, of thirty rows.
    assert len(of.features["obs"]) == 30 and len(fewer["obs"]) <= 12
    assert "run_index" not in fewer and fewer["num_run"] == 30
    runs = compacted(of.features, by_run=True)
    assert len(runs["obs"]) == 30 and set(runs["weight"]) == {1.0}
    assert np.issubdtype(fewer["organism_index"].dtype, np.int32)
