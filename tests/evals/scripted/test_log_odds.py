"""Log-odds rank what leans, mirror, and do not let a single reply outrank many."""

import pytest

from diffgauge.evals.scripted.log_odds import log_odds

pytestmark = pytest.mark.unit


def test_terms_are_ranked_by_how_far_they_lean() -> None:
    scores = log_odds({"hull": 6, "rare": 1, "the": 10}, {"the": 10, "moon": 3})
    assert scores["hull"] > scores["rare"] > 0 > scores["moon"]
    assert scores["rare"] > scores["the"] > scores["moon"]


def test_exchanging_the_groups_changes_the_sign() -> None:
    first, second = {"hull": 6, "the": 10}, {"the": 9, "moon": 3}
    forward, back = log_odds(first, second), log_odds(second, first)
    assert forward.keys() == back.keys()
    for term, score in forward.items():
        assert score == pytest.approx(-back[term])


def test_a_heavier_prior_pulls_every_term_towards_nothing() -> None:
    counts = {"hull": 6, "the": 10}, {"the": 10}
    light, heavy = log_odds(*counts, prior_share=0.2), log_odds(*counts, prior_share=9.0)
    assert 0 < heavy["hull"] < light["hull"]


def test_nothing_counted_gives_nothing() -> None:
    assert log_odds({}, {}) == {}


def test_one_term_alone_is_finite() -> None:
    assert log_odds({"hull": 3}, {"hull": 3})["hull"] == pytest.approx(0.0)
