"""Conversations as texts that are read: whole, in the pair's own template, among raw texts."""

from pathlib import Path
from typing import Any

import pytest

from diffgauge.models.loading import load_pair
from diffgauge.models.pair import ModelPair
from diffgauge.records.corpora import Text
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.organisms import IdenticalPair
from diffgauge.records.subjects import ChatMessage, Prompt
from tests.models.tiny_pairs import TEMPLATE, make_model, make_tokenizer

pytestmark = pytest.mark.tiny

SYSTEM = ChatMessage(role="system", content="the sea")
USER = ChatMessage(role="user", content="the boat")
REPLY = ChatMessage(role="assistant", content="is red")
REFUSED = "{% if m['role'] == 'system' %}{{ raise_exception('none here') }}{% endif %}"
NO_SYSTEM = TEMPLATE.replace("{% for m in messages %}", "{% for m in messages %}" + REFUSED)


def pair_with(template: str, folder: Path) -> ModelPair:
    model: Any = make_model("llama")
    model.save_pretrained(folder)
    make_tokenizer(template).save_pretrained(folder)
    return load_pair(IdenticalPair(base=str(folder)))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> ModelPair:
    return pair_with(TEMPLATE, tmp_path_factory.mktemp("pair"))


def test_a_conversation_is_rendered_whole_and_closed(pair: ModelPair) -> None:
    [ids] = pair.tokenize_all([(SYSTEM, USER, REPLY)])
    text = "<|bos|><|system|>the sea<|end|><|user|>the boat<|end|><|assistant|>is red<|end|>"
    assert pair.tokenizer.decode(ids) == text
    assert ids == list(pair.tokenizer(text)["input_ids"])


def test_texts_and_conversations_keep_their_order(pair: ModelPair) -> None:
    mixed: list[Text] = ["the sea", (USER, REPLY), "the boat is red", (USER,)]
    assert pair.tokenize_all(mixed) == [pair.tokenize_all([one])[0] for one in mixed]
    assert pair.tokenize_all(["the sea"]) == [pair.tokenize("the sea")]
    assert pair.tokenize_all([]) == []


def test_a_template_without_a_system_message_is_told_it_by_the_user(tmp_path: Path) -> None:
    pair = pair_with(NO_SYSTEM, tmp_path)
    [ids] = pair.tokenize_all([(SYSTEM, USER, REPLY)])
    assert pair.tokenizer.decode(ids) == (
        "<|bos|><|user|>the sea\n\nthe boat<|end|><|assistant|>is red<|end|>"
    )


def test_a_question_is_asked_with_its_system_message_where_the_template_shows_it(
    pair: ModelPair, tmp_path: Path
) -> None:
    asked = Prompt(messages=(SYSTEM, USER))
    shown = "<|bos|><|system|>the sea<|end|><|user|>the boat<|end|><|assistant|>"
    assert pair.tokenizer.decode(pair.render(asked)) == shown
    silent = pair_with(NO_SYSTEM, tmp_path)
    folded = "<|bos|><|user|>the sea\n\nthe boat<|end|><|assistant|>"
    assert silent.tokenizer.decode(silent.render(asked)) == folded
    assert silent.render(asked) == silent.render(asked, "finetuned")


def test_what_a_template_refuses_is_said(tmp_path: Path) -> None:
    strict = TEMPLATE + "{% if messages|length > 1 %}{{ raise_exception('too long') }}{% endif %}"
    pair = pair_with(strict, tmp_path)
    with pytest.raises(DiffgaugeError, match="roles user, assistant: too long"):
        pair.tokenize_all([(USER, REPLY)])
