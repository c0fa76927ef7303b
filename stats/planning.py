"""How large a grid must be: outcomes drawn from the model, refitted by it, and counted."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from diffgauge.records.artifacts import hash_json
from diffgauge.records.cache import cache_folder
from diffgauge.records.errors import DiffgaugeError, unknown_name
from diffgauge.records.folders import write_files
from diffgauge.stats.answers import uplift
from diffgauge.stats.batched_fits import Chain, batched
from diffgauge.stats.engines.fits import Sampling, fit_key
from diffgauge.stats.features import Design
from diffgauge.stats.intervals import LEVEL, Estimate, clopper_pearson
from diffgauge.stats.responses import Posterior
from diffgauge.stats.simulation import Size, layout
from diffgauge.stats.strata import BLACKBOX

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "DEEP",
    "FAST",
    "Assumed",
    "Effort",
    "Grid",
    "Power",
    "Progress",
    "Scale",
    "checked_scale",
    "powers",
]

Scale = Literal["probability", "logit"]
"""What an effect is a difference of: success probabilities on a new organism, or logits."""

Progress = Callable[["Grid", int, int], None]
"""Is told of a grid, how many of its simulations are done, and of how many."""

_SEED: Final = 20261128
_MOST_METHODS: Final = 20
_LARGEST: Final = 500
_MOST_EPOCHS: Final = 100
_MOST_LOGIT: Final = 20.0
_NODES: Final = 41
_NEEDED: Final = ("intercept", "arm_id_effects", "organism_scale", "organism_arm_id_scale")


@dataclass(frozen=True)
class Effort:
    """How hard is simulated.

    Attributes:
        n_simulations: Grids drawn and fitted for each size.
        chain: How each is sampled.
    """

    n_simulations: int
    chain: Chain


FAST: Final = Effort(100, Chain(n_warmup=150, n_draws=250, max_depth=6, batch=50))
"""A share of .8 is then known to ±.07; P(uplift > 0) of one grid to about ±.02."""

DEEP: Final = Effort(400, Chain(n_warmup=300, n_draws=600, max_depth=8, batch=100))


@dataclass(frozen=True)
class Assumed:
    """The world that grids are drawn from. Spreads are standard deviations of logits.

    Attributes:
        n_methods: Methods beside blackbox; the first has the effect, the others have none.
        effect: What the first method adds, 0 or more; 0 asks how often is called falsely.
        scale: Of what.
        level: Success probability of blackbox on a new organism.
        organism: Spread of organisms.
        slope: Spread of organism × arm.
    """

    n_methods: int
    effect: float
    scale: Scale = "probability"
    level: float = 0.3
    organism: float = 1.0
    slope: float = 0.7

    def __post_init__(self) -> None:
        _check("methods", self.n_methods, 1, _MOST_METHODS)
        _check("level", self.level, 0.01, 0.99)
        _check("organism spread", self.organism, 0.0, _MOST_LOGIT)
        _check("slope spread", self.slope, 0.0, _MOST_LOGIT)
        checked_scale(self.scale)
        room = 0.995 - self.level if self.scale == "probability" else _MOST_LOGIT
        if not 0 <= self.effect <= room:
            raise DiffgaugeError(
                f"An effect of {self.effect:g} was asked for on the scale {self.scale!r}, with "
                f"blackbox at a success probability of {self.level:.2f}.",
                allowed=f"0 to {room:.2g}",
                advice="0.2 on the scale 'probability' takes .30 to .50; on 'logit' it is far "
                "less. 0 asks how often an uplift is called where there is none.",
            )

    @property
    def arms(self) -> tuple[str, ...]:
        """Blackbox and the methods, the one with the effect first among them."""
        return (BLACKBOX, *(f"method {at + 1}" for at in range(self.n_methods)))

    @property
    def logits(self) -> tuple[float, float]:
        """Logit of blackbox on a median organism, and what the first method adds to it."""
        level = self._logit_of(self.level)
        if self.scale == "logit":
            return level, self.effect
        return level, self._logit_of(self.level + self.effect) - level

    @property
    def gain(self) -> float:
        """What the first method adds in success probability on a new organism."""
        level, added = self.logits
        return self._success(level + added) - self._success(level)

    def _success(self, logit: float) -> float:
        """Mean success probability over organisms and slopes, by Gauss–Hermite nodes."""
        import numpy as np
        from scipy.special import expit

        nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
        spread = math.hypot(self.organism, self.slope)
        return float(weights @ expit(logit + spread * nodes) / weights.sum())

    def _logit_of(self, success: float) -> float:
        from scipy.optimize import brentq

        return float(brentq(lambda x: self._success(x) - success, -200.0, 200.0))


@dataclass(frozen=True)
class Grid:
    """A size: every arm on every organism, so many times."""

    n_organisms: int
    n_epochs: int

    def __post_init__(self) -> None:
        if self.n_organisms == 1:
            raise DiffgaugeError(
                "A grid of 1 organism was asked for: nothing would show how far organisms differ.",
                allowed=f"2 to {_LARGEST} organisms",
            )
        _check("organisms", self.n_organisms, 2, _LARGEST)
        _check("epochs", self.n_epochs, 1, _MOST_EPOCHS)

    def samples(self, n_arms: int) -> int:
        """Returns the investigations it takes."""
        return self.n_organisms * self.n_epochs * n_arms


@dataclass(frozen=True)
class Power:
    """What a grid would show.

    Attributes:
        grid: Its size.
        called: Share of simulations in which P(uplift > 0) of the method with the effect is above
            the level of a call, exact binomial interval; `n_organisms` of it is 0.
        false: Likewise of methods without an effect; they share simulations, so that the interval
            counts simulations alone: the share in which any of them is called. NaN without one.
        width: Mean width of the 90 % interval of the uplift.
    """

    grid: Grid
    called: Estimate
    false: Estimate
    width: float


def checked_scale(name: str) -> Scale:
    """Returns a scale by its name.

    Raises:
        DiffgaugeError: There is no such scale.
    """
    for known in get_args(Scale):
        if known == name:
            found: Scale = known
            return found
    raise unknown_name("scale", name, get_args(Scale))


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise DiffgaugeError(
            f"The plan's {name} was given as {value:g}.", allowed=f"{low:g} to {high:g}"
        )


def powers(
    assumed: Assumed,
    organisms: Sequence[int],
    epochs: Sequence[int],
    effort: Effort,
    *,
    call: float = 0.95,
    target: float = 0.8,
    seed: int = _SEED,
    tell: Progress | None = None,
) -> list[Power]:
    """Simulates grids of several sizes.

    Simulations are kept below the cache folder, batch by batch: the same question asked again
    reads them, and one that was killed goes on from its last batch.

    Source: power by simulation from the model that analyses, Gelman and Hill 2007, chapter 20.
    Differs: the fit is ours, hierarchical, with all arms' effects shrunk together; a success is
    one grade, so that runs have no spread of their own.

    Args:
        assumed: What outcomes are drawn from.
        organisms: Numbers of organisms.
        epochs: Numbers of epochs.
        effort: How many simulations, and how each is fitted.
        call: P(uplift > 0) above which an uplift is called.
        target: Share of simulations to be called. For one number of epochs, sizes beyond one that
            surely reaches it (lower end of its interval) are left out.
        seed: Of outcomes and chains.
        tell: Is told what is done.

    Returns:
        By epochs, then organisms, increasing.

    Raises:
        DiffgaugeError: A size, the level of a call or the target is outside of what is allowed.
    """
    _check("level of a call", call, 0.5, 0.999)
    _check("power", target, 0.05, 0.99)
    sizes = [[Grid(n, e) for n in sorted(set(organisms))] for e in sorted(set(epochs))]
    if not organisms or not epochs:
        raise DiffgaugeError("A plan needs sizes.", allowed="--organisms 6,12,24 --epochs 1,3")
    found = []
    for grids in sizes:
        for grid in grids:
            found.append(_power(_simulated(grid, assumed, effort, seed, tell), grid, call))
            if assumed.effect and found[-1].called.low > target:
                break
    return found


def _power(simulations: Sequence[Simulation], grid: Grid, call: float) -> Power:
    n = len(simulations)
    hits = sum(one["positive"][0] > call for one in simulations)
    several = len(simulations[0]["positive"]) > 1
    wrong = sum(max(one["positive"][1:]) > call for one in simulations) if several else 0
    return Power(
        grid,
        _share(hits, n),
        _share(wrong, n) if several else Estimate(math.nan, math.nan, math.nan, 0, 0),
        sum(one["high"] - one["low"] for one in simulations) / n,
    )


def _share(hits: int, n: int) -> Estimate:
    return Estimate(hits / n, *clopper_pearson(hits, n, LEVEL), n, 0)


Simulation = dict[str, Any]
"""``positive``: P(uplift > 0) of each method; ``low`` and ``high`` of the first one's uplift."""


