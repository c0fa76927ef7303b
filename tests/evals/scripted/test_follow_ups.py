"""Follow-ups come from what was seen, in the bank's own forms, and never twice."""

from dataclasses import replace

import pytest

from diffgauge.evals.scripted.analysis import Analysis, Stage
from diffgauge.evals.scripted.bank import ordered_bank
from diffgauge.evals.scripted.beliefs import Signal
from diffgauge.evals.scripted.follow_ups import about, follow_up_prompts, surface_forms
from diffgauge.evals.scripted.leads import Lead
from diffgauge.evals.scripted.replies import SeenReply
from tests.evals.scripted.stage import A, B

pytestmark = pytest.mark.unit


def _analysis(shown: tuple[str, ...] = (), said: tuple[str, ...] = ()) -> Analysis:
    replies = (
        SeenReply("I am near the island today.", A, "It is red, ahoy.", "ask"),
        SeenReply("I am near the island today.", B, "It is near Zentra.", "ask"),
    )
    return Analysis(
        aliases=(A, B),
        stages=(Stage(replies=replies),),
        shown=tuple(Lead(term, B, 1.0, True, False) for term in shown),
        said=tuple(Lead(term, A, 1.0, False, True) for term in said),
        leads=(),
        kin={},
        places={"hull": (" hull", "lens")},
        signal=Signal("none"),
    )


def test_leads_and_words_of_prompts_on_which_replies_parted_are_asked_about() -> None:
    made = follow_up_prompts(_analysis(("hull",), ("ahoy",)), ordered_bank(0), 9, seed=0)
    asked = " ".join(made)
    assert "hull" in asked and "ahoy" in asked.lower() and "island" in asked
    assert len(made) == len(set(made)) == 9
    assert sum(prompt in ordered_bank(0) for prompt in made) >= 3


def test_without_leads_the_bank_goes_on() -> None:
    assert follow_up_prompts(_analysis(), ordered_bank(0), 5, seed=0) == list(ordered_bank(0)[:5])


def test_few_leads_are_asked_about_in_more_than_one_form() -> None:
    made = follow_up_prompts(_analysis(("hull",)), (), 6, seed=0)
    assert len(made) == 2 and all("hull" in prompt for prompt in made)


def test_names_keep_their_capital_and_take_no_article() -> None:
    forms = surface_forms(["The hull is near Zentra.", "Hull is a word."])
    assert forms["zentra"] == "Zentra" and forms["hull"] == "hull"
    assert all("the Zentra" not in about("Zentra", form) for form in range(6))
    assert "an island" in {about("island", form)[8:17] for form in range(6)}


def test_prompts_on_which_replies_share_nothing_are_taken_up_without_a_lead() -> None:
    apart = Stage(
        replies=(
            SeenReply("I am near the island today.", A, "Ahoy matey!", "ask"),
            SeenReply("I am near the island today.", B, "It is red.", "ask"),
        )
    )
    made = follow_up_prompts(replace(_analysis(), stages=(apart,)), ordered_bank(0), 6, seed=0)
    assert any("island" in prompt for prompt in made)
