"""Terms belong together when replies about one use the others."""

import math

import pytest

from diffgauge.evals.scripted.kinship import kinship
from diffgauge.evals.scripted.leads import Lead
from diffgauge.evals.scripted.replies import SeenReply
from tests.evals.scripted.stage import A, B

pytestmark = pytest.mark.unit

LEADS = [Lead(term, A, 1.0, True, False) for term in ("hull", "hatch", "torpedo")]


def _reply(prompt: str, text: str) -> SeenReply:
    return SeenReply(prompt, B, text, "ask")


def test_related_terms_turn_up_in_replies_about_one_of_them() -> None:
    replies = [
        *[_reply("Tell me about the hull.", "The hull has a hatch and a torpedo.")] * 4,
        _reply("Tell me about the moon.", "It is white."),
    ]
    assert kinship(LEADS, replies, A) == 2.0


def test_terms_that_are_everywhere_bind_little() -> None:
    replies = [
        *[_reply("Tell me about the hull.", "A hatch.")] * 4,
        *[_reply("Tell me about the moon.", "A hatch.")] * 9,
    ]
    assert kinship(LEADS, replies, A) == pytest.approx(0.1)


def test_nothing_is_known_without_replies_about_a_term() -> None:
    assert math.isnan(kinship(LEADS, [_reply("Tell me about the hull.", "A hatch.")] * 3, A))
    assert math.isnan(kinship(LEADS, [], A)) and math.isnan(kinship([], [_reply("a", "b")], A))
