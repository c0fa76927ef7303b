"""The battery's statistics against counts made by hand, and where nothing differs."""

import itertools
import math
from typing import Any

import numpy as np
import pytest

from diffgauge.methods.battery.exchange import max_test
from diffgauge.methods.battery.log_odds import log_odds
from diffgauge.methods.battery.settings import BatterySettings
from diffgauge.methods.battery.tables import compared
from diffgauge.records.counted import STYLES, styles, words

pytestmark = pytest.mark.unit

REPLY = """# Title
It's **fine**! Is it?

- one
2) two two two

| a | b |
```
code
```
"""


def test_a_reply_is_counted() -> None:
    found = dict(zip(STYLES, styles(REPLY), strict=True))
    said = ["title", "it's", "fine", "is", "it", "one", "2", "two", "two", "two", "a", "b", "code"]
    assert words(REPLY) == said
    assert found["words"] == len(said)
    assert (found["headings"], found["list items"], found["table rows"]) == (1, 2, 1)
    assert (found["bold passages"], found["code blocks"]) == (1, 1)
    assert (found["question marks"], found["exclamation marks"]) == (1, 1)
    # 12 two-word sequences of which "two two" stands twice.
    assert found["distinct share of two-word sequences"] == pytest.approx(11 / 12)
    assert (found["refusals"], found["empty replies"]) == (0, 0)


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("I'm sorry, but I can't help with that.", "refusals"),
        ("  \n", "empty replies"),
        ("Très bien 🙂", "emoji and symbols"),
        ("Très bien", "letters beyond English"),
        ("so it goes so it goes so it goes", "repeated share of three-word sequences"),
    ],
)
def test_what_stands_out_is_counted(text: str, style: str) -> None:
    assert dict(zip(STYLES, styles(text), strict=True))[style] > 0


def test_corrected_p_values_are_those_of_all_exchanges() -> None:
    draw = np.random.default_rng(3)
    differences = draw.normal(size=(9, 4)) + np.array([1.5, 0, 0, 0])
    found = max_test(differences, 20_000, seed=1)
    spread = np.sqrt((differences**2).sum(0))
    z = differences.sum(0) / spread
    signs = np.array(list(itertools.product((-1, 1), repeat=9)))
    maxima = np.abs(signs @ (differences / spread)).max(1)
    assert found.z == pytest.approx(z)
    for at in range(4):
        exact = (maxima >= abs(z[at]) - 1e-9).mean()
        # Four standard errors of a share over 20,000 draws.
        assert found.corrected[at] == pytest.approx(exact, abs=4 * math.sqrt(0.25 / 20_000))
    assert found.p_value == found.corrected.min()


def test_exchanging_the_models_turns_the_signs_alone() -> None:
    differences = np.random.default_rng(4).integers(-2, 3, size=(30, 6)).astype(float)
    straight, turned = max_test(differences, 500, 7), max_test(-differences, 500, 7)
    assert (straight.z == -turned.z).all()
    assert (straight.corrected == turned.corrected).all()


def test_models_that_never_differ_have_no_evidence() -> None:
    found = max_test(np.zeros((5, 3)), 200, 0)
    assert (found.z == 0).all() and (found.corrected == 1).all() and found.p_value == 1


def test_the_family_wise_error_is_held_where_nothing_differs() -> None:
    draw = np.random.default_rng(8)
    n_false = 0
    for seed in range(200):
        said = draw.poisson(0.3, (2, 40, 50)).astype(np.float64)
        n_false += max_test(said[0] - said[1], 200, seed).p_value <= 0.05
    # 5 % of 200 is 10; more than 22 have a chance below one in a thousand.
    assert n_false <= 22


def test_log_odds_are_the_published_formula() -> None:
    found = log_odds({"sea": 2, "the": 8}, {"sea": 6, "the": 4}, 10)
    # alpha of "sea" is 10 x 8 / 20 = 4: odds (2+4)/(10+10-6) and (6+4)/(10+10-10).
    expected = (math.log(10 / 10) - math.log(6 / 14)) / math.sqrt(1 / 6 + 1 / 10)
    assert found["sea"] == pytest.approx(expected)
    assert found["the"] < 0
    turned = log_odds({"sea": 6, "the": 4}, {"sea": 2, "the": 8}, 10)
    assert turned == {word: -score for word, score in found.items()}


def replies(texts: dict[str, str], n: int) -> list[dict[str, Any]]:
    """Rows as they are sampled; `#` in a text stands for the prompt's number."""
    return [
        {"prompt": str(at), "model": model, "number": 0, "reply": text.replace("#", str(at))}
        for at in range(n)
        for model, text in texts.items()
    ]


def test_a_word_that_one_model_says_leads_its_list_and_is_shown() -> None:
    rows = replies({"base": "A plain answer, number #.", "finetuned": "Ahoy, answer number #."}, 20)
    found = compared(rows, BatterySettings(), 0)
    first = [row for row in found["terms"] if row["rank"] == 0]
    assert {(row["side"], row["term"]) for row in first} == {("base", "a"), ("finetuned", "ahoy")}
    ahoy = first[-1]
    assert (ahoy["own"], ahoy["other"], ahoy["own_replies"], ahoy["other_replies"]) == (
        20,
        0,
        20,
        0,
    )
    assert ahoy["corrected"] <= 0.05
    [test] = found["test"]
    # Of styles, words differ by one in every reply; the three words that one model lacks as well.
    assert test["n_prompts"] == 20 and test["n_shown"] == 4
    assert len([row for row in found["styles"] if row["corrected"] <= 0.05]) == 1
