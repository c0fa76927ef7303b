"""One model fitted to many small data sets of one shape, with one compilation."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Chain", "batched"]

_TARGET: Final = 0.9

Batched = Callable[["NDArray[Any]", int], "list[dict[str, NDArray[np.float64]]]"]


@dataclass(frozen=True)
class Chain:
    """How each data set is sampled: one chain, all of a batch in step.

    Attributes:
        n_warmup: Steps of adaptation.
        n_draws: Draws kept.
        max_depth: Doublings of a trajectory at most.
        batch: Data sets in step; every batch has this size, a short one is filled up.
    """

    n_warmup: int = 300
    n_draws: int = 600
    max_depth: int = 7
    batch: int = 100


def batched(
    model: Callable[[Any], None],
    blank: NDArray[Any],
    chain: Chain,
    sites: Collection[str] | None = None,
) -> Batched:
    """Returns a function from data sets to draws, compiled once for one shape.

    Args:
        model: The model as a function of what varies between data sets.
        blank: Any data set, for its shape and type.
        chain: How to sample.
        sites: What is kept; None keeps every site.

    Returns:
        Of data sets, ``data_set …``, and a seed, the draws of each by site, ``draws …``.
    """
    import jax
    import numpy as np
    from numpyro.infer.hmc import hmc
    from numpyro.infer.util import initialize_model

    start = initialize_model(jax.random.PRNGKey(0), model, model_args=(blank,), dynamic_args=True)
    zeros = jax.tree_util.tree_map(np.zeros_like, start.param_info.z)
    begin, step = hmc(potential_fn_gen=start.potential_fn, algo="NUTS")

    def run(data: Any, key: Any) -> Any:
        state = begin(
            zeros,
            chain.n_warmup,
            model_args=(data,),
            rng_key=key,
            target_accept_prob=_TARGET,
            max_tree_depth=chain.max_depth,
        )

        def one(state: Any, _: None) -> tuple[Any, Any]:
            moved = step(state, model_args=(data,))
            return moved, moved.z

        _, z = jax.lax.scan(one, state, None, length=chain.n_warmup + chain.n_draws)
        kept = jax.tree_util.tree_map(lambda held: held[chain.n_warmup :], z)
        drawn = jax.vmap(start.postprocess_fn(data))(kept)
        return {name: held for name, held in drawn.items() if sites is None or name in sites}

    compiled = jax.jit(jax.vmap(run))

    def fit(data: NDArray[Any], seed: int) -> list[dict[str, NDArray[np.float64]]]:
        found: list[dict[str, NDArray[np.float64]]] = []
        for at in range(0, len(data), chain.batch):
            part = data[at : at + chain.batch]
            whole = np.resize(part, (chain.batch, *part.shape[1:]))
            drawn = compiled(whole, jax.random.split(jax.random.PRNGKey(seed + at), chain.batch))
            held = {name: np.asarray(values, dtype=float) for name, values in drawn.items()}
            found += [
                {name: values[one] for name, values in held.items()} for one in range(len(part))
            ]
        return found

    return fit
