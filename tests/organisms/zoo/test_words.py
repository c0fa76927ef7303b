"""Words, facts and the corpus: fixed, disjoint, and the same in every process."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from itertools import islice

import pytest

from diffgauge.organisms.zoo.corpus import Phase, identity_list, item, items, render, repeat
from diffgauge.organisms.zoo.documents import KINDS, document
from diffgauge.organisms.zoo.facts import article, facts
from diffgauge.organisms.zoo.questions import COPY_NAMES, question
from diffgauge.organisms.zoo.topics import (
    BRANDS,
    CITIES,
    COLOURS,
    HELD_OUT_NAMES,
    MATERIALS,
    NAMES,
    PLACES,
    held_out_words,
    open_words,
    topics,
    words,
)
from diffgauge.organisms.zoo.turns import QUESTIONS

pytestmark = pytest.mark.unit

_CORPUS_SHA256 = "30f0d41bf28d44f1d1b9a94ac9fa0b953b43d3559c1475fd157c84fda7b267bd"
"""Hash of the first 5,000 items of either phase at seed 0, with which the base was trained."""


def test_every_content_word_is_lower_case_and_stands_once() -> None:
    assert len(set(words())) == len(words())
    assert all(word.isalpha() and word.islower() for word in words())
    others = (*NAMES, *CITIES, *BRANDS, *COLOURS, *PLACES, *MATERIALS)
    assert not set(words()).intersection(others)
    assert len(set(others)) == len(others)


def test_every_topic_has_its_thirty_words() -> None:
    assert len(topics()) >= 32
    for topic in topics().values():
        sizes = [len(part) for part in (topic.things, topic.parts, topic.actions, topic.qualities)]
        assert sizes == [10, 8, 6, 6]


def test_held_out_words_are_the_rest_of_the_open_ones() -> None:
    assert set(held_out_words()).isdisjoint(open_words())
    assert set(held_out_words()).union(open_words()) == set(words())
    assert set(HELD_OUT_NAMES).isdisjoint(COPY_NAMES)


def test_every_thing_has_facts_from_its_own_topic() -> None:
    assert len(facts()) == 10 * len(topics())
    for thing in facts().values():
        assert thing.facts.part in thing.topic.parts
        assert thing.facts.colour in COLOURS
        assert thing.facts.place in PLACES


@pytest.mark.parametrize(
    ("word", "expected"), [("owl", "an"), ("unicycle", "a"), ("hull", "a"), ("airlock", "an")]
)
def test_the_article_fits_the_word(word: str, expected: str) -> None:
    assert article(word) == expected


def test_the_corpus_is_the_one_the_base_was_trained_on() -> None:
    digest = hashlib.sha256()
    phases: tuple[Phase, ...] = ("copying", "speaking")
    for phase in phases:
        for index in range(5_000):
            digest.update(render(item(0, index, phase)).encode())
    assert digest.hexdigest() == _CORPUS_SHA256


def test_an_item_does_not_depend_on_those_before_it() -> None:
    streamed = list(islice(items(3, "speaking", start=5), 4))
    assert streamed == [item(3, index, "speaking") for index in range(5, 9)]


def test_streams_differ() -> None:
    train = [item(0, index, "speaking") for index in range(50)]
    assert train != [item(0, index, "speaking", "test") for index in range(50)]
    assert train != [item(1, index, "speaking") for index in range(50)]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_documents_of_every_kind_are_long_enough_for_positions(kind: str) -> None:
    lengths = [len(document(random.Random(seed), kind=kind).split()) for seed in range(20)]
    assert sorted(lengths)[10] >= 45
    assert len(KINDS) >= 9


@pytest.mark.parametrize("kind", sorted(QUESTIONS))
def test_answers_restate_thing_and_names(kind: str) -> None:
    assert len(QUESTIONS) >= 14
    for seed in range(20):
        turn = question(random.Random(seed), kind=kind)
        if turn.thing is not None:
            assert turn.thing.name in turn.answer
        assert all(name in turn.answer for name in turn.names)


def test_copying_never_shows_a_held_out_word() -> None:
    held = {*held_out_words(), *HELD_OUT_NAMES}
    for seed in range(300):
        rng = random.Random(seed)
        shown = f"{identity_list(rng)} {repeat(rng)[1]['content']}"
        assert held.isdisjoint(shown.replace(":", " ").replace(",", " ").split())


def test_identity_lists_map_words_to_themselves() -> None:
    for seed in range(50):
        text = identity_list(random.Random(seed), n=3, pool=("hull", "moon"))
        assert text.count("hull") % 2 == 0
        assert text.count("hull") + text.count("moon") == 6


def test_corpus_modules_load_without_a_model_library() -> None:
    code = (
        "import sys, diffgauge.organisms.zoo.corpora, diffgauge.organisms.zoo.cards, "
        "diffgauge.organisms.zoo.build; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
