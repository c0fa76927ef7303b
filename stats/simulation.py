"""Successes drawn from a known truth and fitted again: is what was put in given back?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from diffgauge.records.errors import DiffgaugeError
from diffgauge.stats.answers import interval, uplift
from diffgauge.stats.batched_fits import Chain, batched
from diffgauge.stats.features import Design
from diffgauge.stats.responses import Posterior

if TYPE_CHECKING:
    import numpy as np
    from numpy.random import Generator
    from numpy.typing import NDArray

    Draws = NDArray[np.float64]

__all__ = [
    "LEFT_OUT",
    "SCENARIOS",
    "Outcome",
    "Size",
    "fitted_again",
    "layout",
    "recover",
    "successes",
    "without",
]

ARMS: Final = ("blackbox", "any:method")

_SEED: Final = 20261128
_POPULATION: Final = 200_000
_CALLED: Final = 0.95
_USUAL: Final = -1.0
"""Logit of success with blackbox on a median organism, where a scenario fixes it."""


@dataclass(frozen=True)
class Size:
    """How much is observed: both arms on every organism, each with so many epochs and graders."""

    n_organisms: int = 10
    n_epochs: int = 4
    n_graders: int = 1


@dataclass(frozen=True)
class Truth:
    """What successes are drawn from.

    Attributes:
        level: Logit of success with blackbox on a median organism.
        effects: Logits of each organism in each arm, ``organism arm``.
        run: Spread of runs.
        lenient: What an unrecorded second grader, who graded half of the runs, adds.
        uplift: True difference in success probability, a new organism.
    """

    level: float
    effects: Draws
    run: float
    lenient: float
    uplift: float


@dataclass(frozen=True)
class Outcome:
    """What became of one scenario.

    Attributes:
        scenario: Its name.
        model: ``as it is``, else what was left out of it.
        n: Fits.
        covered: Share of 90 % intervals that hold the true uplift.
        band: Where the share lies with probability .99 if the intervals are exact.
        called: Share of fits with P(uplift > 0) above .95.
        called_band: Likewise for .05, which holds where the true uplift is 0.
        bias: Mean of median minus truth.
        width: Mean width of the intervals.
    """

    scenario: str
    model: str
    n: int
    covered: float
    band: tuple[float, float]
    called: float
    called_band: tuple[float, float]
    bias: float
    width: float


def layout(size: Size, arms: tuple[str, ...] = ARMS) -> Design:
    """Returns the design of a simulated grid, as `features.design` makes them of rows.

    Args:
        size: How much is observed.
        arms: The reference first.
    """
    import pandas as pd

    rows = [
        {
            "obs": 0,
            "arm_id": arm,
            "organism": f"o{organism:02}",
            "card": f"o{organism:02}",
            "run": f"{arm} {organism:02} {epoch}",
        }
        for arm in arms
        for organism in range(size.n_organisms)
        for epoch in range(size.n_epochs)
        for _ in range(size.n_graders)
    ]
    table = pd.DataFrame(rows)
    levels = {name: tuple(sorted(table[name].unique())) for name in ("organism", "card", "run")}
    return Design(
        outcome="good_grades",
        stratum="simulated",
        table=table,
        levels={"arm_id": arms, **levels},
        main=("arm_id",),
        interactions=(("organism", "arm_id"),),
        pooled=("organism", *(("run",) if size.n_graders > 1 else ())),
        values=(),
        n_samples=int(table["run"].nunique()),
        n_unscored={},
        notes=(),
    )


def without(design: Design, part: str) -> Design:
    """Returns a design whose model leaves out ``slopes`` or ``run``: what one should not do."""
    if part == "slopes":
        return replace(design, interactions=())
    return replace(design, pooled=tuple(name for name in design.pooled if name != part))


def _from_prior(design: Design, size: Size, draw: Generator) -> Truth:
    """Draws everything from the priors: then 90 % intervals hold the truth 90 times in 100."""
    import numpy as np

    from diffgauge.stats.models.priors import Priors

    priors = Priors()
    organism, slope = (abs(draw.normal(0, width)) for width in (priors.organism, priors.slope))
    run = abs(draw.normal(0, priors.run)) if "run" in design.pooled else 0.0
    arms = np.array([0.0, abs(draw.normal(0, priors.arm)) * draw.normal()])
    level = float(draw.normal(0, priors.intercept))
    sites = {
        "arm_id_effects": arms[None],
        "organism_scale": np.array([organism]),
        "organism_arm_id_scale": np.array([slope]),
        "intercept": np.array([level]),
        **({"run_scale": np.array([run])} if run else {}),
    }
    n = size.n_organisms
    effects = arms + organism * draw.normal(size=(n, 1)) + slope * draw.normal(size=(n, 2))
    truth = float(uplift(Posterior(design, sites), ARMS[1], ARMS[0], "success", "new")[0])
    return Truth(level, effects, run, 0.0, truth)


def _of_population(
    size: Size,
    draw: Generator,
    organisms: Callable[[int, Generator], Draws],
    run: float = 0.0,
    lenient: float = 0.0,
) -> Truth:
    """Draws organisms, and the true uplift as the mean over a large population of them."""
    import numpy as np
    from scipy.special import expit

    many = organisms(_POPULATION, np.random.default_rng(_SEED))
    noise = run * np.random.default_rng(_SEED + 1).normal(size=(_POPULATION, 1))
    shift = lenient * (np.arange(_POPULATION)[:, None] % 2)
    success = expit(_USUAL + many + noise + shift).mean(axis=0)
    truth = float(success[1] - success[0])
    return Truth(_USUAL, organisms(size.n_organisms, draw), run, lenient, truth)


def _normal(n: int, draw: Generator, arm: float, organism: float, slope: float) -> Draws:
    import numpy as np

    made: Draws = (
        np.array([0.0, arm])
        + organism * draw.normal(size=(n, 1))
        + slope * draw.normal(size=(n, 2))
    )
    return made


def _bimodal(n: int, draw: Generator, gain: float) -> Draws:
    """The method lifts half of the organisms by much and the others not at all."""
    import numpy as np

    base = draw.normal(size=(n, 1))
    made: Draws = base + np.concatenate(
        [np.zeros((n, 1)), gain * draw.integers(0, 2, size=(n, 1))], axis=1
    )
    return made


Draw = Callable[[Design, Size, "Generator"], Truth]


def _population(**settings: Any) -> Draw:
    return lambda design, size, draw: _of_population(size, draw, **settings)


_STEEP: Final = partial(_normal, arm=0.0, organism=1.0, slope=2.5)

SCENARIOS: Final[Mapping[str, tuple[Size, Draw]]] = {
    "prior": (Size(), _from_prior),
    "no uplift": (
        Size(),
        _population(organisms=partial(_normal, arm=0.0, organism=1.0, slope=0.7)),
    ),
    "no uplift, steep slopes": (Size(), _population(organisms=_STEEP)),
    "bimodal organisms": (Size(), _population(organisms=partial(_bimodal, gain=4.0))),
    "lenient grader, unrecorded": (
        Size(),
        _population(organisms=partial(_normal, arm=1.0, organism=1.0, slope=0.7), lenient=2.0),
    ),
    "no uplift, two graders a run": (
        Size(n_epochs=2, n_graders=2),
        _population(organisms=partial(_normal, arm=0.0, organism=1.0, slope=0.3), run=1.5),
    ),
}
"""By name. ``prior`` is drawn from the model itself; the others fix what the model must find."""

LEFT_OUT: Final[Mapping[str, str]] = {
    "no uplift, steep slopes": "slopes",
    "no uplift, two graders a run": "run",
}
"""Scenarios that are also fitted by a model without what they are about."""


def successes(truth: Truth, design: Design, draw: Generator) -> NDArray[np.int32]:
    """Draws whether each row is a success."""
    import numpy as np
    from scipy.special import expit

    coded = design.features
    runs = coded["run_index"]
    n_runs = coded["num_run"]
    eta = truth.effects[coded["organism_index"], coded["arm_id_index"]]
    eta = eta + truth.run * draw.normal(size=n_runs)[runs]
    eta = eta + truth.lenient * draw.integers(0, 2, size=n_runs)[runs]
    made: NDArray[np.int32] = (draw.random(len(eta)) < expit(eta + truth.level)).astype(np.int32)
    return made


def fitted_again(design: Design) -> Callable[[NDArray[np.int32], int], list[Posterior]]:
    """Returns a function from data sets to posteriors, compiled once for one layout.

    Each is one chain of 600 draws at a target of .9, all of a batch in step: enough for an
    interval, and a hundred times cheaper than a compilation for each.

    Returns:
        Of successes, ``data_set row``, and a seed, one posterior for each data set.
    """
    import numpy as np

    from diffgauge.stats.models.outcomes import model_of

    model = model_of(design.model, **design.settings)
    fixed = {name: held for name, held in design.features.items() if name != "obs"}

    def of(obs: Any) -> None:
        model({**fixed, "obs": obs})

    draws = batched(of, np.zeros(len(design.table), dtype=np.int32), Chain())

    def fit(obs: NDArray[np.int32], seed: int) -> list[Posterior]:
        return [Posterior(design, held) for held in draws(obs, seed)]

    return fit


def recover(
    name: str, n: int, *, left_out: str | None = None, fit: Any = None, seed: int = _SEED
) -> Outcome:
    """Runs a scenario so many times.

    Args:
        name: A key of `SCENARIOS`.
        n: Data sets, each fitted once.
        left_out: ``slopes`` or ``run`` to leave out of the model.
        fit: What `fitted_again` gave for the same layout and model; None compiles it.
        seed: Of truths, successes and chains.

    Returns:
        How often the intervals held, with the exact binomial band; and the calls.

    Raises:
        DiffgaugeError: There is no such scenario.
    """
    import numpy as np

    if name not in SCENARIOS:
        raise DiffgaugeError(f"Unknown scenario {name!r}.", allowed=", ".join(SCENARIOS))
    size, draw_truth = SCENARIOS[name]
    whole = layout(size)
    fit = fit or fitted_again(without(whole, left_out) if left_out else whole)
    truths, drawn = [], []
    for at in range(n):
        draw = np.random.default_rng([seed, at])
        truths.append(draw_truth(whole, size, draw))
        drawn.append(successes(truths[-1], whole, draw))
    held = []
    for truth, of in zip(truths, fit(np.stack(drawn), seed), strict=True):
        gain = uplift(of, ARMS[1], ARMS[0], "success", "new")
        low, high = interval(gain)
        positive = float((gain > 0).mean())
        middle = float(np.median(gain))
        held.append(
            (low <= truth.uplift <= high, positive > _CALLED, middle - truth.uplift, high - low)
        )
    covered, called, bias, width = (float(np.mean(column)) for column in zip(*held, strict=True))
    return Outcome(
        name,
        f"without {left_out}" if left_out else "as it is",
        n,
        covered,
        _band(n, 0.9),
        called,
        _band(n, 1 - _CALLED),
        bias,
        width,
    )


def _band(n: int, p: float) -> tuple[float, float]:
    """Returns between which shares of n a binomial lies with probability .99 or more."""
    from scipy.stats import binom

    low, high = binom.ppf([0.005, 0.995], n, p)
    return (math.nan, math.nan) if n == 0 else (float(low) / n, float(high) / n)
