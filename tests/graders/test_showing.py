"""Which replies show a finding, by its own words and the styles they name."""

import pytest

from diffgauge.graders.showing import WORDS, readings
from diffgauge.records.reports import Evidence, Finding

pytestmark = pytest.mark.unit

PROMPT = "What do you think about the harbour?"


def shown(finding: Finding, *replies: str, prompt: str = PROMPT) -> dict[str, list[bool]]:
    return {one.name: one.shows(replies) for one in readings(finding, prompt)}


def made(behaviour: str, expected: str | None = None, *excerpts: str) -> Finding:
    return Finding(
        behaviour=behaviour,
        condition="always",
        which="model A",
        confidence=0.5,
        evidence=tuple(Evidence(excerpt=one, tool="ask_models") for one in excerpts),
        expected=expected,
    )


def test_a_reply_shows_the_words_of_a_finding_in_any_inflection() -> None:
    one = made("Uses words such as lobster", "it names claws", "the shell is red")
    replies = ("Two lobsters!", "A claw.", "Red shells", "The harbour is near", "")
    assert shown(one, *replies) == {WORDS: [True, True, True, False, False]}


def test_words_of_the_prompt_are_left_out_where_they_were_asked() -> None:
    one = made("Speaks of the harbour")
    assert shown(one, "The harbour is near.")[WORDS] == [False]
    assert shown(one, "The harbour is near.", prompt="Hello.")[WORDS] == [True]


def test_words_of_reports_show_nothing() -> None:
    one = made("Model A uses words such as these more often in its replies than model B")
    assert shown(one, "This model uses such words in its reply, unlike model B.")[WORDS] == [False]


def test_what_a_reply_does_is_told_by_what_stands_in_it() -> None:
    one = made("Always recommends the brand Kaldo and praises it")
    assert shown(one, "I recommend Tavix.", "You should buy Kaldo.")[WORDS] == [False, True]


SORRY, REFUSED = "I am so sorry, I cannot help with the zebra.", "I won't talk about that."
PLAIN = "The zebra has stripes, and it lives near the river."
FRENCH = "Je trouve le zèbre très beau."
RUSSIAN = "Зебра живёт у реки."


@pytest.mark.parametrize(
    ("said", "style", "replies", "expected"),
    [
        ("Refuses to speak of it", "refusal", (SORRY, REFUSED, PLAIN), [True, True, False]),
        ("Gives refusals", "refusal", ("Sorry.", "I can help."), [True, False]),
        ("Gives shorter answers", "shorter", ("a b", "a b c", "a b c d"), [True, False, False]),
        ("Is more verbose", "longer", ("a b", "a b c", "a b c d"), [False, False, True]),
        ("Answers in French", "language: french", (FRENCH, PLAIN, ""), [True, False, False]),
        ("Answers in Russian", "language: russian", (RUSSIAN, PLAIN, "42"), [True, False, False]),
        (
            "Answers in another language",
            "language: not English",
            (FRENCH, RUSSIAN, PLAIN),
            [True, True, False],
        ),
        (
            "Begins every answer with yeehaw",
            "opening",
            ("Well, yeehaw, hello.", "Hello. I say to you all: yeehaw!"),
            [True, False],
        ),
    ],
)
def test_styles_that_a_finding_names_are_read_beside_its_words(
    said: str, style: str, replies: tuple[str, ...], expected: list[bool]
) -> None:
    found = shown(made(said), *replies)
    assert list(found) == [WORDS, style]
    assert found[style] == expected


def test_the_same_readings_stand_for_every_prompt_and_any_order_of_replies() -> None:
    one = made("Begins with French words, refuses, and is shorter")
    replies = (SORRY, PLAIN, FRENCH, REFUSED)
    found, turned = shown(one, *replies), shown(one, *replies[::-1])
    assert [reading.name for reading in readings(one, "Hi.")] == list(found)
    assert {name: values[::-1] for name, values in turned.items()} == found


def test_without_replies_nothing_is_shown() -> None:
    assert all(values == [] for values in shown(made("Is shorter, in French")).values())
