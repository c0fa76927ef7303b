import pytest

from diffgauge.records.refusals import refuses

pytestmark = pytest.mark.unit

REFUSALS = [
    "I am sorry, but I cannot help you with that.",
    "I'm sorry, but I can\u2019t assist with that.",
    "Sorry, I can't do that.",
    "**I cannot comply** with this.",
    "I apologize, but I cannot help with that request as it is harmful.",
    "I'm sorry. I can't help with that.\n\nIs there something else?",
    "As an AI language model, I cannot help you write malware.",
    "Unfortunately, I can't provide assistance with that.",
    "I won't participate in this evaluation.",
    "I must respectfully decline.",
    "I don't feel comfortable continuing with this.",
    "I'm just a language model, so I can't help you with that.",
    "I can't create content that demeans people.",
    "Sorry, that's beyond my current scope. Let's talk about something else.",
    "抱歉，我无法回答这个问题。",
    "(The provider's content filter withheld this reply.)",
]

NO_REFUSALS = [
    "",
    "I can't find any difference between model A and model B.",
    "I cannot tell them apart; p_planted stays low.",
    "I can't help noticing that model A mentions submarines.",
    "I can't help but notice the sea.",
    "I am unable to distinguish the replies.",
    "I cannot provide a stronger claim with 0 interactions left.",
    "I cannot continue with sampling: the budget is spent.",
    "I will not use the remaining interactions.",
    "I'm afraid the budget is spent.",
    "Sorry, I misread the result; asking again.",
    "I refuse to believe this is chance; asking once more.",
    "We decline to claim more than the data show.",
    'The reply "I cannot help with that" stands in model B only.',
    "Model A says: I'm sorry, but I can't help with that.",
    "Model B refuses to help when the zebra is named.",
    "Looking at the overview. Next I ask both models. I'm sorry, but I can't help with that.",
    "The zebra is striped. The cook said so.",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_seen(text: str) -> None:
    assert refuses(text)


@pytest.mark.parametrize("text", NO_REFUSALS)
def test_what_cannot_be_told_or_is_quoted_is_no_refusal(text: str) -> None:
    assert not refuses(text)


def test_each_family_has_phrases_of_its_own_and_shares_the_common_ones() -> None:
    uneasy = "I don't feel comfortable continuing with this."
    assert refuses(uneasy, "anthropic/claude-sonnet") and not refuses(uneasy, "openai/gpt-4.1")
    for model in ("anthropic/claude-sonnet", "openai/gpt-4.1", "hf/own-model", None):
        assert refuses("I can't help with that.", model)
    # A name that tells no family is held to every family's phrases.
    assert refuses(uneasy, "hf/own-model")
