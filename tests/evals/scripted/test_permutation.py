"""The permutation test keeps its level, has power, and mirrors."""

import numpy as np
import pytest
from scipy.stats import binom

from diffgauge.evals.scripted.permutation import MAX_ENUMERATED, MaxTest, permutation_test

pytestmark = pytest.mark.unit


def _paired(generator: np.random.Generator, n_prompts: int, shift: float = 0.0) -> MaxTest:
    """Replies of two models on each prompt; prompts differ a lot, features go together."""
    of_prompt = generator.normal(0, 3, (n_prompts, 1, 1))
    of_reply = generator.normal(0, 1, (n_prompts, 2, 1))
    values = (of_prompt + of_reply + generator.normal(0, 0.3, (n_prompts, 2, 12)) > 0) * 1.0
    values[:, 0, 3] = np.where(generator.random(n_prompts) < shift, 1.0, values[:, 0, 3])
    values[:, 1, 3] = np.where(generator.random(n_prompts) < shift, 0.0, values[:, 1, 3])
    prompts = [i // 2 for i in range(2 * n_prompts)]
    return permutation_test(
        values.reshape(2 * n_prompts, 12).astype(np.float64),
        prompts,
        [True, False] * n_prompts,
        seed=1,
    )


@pytest.mark.parametrize("n_prompts", [9, 20], ids=["exact", "drawn"])
def test_false_positives_stay_within_the_level(n_prompts: int) -> None:
    generator = np.random.default_rng(5)
    n_games = 300
    found = sum(_paired(generator, n_prompts).p_value <= 0.1 for _ in range(n_games))
    # Ties make the test conservative: only the upper end of the exact 99.9 % band is a limit.
    assert found <= binom.ppf(0.999, n_games, 0.1)


def test_a_planted_feature_is_found() -> None:
    generator = np.random.default_rng(6)
    p_values = [_paired(generator, 16, shift=0.9).p_value for _ in range(20)]
    assert np.median(p_values) < 0.01


def test_four_clear_prompts_give_the_exact_p_value() -> None:
    # One feature, always with the first model: 2 of the 2**4 exchanges are as extreme.
    values = np.array([[1.0], [0.0]] * 4)
    prompts = [i // 2 for i in range(8)]
    first = [True, False] * 4
    both = permutation_test(values, prompts, first, seed=0)
    assert both.exact and both.p_value == pytest.approx(2 / 16)
    assert both.z[0] == pytest.approx(2.0)  # sum 4 over sqrt(4)
    one = permutation_test(values, prompts, first, seed=0, two_sided=False)
    assert one.p_value == pytest.approx(1 / 16)


def test_drawn_exchanges_agree_with_all_of_them() -> None:
    generator = np.random.default_rng(7)
    n_prompts = 12
    assert 2**n_prompts <= MAX_ENUMERATED
    values = generator.integers(0, 2, (2 * n_prompts, 5)).astype(float)
    prompts = [i // 2 for i in range(2 * n_prompts)]
    first = [True, False] * n_prompts
    exact = permutation_test(values, prompts, first, seed=0)
    # A prompt on which the replies agree changes no sum, and makes the exchanges too many to list.
    more = permutation_test(
        np.vstack([values, np.ones((2, 5))]), [*prompts, 99, 99], [*first, True, False], seed=0
    )
    assert exact.exact and not more.exact
    assert more.p_value == pytest.approx(exact.p_value, abs=0.03)


def test_exchanging_the_models_mirrors_the_differences() -> None:
    generator = np.random.default_rng(8)
    values = generator.normal(size=(30, 4))
    prompts = [i // 3 for i in range(30)]
    first = [i % 3 == 0 for i in range(30)]
    test = permutation_test(values, prompts, first, seed=3)
    mirrored = permutation_test(values, prompts, [not label for label in first], seed=3)
    np.testing.assert_allclose(test.z, -mirrored.z, atol=1e-12)


def test_without_shared_prompts_there_is_no_p_value() -> None:
    test = permutation_test(np.ones((4, 2)), [0, 1, 2, 3], [True, False, True, False], seed=0)
    assert np.isnan(test.p_value) and test.n_prompts == 0


def test_identical_replies_are_no_evidence() -> None:
    test = permutation_test(np.ones((8, 2)), [i // 2 for i in range(8)], [True, False] * 4, seed=0)
    assert test.p_value == 1.0 and not test.z.any()


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="one entry for each reply"):
        permutation_test(np.ones((4, 2)), [0, 0], [True, False, True, False], seed=0)
