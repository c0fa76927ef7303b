"""Leave-one-out: against exact figures, and laws of importance sampling."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logsumexp
from scipy.stats import genpareto, norm

from diffgauge.stats.answer_sets import answers
from diffgauge.stats.engines import choice
from diffgauge.stats.features import Design
from diffgauge.stats.fit_progress import FitProgress
from diffgauge.stats.loo import (
    Loo,
    difference,
    leave_one_out,
    pareto_smoothed,
    run_log_likelihood,
)
from diffgauge.stats.loo_table import loo_table
from diffgauge.stats.responses import Posterior
from diffgauge.stats.simulation import Size, layout, without
from tests.stats.draws import CUTS, known
from tests.stats.tables import grid

pytestmark = pytest.mark.unit

MARK = "evidence: organisms+model"


@pytest.mark.parametrize("k", [0.1, 0.5, 0.9])
def test_the_shape_of_a_pareto_tail_is_found(k: float) -> None:
    n = 20_000
    ratios = genpareto.rvs(k, size=n, random_state=np.random.default_rng(3))
    weights, found = pareto_smoothed(np.log1p(ratios))
    assert logsumexp(weights) == pytest.approx(0)
    # The tail holds 3√n = 425 draws; the shape's standard error is (1 + k) / √425.
    assert abs(found - k) < 3 * (1 + k) / math.sqrt(3 * math.sqrt(n))


def test_equal_ratios_weigh_alike() -> None:
    weights, k = pareto_smoothed(np.zeros(500))
    assert weights == pytest.approx(-math.log(500)) and k == math.inf


def test_what_is_foretold_agrees_with_leaving_out_for_real() -> None:
    # Normal observations of a flat-prior mean: all but one give N(mean of the others, 1/(n−1)).
    draw = np.random.default_rng(0)
    seen = draw.normal(size=12)
    n = len(seen)
    mean = draw.normal(seen.mean(), 1 / math.sqrt(n), size=4000)
    for at, value in enumerate(seen):
        rest = np.delete(seen, at).mean()
        exact = norm.logpdf(value, rest, math.sqrt(1 + 1 / (n - 1)))
        told = norm.logpdf(value, mean)
        weights, k = pareto_smoothed(-told)
        assert k < 0.7
        assert logsumexp(weights + told) == pytest.approx(exact, abs=0.05)


def _posterior(design: Design, n: int, run: float | None) -> Posterior:
    draw = np.random.default_rng(1)
    sites = {
        "intercept": np.full(n, -0.5),
        "arm_id_effects": np.tile([0.0, 1.0], (n, 1)),
        "organism_effects": 0.3 * draw.normal(size=(n, len(design.levels["organism"]))),
        "organism_arm_id_effects": np.zeros((n, len(design.levels["organism"]), 2)),
    }
    return Posterior(design, sites if run is None else sites | {"run_scale": np.full(n, run)})


def test_a_run_is_foretold_with_its_effect_integrated_out() -> None:
    size = Size(n_organisms=2, n_epochs=1, n_graders=2)
    design = layout(size)
    design = replace(design, table=design.table.assign(obs=[1, 1, 0, 1, 1, 0, 0, 0]))
    of = _posterior(design, 3, run=1.5)
    found = run_log_likelihood(of)
    assert found.shape == (3, 4)
    noise = 1.5 * np.random.default_rng(2).normal(size=400_000)
    first = of.draws["organism_effects"][0, 0] - 0.5
    # Both grades of the first run of the first arm are good; levels are sorted by name.
    arm, run = design.levels["arm_id"][0], design.table["run"][0]
    assert design.table["arm_id"][0] == arm
    both = (expit(first + noise) ** 2).mean()
    # 400,000 draws of a number between 0 and 1: a standard error under .001.
    place = design.levels["run"].index(run)
    assert math.exp(found[0, place]) == pytest.approx(both, abs=0.003)


def test_ordinal_rows_have_the_probabilities_of_their_levels() -> None:
    design = layout(Size(n_organisms=1, n_epochs=5))
    table = design.table.assign(obs=[0, 1, 2, 3, 4] * 2)
    design = replace(design, outcome="grades", values=(1.0, 2.0, 3.0, 4.0, 5.0), table=table)
    of = _posterior(design, 2, run=None)
    of = Posterior(design, {**of.draws, "cuts": np.tile(CUTS, (2, 1))})
    found = np.exp(run_log_likelihood(of))
    by_run = dict(zip(design.levels["run"], found.T, strict=True))
    for arm, rows in design.table.groupby("arm_id"):
        # Every level once: the probabilities of an arm sum to 1.
        assert sum(by_run[run] for run in rows["run"]) == pytest.approx(np.ones(2))
        assert arm in design.levels["arm_id"]


def test_a_model_beside_itself_and_beside_a_worse_one() -> None:
    draw = np.random.default_rng(0)
    design = layout(Size(n_organisms=6, n_epochs=6))
    truth = np.repeat(3.0 * np.array([1, -1, 1, -1, 1, -1]), 6)
    eta = np.concatenate([truth, -truth])
    table = design.table.assign(obs=(draw.random(len(eta)) < expit(eta)).astype(int))
    design = replace(design, table=table)
    slopes = np.zeros((800, 6, 2))
    signs = 3.0 * np.array([1, -1, 1, -1, 1, -1])
    slopes[:, :, 0], slopes[:, :, 1] = signs, -signs
    flat = {
        "intercept": 0.1 * draw.normal(size=800),
        "arm_id_effects": np.zeros((800, 2)),
        "organism_effects": 0.1 * draw.normal(size=(800, 6)),
    }
    noise = 0.3 * draw.normal(size=(800, 6, 2))
    whole = leave_one_out(Posterior(design, flat | {"organism_arm_id_effects": slopes + noise}))
    naive = leave_one_out(Posterior(without(design, "slopes"), flat))
    assert difference(whole, whole) == (0.0, 0.0)
    gap, error = difference(naive, whole)
    back, same = difference(whole, naive)
    assert (gap, error) == pytest.approx((-back, same))
    # A coin's log-density is −.69, one that knows the slope nears 2·σ(3)log σ(3) …: −.19 a run.
    assert gap < -0.3 * len(table) and gap < -3 * error
    assert whole.n_high == 0 and set(whole.organisms) == set(range(6))


def test_the_error_is_over_organisms() -> None:
    zero = np.zeros(4)
    one = Loo(np.array([1.0, 1.0, 3.0, 3.0]), zero, np.array([0, 0, 1, 1], dtype=np.int32), 0.7)
    other = replace(one, elpd=zero)
    # Sums by organism are 2 and 6: √(2 · 8).
    assert difference(one, other) == (8.0, 4.0)
    single = replace(one, organisms=np.zeros(4, dtype=np.int32))
    assert math.isnan(difference(single, replace(single, elpd=zero))[1])


def test_deep_answers_hold_the_model_against_simpler_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choice, "fit_directly", known({"adl:method": 1.0}))
    shares = {"blackbox": [0.5] * 3, "adl:method": [0.5] * 3}
    frame = grid(shares)
    again = frame.assign(grader="provider/other")
    told: list[str] = []
    found = answers(
        pd.concat([frame, again], ignore_index=True), engine="direct", deep=True, say=told.append
    )
    assert [one.words for one in found.compared] == [
        "as it is",
        "without organism × arm",
        "without run effects",
    ]
    # Two outcomes of grades, top-1, scores and claims' absence; two priors, three organisms, two.
    assert told[-1].startswith(f"fit {len(told)} of {len(told)}: without run effects; about ")
    assert found.headline is not None
    table = loo_table(found.headline, found.compared, MARK)
    assert table is not None and table.rows[0]["difference"] == 0.0
    assert {row["runs"] for row in table.rows} == {24}
    assert loo_table(found.headline, (), MARK) is None


def test_progress_tells_the_time_left_by_what_was_needed() -> None:
    clock = iter([0.0, 30.0, 200.0, 9000.0])
    told: list[str] = []
    progress = FitProgress(4, told.append, now=lambda: next(clock))
    for name in "abcd":
        progress.begin(name)
    assert told == [
        "fit 1 of 4: a",
        "fit 2 of 4: b; about 2 min left",
        "fit 3 of 4: c; about 3 min left",
        "fit 4 of 4: d; about 50 min left",
    ]
