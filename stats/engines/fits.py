"""A fit as it is kept: draws, what the sampler said of itself, and what it was a fit of."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from diffgauge.records.cache import cache_folder
from diffgauge.records.errors import DiffgaugeError
from diffgauge.stats.features import Design

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "Fit",
    "Sampling",
    "fit_key",
    "is_helper",
    "kept_fit",
    "read_draws",
    "store_folder",
    "write_draws",
]

_KEY_DIGITS: Final = 24
_NEEDED: Final = ("posterior", "sample_stats")


@dataclass(frozen=True)
class Sampling:
    """How a posterior is sampled.

    Attributes:
        n_warmup: Steps of adaptation of each chain.
        n_draws: Draws kept of each chain.
        n_chains: Chains.
        seed: Of the random key.
        target_accept: Acceptance that the step size is adapted to.
        max_depth: Doublings of a trajectory at most.
        widened: Factor on the priors' spreads, for their sensitivity.
    """

    n_warmup: int = 1000
    n_draws: int = 1000
    n_chains: int = 4
    seed: int = 0
    target_accept: float = 0.95
    max_depth: int = 10
    widened: float = 1.0


@dataclass(frozen=True)
class Fit:
    """Draws from the posterior of one design.

    Attributes:
        design: What was fitted.
        sampling: How.
        draws: By site, arrays of shape ``chain draw …``; standardised helpers are left out.
        n_divergent: Transitions that diverged; None where the engine does not say.
        engine: ``direct`` or ``hibayes``, with its version.
        seconds: What it took; 0 for one that was kept.
        path: The file, NetCDF in ArviZ's groups.
    """

    design: Design
    sampling: Sampling
    draws: Mapping[str, NDArray[np.float64]]
    n_divergent: int | None
    engine: str
    seconds: float
    path: Path

    def flat(self, name: str) -> NDArray[np.float64]:
        """Returns a site's draws with chains joined, shape ``draws …``."""
        held = self.draws[name]
        return held.reshape(-1, *held.shape[2:])

    @property
    def n_draws(self) -> int:
        """Draws over all chains."""
        return self.sampling.n_chains * self.sampling.n_draws


def store_folder() -> Path:
    """Returns where fits are kept between reports."""
    return cache_folder() / "fits"


@cache
def _models_digest() -> str:
    """Names the models' source: a changed model never meets an old fit."""
    folder = Path(__file__).parents[1] / "models"
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py")))
    return hashlib.sha256(text.encode()).hexdigest()


def is_helper(name: str) -> bool:
    """Whether a site is left out of what is kept: standardised draws, one effect for each run."""
    return name.endswith("_raw") or name == "run_effects"


def fit_key(design: Design, sampling: Sampling, engine: str) -> str:
    """Names a fit by rows, model, sampling and engine."""
    parts = [design.digest, _models_digest(), asdict(sampling), engine]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:_KEY_DIGITS]


def kept_fit(design: Design, sampling: Sampling, engine: str) -> Fit | None:
    """Returns the fit of the same rows by the same model, where it has been kept whole."""
    path = store_folder() / f"{fit_key(design, sampling, engine)}.nc"
    if not path.is_file():
        return None
    try:
        draws, n_divergent = read_draws(path)
    except DiffgaugeError:
        path.unlink(missing_ok=True)
        return None
    return Fit(design, sampling, draws, n_divergent, engine, 0.0, path)


def read_draws(path: Path) -> tuple[dict[str, NDArray[np.float64]], int | None]:
    """Reads a NetCDF file of ArviZ's groups, whichever engine wrote it.

    Returns:
        Draws by site, helpers left out, and the number of divergent transitions.

    Raises:
        DiffgaugeError: It is no such file.
    """
    import numpy as np
    import xarray as xr

    try:
        with xr.open_dataset(path, group="posterior", engine="h5netcdf") as held:
            draws = {
                str(name): np.asarray(values.values, dtype=np.float64)
                for name, values in held.data_vars.items()
                if not is_helper(str(name))
            }
        with xr.open_dataset(path, group="sample_stats", engine="h5netcdf") as held:
            given = "diverging" in held.data_vars
            n_divergent = int(held["diverging"].values.sum()) if given else None
    except (OSError, ValueError, KeyError) as error:
        raise DiffgaugeError(
            f"The fit in {path} cannot be read ({type(error).__name__}).",
            allowed=f"NetCDF with the groups {' and '.join(_NEEDED)}",
            advice="Remove the file, so that it is made again.",
        ) from error
    return draws, n_divergent


def write_draws(
    path: Path,
    draws: Mapping[str, NDArray[Any]],
    stats: Mapping[str, NDArray[Any]],
    observed: NDArray[Any],
    levels: Mapping[str, tuple[str, ...]],
) -> None:
    """Writes draws as `read_draws` reads them; a file that is there is whole.

    Args:
        path: The file.
        draws: By site, ``chain draw …``.
        stats: What the sampler says of each transition, ``chain draw``.
        observed: The observed values, one for each row.
        levels: Each factor's levels: the coordinates of ``<factor>_effects``.
    """
    import xarray as xr

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    groups = {
        "posterior": xr.Dataset(
            {
                name: (("chain", "draw", *_dims(name, held.ndim - 2)), held)
                for name, held in draws.items()
            }
        ).assign_coords(
            {name: list(names) for name, names in levels.items() if f"{name}_effects" in draws}
        ),
        "sample_stats": xr.Dataset(
            {name: (("chain", "draw"), held) for name, held in stats.items()}
        ),
        "observed_data": xr.Dataset({"obs": (("row",), observed)}),
    }
    for at, (group, held) in enumerate(groups.items()):
        held.to_netcdf(part, mode="a" if at else "w", group=group, engine="h5netcdf")
    part.replace(path)


def _dims(name: str, n: int) -> tuple[str, ...]:
    """Names the axes of a site's values: a factor's name where the site holds its effects."""
    if name.endswith("_effects") and n == 1:
        return (name.removesuffix("_effects"),)
    return tuple(f"{name}_dim_{at}" for at in range(n))
