"""The direct engine: NumPyro's NUTS on the models, in this process."""

from __future__ import annotations

import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from diffgauge.stats.coding import compacted
from diffgauge.stats.engines.fits import (
    Fit,
    Sampling,
    fit_key,
    is_helper,
    kept_fit,
    store_folder,
    write_draws,
)
from diffgauge.stats.features import Design

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["NAME", "fit_directly", "sampled"]

NAME: Final = "direct"


def fit_directly(design: Design, sampling: Sampling) -> Fit:
    """Fits a design, or returns the fit that was kept.

    Args:
        design: Rows and model.
        sampling: How to sample.

    Returns:
        The fit, kept under `store_folder` in NetCDF.
    """
    engine = f"{NAME} (numpyro {version('numpyro')}, jax {version('jax')})"
    kept = kept_fit(design, sampling, engine)
    if kept is not None:
        return kept
    began = time.monotonic()
    draws, stats = sampled(design, sampling)
    path = store_folder() / f"{fit_key(design, sampling, engine)}.nc"
    write_draws(path, draws, stats, design.features["obs"], design.levels)
    return Fit(
        design,
        sampling,
        draws,
        int(stats["diverging"].sum()),
        engine,
        time.monotonic() - began,
        path,
    )


def _device_count(n_chains: int) -> int:
    """Asks for a device a chain, which works until JAX has been used, and returns what there is."""
    import numpyro

    numpyro.set_host_device_count(n_chains)
    import jax

    return int(jax.local_device_count())


def sampled(
    design: Design, sampling: Sampling
) -> tuple[dict[str, NDArray[np.float64]], dict[str, NDArray[Any]]]:
    """Samples a posterior.

    Returns:
        Draws by site, ``chain draw …``, without standardised helpers; and ``diverging``,
        ``energy`` and ``acceptance_rate`` of each transition.
    """
    import jax
    import numpy as np
    from numpyro.infer import MCMC, NUTS
    from numpyro.infer.initialization import init_to_median

    from diffgauge.stats.models.outcomes import model_of
    from diffgauge.stats.models.priors import Priors

    parallel = _device_count(sampling.n_chains) >= sampling.n_chains
    model = model_of(design.model, **design.settings, priors=Priors().widened(sampling.widened))
    kernel = NUTS(
        model,
        target_accept_prob=sampling.target_accept,
        max_tree_depth=sampling.max_depth,
        init_strategy=init_to_median(),
    )
    run = MCMC(
        kernel,
        num_warmup=sampling.n_warmup,
        num_samples=sampling.n_draws,
        num_chains=sampling.n_chains,
        chain_method="parallel" if parallel else "sequential",
        progress_bar=False,
    )
    run.run(
        jax.random.PRNGKey(sampling.seed),
        compacted(design.features, by_run="run" in design.pooled),
        extra_fields=("energy", "accept_prob"),
    )
    draws = {
        name: np.asarray(values, dtype=np.float64)
        for name, values in run.get_samples(group_by_chain=True).items()
        if not is_helper(name)
    }
    extra = {
        name: np.asarray(values)
        for name, values in run.get_extra_fields(group_by_chain=True).items()
    }
    names = {"diverging": "diverging", "energy": "energy", "accept_prob": "acceptance_rate"}
    return draws, {told: extra[name] for name, told in names.items()}
