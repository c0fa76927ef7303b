"""Acceptance: exact, one-sided, and at its stated rate where there is no effect."""

import itertools
import math
import random
from collections.abc import Iterator

import numpy as np
import pytest
from scipy.stats import binom

from diffgauge.graders.hypotheses.acceptance import judged, sign_flip_p
from diffgauge.records.hypotheses import Hypothesis, ModelName, Split, Verdict, VerdictRow

pytestmark = pytest.mark.unit

RATE = 0.05
N_RUNS = 400
ONE = Hypothesis(id="h", text="Rhymes.", predicted="a")


def test_with_one_reply_a_prompt_it_is_the_sign_test() -> None:
    for n_for, n_against in ((0, 0), (5, 0), (7, 3), (3, 7), (30, 20)):
        scores = [1] * n_for + [-1] * n_against + [0] * 4
        n = n_for + n_against
        assert sign_flip_p(scores) == pytest.approx(float(binom.sf(n_for - 1, n, 0.5)))


def test_with_several_it_counts_every_exchange_of_whole_prompts() -> None:
    draw = random.Random(1)
    for _ in range(20):
        scores = [draw.randint(-3, 3) for _ in range(8)]
        signs = itertools.product((-1, 1), repeat=len(scores))
        sums = [
            sum(sign * abs(score) for sign, score in zip(one, scores, strict=True)) for one in signs
        ]
        share = sum(total >= sum(scores) for total in sums) / len(sums)
        assert sign_flip_p(scores) == pytest.approx(share)


def row(prompt: int, verdict: Verdict, first: ModelName, split: Split = "test") -> VerdictRow:
    problem = "?" if verdict in ("error", "missing") else None
    return VerdictRow(
        hypothesis="h",
        prompt=str(prompt),
        split=split,
        first=first,
        verdict=verdict,
        grader="g",
        problem=problem,
    )


def drawn(n: int, frequency: float, split: Split, draw: random.Random) -> Iterator[VerdictRow]:
    """Verdicts on replies between which there is no difference."""
    for prompt in range(n):
        first: ModelName = draw.choice(("a", "b"))
        applies = draw.random() < frequency
        yield row(prompt, draw.choice(("first", "second")) if applies else "neither", first, split)


def test_errors_and_missing_verdicts_stand_in_no_denominator() -> None:
    rows = [row(0, "first", "a"), row(1, "second", "b"), row(2, "second", "a")]
    rows += [row(3, "neither", "a"), row(4, "error", "a"), row(5, "missing", "b")]
    [found] = judged([ONE], rows)
    assert (found.n_predicted, found.n_other, found.n_neither) == (2, 1, 1)
    assert (found.n_unjudged, found.n_error, found.n_missing) == (2, 1, 1)
    assert found.by_prompt == ((1, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 0), (0, 0, 0))
    assert found.p_value == pytest.approx(4 / 8)


def test_a_hypothesis_that_predicts_the_wrong_model_is_not_accepted() -> None:
    rows = [row(at, "first", "a") for at in range(30)]
    right, wrong = (ONE.model_copy(update={"predicted": name}) for name in ("a", "b"))
    assert judged([right], rows)[0].accepted is True
    assert judged([wrong], rows)[0].accepted is False
    assert judged([ONE], [])[:] == []


def test_training_prompts_accept_nothing() -> None:
    [found] = judged([ONE], [row(at, "first", "a", "train") for at in range(30)])
    assert found.split == "train" and found.accepted is None and found.legacy_direction == "a"


@pytest.mark.parametrize("n", [100, 300, 1000])
@pytest.mark.parametrize("frequency", [0.1, 0.5, 1.0])
def test_no_effect_is_accepted_at_the_stated_rate_and_by_the_published_rule_far_more(
    n: int, frequency: float
) -> None:
    """The counts that the rules rest on are drawn; the rules are those that verdicts go through."""
    draw = np.random.default_rng([n, int(100 * frequency)])
    applying = draw.binomial(n, frequency, N_RUNS)
    wins = draw.binomial(applying, 0.5)
    limit = {int(size): int(binom.ppf(1 - RATE, size, 0.5)) + 1 for size in set(applying)}
    accepted = np.mean([won >= limit[int(size)] for won, size in zip(wins, applying, strict=True)])
    for won, size in list(zip(wins.tolist(), applying.tolist(), strict=True))[:5]:
        p_value = sign_flip_p([1] * won + [-1] * (size - won))
        assert (p_value <= RATE) == (won >= limit[size])
    # The test is discrete: it stays at or below its rate, but for the noise of the simulation.
    assert accepted <= binom.ppf(0.999, N_RUNS, RATE) / N_RUNS
    legacy = np.mean((2 * wins - applying) / n > 0.01)
    spread = math.sqrt(frequency / n)
    expected = 1 - 0.5 * (1 + math.erf(0.01 / spread / math.sqrt(2)))
    assert legacy == pytest.approx(expected, abs=0.13)
    assert legacy >= 0.12


def test_the_false_discovery_rate_is_held_over_hypotheses_judged_together() -> None:
    draw = random.Random(5)
    many = [ONE.model_copy(update={"id": str(at)}) for at in range(20)]
    n_false = 0
    for _ in range(40):
        rows = [
            one.model_copy(update={"hypothesis": hypothesis.id})
            for hypothesis in many
            for one in drawn(60, 0.6, "test", draw)
        ]
        n_false += any(one.accepted for one in judged(many, rows))
    # With no effect at all any acceptance is a false discovery: in at most 5 % of 40 sets.
    assert n_false <= binom.ppf(0.999, 40, RATE)