def _simulated(
    grid: Grid,
    assumed: Assumed,
    effort: Effort,
    seed: int,
    tell: Progress | None,
) -> list[Simulation]:
    """Returns a grid's simulations, those that are kept and those that were still to be made."""
    design = _layout(grid.n_organisms, assumed.arms)
    path = _kept_path(grid, assumed, effort.chain, design, seed)
    held = _kept(path)
    wanted, batch = effort.n_simulations, effort.chain.batch
    while len(held) < wanted:
        if tell:
            tell(grid, len(held), wanted)
        at = len(held)
        weights = [_drawn(grid, assumed, seed, at + one) for one in range(batch)]
        drawn = _fitting(grid.n_organisms, assumed.arms, effort.chain)(weights, seed + at)
        held += [_read(Posterior(design, one), assumed.arms) for one in drawn]
        write_files(
            path.parent,
            {path.name: json.dumps(held).encode()},
            "Simulations",
            "DIFFGAUGE_CACHE names another folder.",
        )
    if tell:
        tell(grid, wanted, wanted)
    return held[:wanted]


def _kept_path(grid: Grid, assumed: Assumed, chain: Chain, design: Design, seed: int) -> Path:
    model = fit_key(design, Sampling(), "plan")
    key = hash_json([model, asdict(grid), asdict(assumed), asdict(chain), seed])
    return cache_folder() / "plans" / f"{key[:24]}.json"


