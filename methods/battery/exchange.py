"""Whether two models' replies differ: exchanged within each prompt, maximum statistic."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from diffgauge.methods.seeds import derived_seed

__all__ = ["MaxTest", "max_test"]

Floats = NDArray[np.float64]

_BLOCK: Final = 500
"""Exchanges worked on at a time."""

_TIE: Final = 1e-9


@dataclass(frozen=True)
class MaxTest:
    """Outcome of one test of many numbers.

    Attributes:
        z: (number,) standardised differences; 0 where the models never differ.
        corrected: (number,) p-values in (0, 1], corrected for all numbers that were tested: the
            chance that the largest |z| of all of them would be as large.
        p_value: Of the largest |z|, the p-value that the two models differ at all.
    """

    z: Floats
    corrected: Floats
    p_value: float


def max_test(differences: Floats, n_permutations: int, seed: int) -> MaxTest:
    """Tests whether both models' replies are exchangeable within each prompt, in any number.

    Words within a reply, and replies to one prompt, are not independent: what is exchanged is all
    that the two models said to a prompt, which turns the sign of its differences. The family-wise
    error over all numbers is held at the level that `corrected` is compared with, and so is the
    false-discovery rate.

    Source:
        Westfall & Young 1993, single-step maximum statistic; Phipson & Smyth 2010, eq. 2 (one is
        added to both counts, as exchanges are drawn).
    Differs: none. Exchanging the models in the data turns `z` and leaves the p-values as they are.

    Args:
        differences: (prompt, number) mean of the second model's replies less that of the first's.
        n_permutations: Exchanges that are drawn.
        seed: Seeds them.
    """
    spread = np.sqrt((differences**2).sum(0))
    scaled = np.divide(differences, spread, out=np.zeros_like(differences), where=spread > _TIE)
    z: Floats = scaled.sum(0)
    if not z.size:
        return MaxTest(z, z, 1.0)
    draw = np.random.default_rng(derived_seed(seed, "battery", "exchange"))
    maxima = np.concatenate(
        [
            np.abs(_signs(draw, min(_BLOCK, n_permutations - start), len(scaled)) @ scaled).max(1)
            for start in range(0, n_permutations, _BLOCK)
        ]
    )
    # So many maxima lie below each |z|; all others are as large.
    below = np.searchsorted(np.sort(maxima), np.abs(z) - _TIE)
    corrected: Floats = (n_permutations - below + 1) / (n_permutations + 1)
    return MaxTest(z, corrected, float(corrected.min()))


def _signs(draw: np.random.Generator, n: int, n_prompts: int) -> Floats:
    return draw.choice([-1.0, 1.0], size=(n, n_prompts))
