"""Whether two models' replies differ: labels permuted within each prompt, maximum statistic.

Words within a reply are not independent, so nothing is counted by the word: a reply either has
a term or it has not, and what is exchanged is the whole reply between the two models that
answered the same prompt. Under the null (for each prompt both models reply from one distribution)
every such exchange is equally likely, whatever the replies look like.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["MaxTest", "permutation_test"]

Floats = NDArray[np.float64]

N_PERMUTATIONS = 4000
"""Random exchanges drawn where there are too many to go through."""

MAX_ENUMERATED = 4096
"""All exchanges are gone through up to so many (2 replies on each of 12 prompts)."""

_TIE = 1e-9


@dataclass(frozen=True)
class MaxTest:
    """Outcome of one permutation test.

    Attributes:
        p_value: In (0, 1]; NaN when no prompt has replies of both models.
        z: (feature,) standardised differences, first model minus second: the sum over prompts of
            the difference in mean, over its standard deviation under exchange; 0 where a feature
            does not vary.
        statistic: Maximum of `z` (two-sided: of its absolute value) over features.
        n_prompts: Prompts with replies of both models.
        exact: Whether all exchanges were gone through.
    """

    p_value: float
    z: Floats
    statistic: float
    n_prompts: int
    exact: bool


@dataclass(frozen=True)
class _Prompt:
    rows: NDArray[np.intp]
    n_first: int


def permutation_test(
    features: Floats,
    prompts: Sequence[int],
    first: Sequence[bool],
    *,
    seed: int,
    two_sided: bool = True,
) -> MaxTest:
    """Tests whether two models' replies are exchangeable within each prompt.

    Args:
        features: (reply, feature) numbers computed from each reply alone.
        prompts: (reply,) the prompt each reply answers.
        first: (reply,) whether the first model said it.
        seed: Seeds the random exchanges; not used when all are gone through.
        two_sided: Whether both directions count; one-sided asks for first > second.

    Returns:
        The p-value of the maximum statistic and every feature's standardised difference. Replies
        on prompts that only one model answered are left out.

    Raises:
        ValueError: The lengths do not agree.

    Source:
        Westfall & Young 1993 (maximum statistic); Phipson & Smyth 2010, eq. 2 (one is added to
        both counts when exchanges are drawn).
    Differs:
        Exchanges are restricted to replies on one prompt.
    """
    if not len(features) == len(prompts) == len(first):
        raise ValueError("features, prompts and first must have one entry for each reply")
    blocks = list(_blocks(prompts, first))
    if not blocks or features.shape[1] == 0:
        nothing = np.zeros(features.shape[1])
        p_value = 1.0 if blocks else math.nan
        return MaxTest(p_value, nothing, 0.0, len(blocks), exact=True)
    deviation = _deviation(features, blocks)
    scaled = np.divide(features, deviation, out=np.zeros_like(features), where=deviation > _TIE)
    labels = np.asarray(first, dtype=bool)
    z = _weights(labels[None, :], blocks)[0] @ scaled
    observed = float(np.max(np.abs(z) if two_sided else z))
    n_arrangements = math.prod(math.comb(len(b.rows), b.n_first) for b in blocks)
    exact = n_arrangements <= MAX_ENUMERATED
    arrangements = (
        _all_labels(len(labels), blocks) if exact else _drawn_labels(len(labels), blocks, seed)
    )
    permuted = _weights(arrangements, blocks) @ scaled
    maxima = np.max(np.abs(permuted) if two_sided else permuted, axis=1)
    n_as_large = int(np.count_nonzero(maxima >= observed - _TIE))
    p_value = n_as_large / n_arrangements if exact else (n_as_large + 1) / (N_PERMUTATIONS + 1)
    return MaxTest(p_value, z, observed, len(blocks), exact)


def _blocks(prompts: Sequence[int], first: Sequence[bool]) -> Iterator[_Prompt]:
    ids = np.asarray(prompts)
    labels = np.asarray(first, dtype=bool)
    for prompt in dict.fromkeys(prompts):
        rows = np.flatnonzero(ids == prompt)
        n_first = int(labels[rows].sum())
        if 0 < n_first < len(rows):
            yield _Prompt(rows, n_first)


def _deviation(features: Floats, blocks: Sequence[_Prompt]) -> Floats:
    """(feature,) standard deviation of the summed difference of means under exchange."""
    variance = np.zeros(features.shape[1])
    for block in blocks:
        n_second = len(block.rows) - block.n_first
        spread = np.var(features[block.rows], axis=0, ddof=1)
        variance += spread * (1 / block.n_first + 1 / n_second)
    deviation: Floats = np.sqrt(variance)
    return deviation


def _weights(labels: NDArray[np.bool_], blocks: Sequence[_Prompt]) -> Floats:
    """(arrangement, reply) weights whose sum with a feature is its difference of means."""
    weights = np.zeros(labels.shape)
    for block in blocks:
        n_second = len(block.rows) - block.n_first
        chosen = labels[:, block.rows]
        weights[:, block.rows] = np.where(chosen, 1 / block.n_first, -1 / n_second)
    return weights


def _all_labels(n_replies: int, blocks: Sequence[_Prompt]) -> NDArray[np.bool_]:
    choices = [itertools.combinations(block.rows.tolist(), block.n_first) for block in blocks]
    arrangements = list(itertools.product(*choices))
    labels = np.zeros((len(arrangements), n_replies), dtype=bool)
    for row, arrangement in enumerate(arrangements):
        labels[row, list(itertools.chain.from_iterable(arrangement))] = True
    return labels


def _drawn_labels(n_replies: int, blocks: Sequence[_Prompt], seed: int) -> NDArray[np.bool_]:
    generator = np.random.default_rng(seed)
    labels = np.zeros((N_PERMUTATIONS, n_replies), dtype=bool)
    for block in blocks:
        order = np.argsort(generator.random((N_PERMUTATIONS, len(block.rows))), axis=1)
        labels[:, block.rows] = order < block.n_first
    return labels