def _kept(path: Path) -> list[Simulation]:
    if not path.is_file():
        return []
    try:
        held: list[Simulation] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return []
    return held


def _layout(n_organisms: int, arms: tuple[str, ...]) -> Design:
    """Returns two rows for each organism and arm, a failure and a success.

    Weighted by how many there are, they serve every number of epochs.
    """
    return layout(Size(n_organisms=n_organisms, n_epochs=2), arms)


@lru_cache(maxsize=8)
def _fitting(n_organisms: int, arms: tuple[str, ...], chain: Chain) -> Any:
    """Returns the function from weights of data sets to draws, compiled for one shape."""
    import numpy as np

    from diffgauge.stats.models.outcomes import model_of
    from diffgauge.stats.models.weighted import weighted

    design = _layout(n_organisms, arms)
    model = model_of(design.model, **design.settings)
    n_rows = len(design.table)
    features = design.features | {"obs": np.tile([0, 1], n_rows // 2).astype(np.int32)}

    def of(weights: Any) -> None:
        weighted(model, features, weights)

    fit = batched(of, np.ones(n_rows), chain, _NEEDED)
    return lambda weights, seed: fit(np.stack(weights), seed)


def _drawn(grid: Grid, assumed: Assumed, seed: int, at: int) -> NDArray[np.float64]:
    """Draws how many failures and successes each arm has on each organism, as weights of rows."""
    import numpy as np
    from scipy.special import expit

    draw = np.random.default_rng([seed, at])
    level, added = assumed.logits
    n, n_arms = grid.n_organisms, len(assumed.arms)
    effects = np.zeros((n_arms, 1))
    effects[1] = added
    eta = level + effects + assumed.organism * draw.normal(size=(1, n))
    eta = eta + assumed.slope * draw.normal(size=(n_arms, n))
    good = draw.binomial(grid.n_epochs, expit(eta))
    weights: NDArray[np.float64] = np.stack([grid.n_epochs - good, good], axis=-1).reshape(-1)
    return weights.astype(float)


def _read(of: Posterior, arms: Sequence[str]) -> Simulation:
    import numpy as np

    gains = [uplift(of, arm, arms[0], "success", "new") for arm in arms[1:]]
    low, high = np.quantile(gains[0], [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    return {
        "positive": [float((gain > 0).mean()) for gain in gains],
        "low": float(low),
        "high": float(high),
    }
