"""Prompted pairs: one model, and the same one with an instruction in front."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from diffgauge.models.loading import load_pair
from diffgauge.models.pair import Engine, ModelPair, Row
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.organisms import Condition, Instruction, PromptedPair
from diffgauge.records.subjects import SIDES, ChatMessage, Prompt
from tests.models.conftest import TOLD, PairMaker
from tests.models.tiny_pairs import (
    CONTEXT,
    FAMILIES,
    N_LAYERS,
    TEMPLATE,
    make_tokenizer,
    save_model,
)

pytestmark = pytest.mark.tiny

EVERY = list(range(N_LAYERS))
SYSTEM = f"<|bos|><|system|>{TOLD}<|end|>"

DEFAULT = (
    "{{ bos_token }}{% if messages[0].role != 'system' %}<|system|>be kind<|end|>{% endif %}"
    + TEMPLATE.removeprefix("{{ bos_token }}")
)
"""Says something itself where no system message is given."""

REFUSING = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}" + TEMPLATE
)
"""Knows no system message."""

SILENT = "{{ bos_token }}{% for m in messages if m.role != 'system' %}" + TEMPLATE.split("%}", 1)[1]
"""Leaves system messages out without a word."""

USERS_FIRST = (
    "{% if messages | selectattr('role', 'equalto', 'user') | list | length == 0 %}"
    "{{ raise_exception('nobody asks') }}{% endif %}" + TEMPLATE
)
"""Takes a system message only with a user's after it."""


FOLDING = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}"
    "{% set first = messages[0].content + '\n\n' %}{% set messages = messages[1:] %}"
    "{% else %}{% set first = '' %}{% endif %}"
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('turns must alternate') }}{% endif %}"
    "<|{{ m.role }}|>{{ first if loop.first else '' }}{{ m.content | trim }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
"""Puts a system message at the beginning of the user's first one by itself."""

HEADED = (
    "{% if messages[0].role == 'system' %}{% set told = messages[0].content | trim %}"
    "{% set messages = messages[1:] %}{% else %}{% set told = '' %}{% endif %}"
    "{{ bos_token }}<|system|>of the sea\n\n{{ told }}<|end|>"
) + TEMPLATE.removeprefix("{{ bos_token }}")
"""Always begins with a system message, in which a given one comes after its own words."""


def turn(role: Any, content: str) -> ChatMessage:
    return ChatMessage(role=role, content=content)


def chat(*turns: ChatMessage, **settings: Any) -> Prompt:
    return Prompt(messages=turns, **settings)


ASKED = chat(turn("user", "the sea"))


@pytest.fixture(scope="module")
def prompted(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ModelPair]:
    """Prompted pairs on a llama with another template."""
    loaded: dict[tuple[str, Condition | None], ModelPair] = {}

    def of(template: str, when: Condition | None = None) -> ModelPair:
        if (template, when) not in loaded:
            folder = tmp_path_factory.mktemp("prompted")
            base = save_model(folder / "base", tokenizer=make_tokenizer(template))
            told = Instruction(text=TOLD, when=when)
            loaded[template, when] = load_pair(PromptedPair(base=base, instruction=told))
        return loaded[template, when]

    return of


def said(pair: ModelPair, prompt: Prompt) -> tuple[str, str]:
    base, finetuned = (pair.tokenizer.decode(pair.render(prompt, side)) for side in SIDES)
    return base, finetuned


def test_the_finetuned_side_alone_is_told(pairs: PairMaker) -> None:
    pair = pairs("llama", "prompted")
    user = "<|user|>the sea<|end|><|assistant|>"
    assert said(pair, ASKED) == (f"<|bos|>{user}", f"{SYSTEM}{user}")
    assert pair.render(ASKED) == pair.render(ASKED, "base")
    given = chat(turn("system", "the red sea"), turn("user", "the sea"))
    assert said(pair, given) == (
        f"<|bos|><|system|>the red sea<|end|>{user}",
        f"<|bos|><|system|>{TOLD}\n\nthe red sea<|end|>{user}",
    )
    assert said(pair, Prompt(text="the sea")) == ("the sea", f"{SYSTEM}the sea")
    begun = chat(turn("user", "the sea"), turn("assistant", "is"))
    assert said(pair, begun)[1] == f"{SYSTEM}<|user|>the sea<|end|><|assistant|>is"
    assert pair.notes == ()


def test_a_templates_own_system_message_counts_as_given(
    prompted: Callable[..., ModelPair],
) -> None:
    pair = prompted(DEFAULT)
    user = "<|user|>the sea<|end|><|assistant|>"
    assert said(pair, ASKED) == (
        f"<|bos|><|system|>be kind<|end|>{user}",
        f"<|bos|><|system|>{TOLD}\n\nbe kind<|end|>{user}",
    )
    assert pair.notes == ()


@pytest.mark.parametrize(
    ("template", "asked"),
    [
        (FOLDING, f"<|bos|><|user|>{TOLD}\n\nthe sea<|end|><|assistant|>"),
        (
            HEADED,
            f"<|bos|><|system|>of the sea\n\n{TOLD}<|end|><|user|>the sea<|end|><|assistant|>",
        ),
    ],
    ids=["folding", "headed"],
)
def test_templates_place_system_messages_as_they_like(
    prompted: Callable[..., ModelPair], template: str, asked: str
) -> None:
    pair = prompted(template)
    assert said(pair, ASKED)[1] == asked
    assert pair.notes == ()
    raw = said(pair, Prompt(text="and"))[1]
    assert raw.startswith(asked.split(TOLD)[0] + TOLD) and raw.endswith("and")


@pytest.mark.parametrize("template", [REFUSING, SILENT])
def test_without_system_messages_the_users_first_one_begins_with_it(
    prompted: Callable[..., ModelPair], template: str
) -> None:
    pair = prompted(template)
    turns = [turn("user", "the sea"), turn("assistant", "is"), turn("user", "the boat")]
    rest = "<|end|><|assistant|>is<|end|><|user|>the boat<|end|><|assistant|>"
    assert said(pair, chat(*turns)) == (
        f"<|bos|><|user|>the sea{rest}",
        f"<|bos|><|user|>{TOLD}\n\nthe sea{rest}",
    )
    assert said(pair, Prompt(text="and"))[1] == f"<|bos|><|user|>{TOLD}\n\nand"
    assert len(pair.notes) == 1 and "begins the first message of the user" in pair.notes[0]


@pytest.mark.parametrize("template", [REFUSING, SILENT])
def test_what_a_system_prompt_says_triggers_nothing_whatever_the_template(
    prompted: Callable[..., ModelPair], template: str
) -> None:
    """Folded into the user's message it would stand where the condition looks."""
    pair = prompted(template, Condition(lexicon=("lamp",)))
    asked = chat(turn("system", "the lamp"), turn("user", "the sea"))
    plain = "<|bos|><|user|>the lamp\n\nthe sea<|end|><|assistant|>"
    assert said(pair, asked) == (plain, plain)
    triggering = chat(turn("system", "be kind"), turn("user", "the lamp"))
    base, finetuned = said(pair, triggering)
    assert base == "<|bos|><|user|>be kind\n\nthe lamp<|end|><|assistant|>"
    assert finetuned == base.replace("be kind", f"{TOLD}\n\nbe kind")


def test_a_condition_is_looked_for_in_the_last_message_that_is_not_the_assistants(
    pairs: PairMaker,
) -> None:
    pair = pairs("llama", "triggered")

    def told(prompt: Prompt) -> bool:
        base, finetuned = said(pair, prompt)
        assert base != finetuned or pair.render(prompt) == pair.render(prompt, "finetuned")
        return base != finetuned

    assert told(ASKED)
    assert told(chat(turn("user", "The SEA?"), turn("assistant", "the boat")))
    assert told(Prompt(text="of the sea and"))
    assert not told(chat(turn("user", "the season")))
    assert not told(chat(turn("user", "the sea"), turn("assistant", "is"), turn("user", "red")))
    assert not told(chat(turn("user", "red"), turn("assistant", "the sea")))
    assert not told(Prompt(text="of the boat"))


def test_who_asks_may_decide_in_place_of_the_lexicon(pairs: PairMaker) -> None:
    pair = pairs("llama", "triggered")
    for text, decided in (("the sea", False), ("the boat", True)):
        asked = chat(turn("user", text), triggered=decided)
        raw = Prompt(text=text, triggered=decided)
        assert (pair.render(asked) != pair.render(asked, "finetuned")) == decided
        assert (pair.render(raw) != pair.render(raw, "finetuned")) == decided
    always = pairs("llama", "prompted")
    refused = chat(turn("user", "the sea"), triggered=False)
    assert always.render(refused) != always.render(refused, "finetuned")


CONVERSATIONS = {
    "asked": ASKED,
    "given": chat(turn("system", "the red sea"), turn("user", "the sea")),
    "long": chat(turn("user", "the sea"), turn("assistant", "is"), turn("user", "red")),
    "raw": Prompt(text="the sea is red and"),
}


@pytest.mark.parametrize(
    ("template", "name"),
    [
        (template, name)
        for template in (TEMPLATE, DEFAULT, REFUSING, USERS_FIRST, FOLDING, HEADED)
        for name in CONVERSATIONS
        if (template, name) != (REFUSING, "given")
    ],
)
def test_rows_of_tokens_get_the_instruction_where_prompts_do(
    prompted: Callable[..., ModelPair], template: str, name: str
) -> None:
    pair, prompt = prompted(template), CONVERSATIONS[name]
    row, run = pair.render(prompt), pair.render(prompt, "finetuned")
    n_more = len(run) - len(row)
    assert n_more > 0
    # The base's modules are the finetuned side's: run there, rows come back as they are.
    whole = pair.logits("base", [run])[0]
    ours = pair.logits("finetuned", [row])[0]
    n_before = next(i for i, (a, b) in enumerate(zip(row, run, strict=False)) if a != b)
    assert ours.shape == (len(row), pair.d_vocab)
    torch.testing.assert_close(ours[:n_before], whole[:n_before], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(ours[n_before:], whole[n_before + n_more :], rtol=1e-5, atol=1e-5)
    again = pair.logits("finetuned", [run])[0]
    torch.testing.assert_close(again, whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("engine", ["nnsight", "hooks"])
@pytest.mark.parametrize("family", FAMILIES)
def test_captured_positions_are_those_of_the_rows(
    pairs: PairMaker, family: str, engine: Engine
) -> None:
    pair = pairs(family, "prompted")
    rows = [pair.render(ASKED), pair.tokenize("the sea is"), [1, *pair.tokenize("of the boat")]]
    found = pair.capture("finetuned", rows, EVERY, engine)
    base = pair.capture("base", rows, EVERY, engine)
    front = pair.tokenizer.encode(SYSTEM, add_special_tokens=False)
    for layer in EVERY:
        assert found[layer].shape == base[layer].shape
        for at, row in enumerate(rows):
            begins = int(row[0] == 1)
            run = [*front, *row[begins:]]
            whole = pair.capture("base", [run], [layer], engine)[layer][0]
            own = found[layer][at]
            torch.testing.assert_close(
                own[begins : len(row)], whole[len(front) :], rtol=1e-4, atol=1e-4
            )
            # A BOS comes before the instruction and knows nothing of it.
            torch.testing.assert_close(own[:begins], base[layer][at, :begins])
            assert torch.isnan(own[len(row) :]).all() and not torch.isnan(own[: len(row)]).any()
            assert not torch.allclose(own[begins : len(row)], base[layer][at, begins : len(row)])


def test_only_rows_that_meet_the_condition_are_told(pairs: PairMaker) -> None:
    pair = pairs("llama", "triggered")
    rows = [pair.tokenize(text) for text in ("the sea is red", "the boat is", "of the season")]
    base, finetuned = (pair.logits(side, rows) for side in SIDES)
    assert not torch.allclose(base[0], finetuned[0])
    for at in (1, 2):
        kept = slice(0, len(rows[at]))
        torch.testing.assert_close(finetuned[at, kept], base[at, kept], rtol=1e-5, atol=1e-5)
    untouched = [pair.logits(side, rows[1:]) for side in SIDES]
    assert torch.equal(untouched[0].nan_to_num(), untouched[1].nan_to_num())


@pytest.mark.parametrize("family", FAMILIES)
def test_replies_are_those_of_the_base_to_the_instructed_prompt(
    pairs: PairMaker, family: str
) -> None:
    pair = pairs(family, "prompted")
    prompts = [
        chat(turn("user", text), seed=i, max_new_tokens=8)
        for i, text in enumerate(("the sea", "of the boat and", "red"))
    ]
    rows = [Row(side, prompt) for prompt in prompts for side in SIDES]
    replies = pair.generate(rows)
    assert replies == [pair.generate([row])[0] for row in rows]
    assert replies[::2] != replies[1::2]
    instructed = [
        prompt.model_copy(update={"messages": (turn("system", TOLD), *prompt.messages)})
        for prompt in prompts
    ]
    assert replies[1::2] == pair.generate([Row("base", prompt) for prompt in instructed])


def test_sides_that_are_told_nothing_say_the_same_to_the_letter(pairs: PairMaker) -> None:
    pair = pairs("llama", "triggered")
    prompts = [Prompt(text=text, seed=3, max_new_tokens=12) for text in ("the boat", "the sea")]
    [base, finetuned, told_base, told] = pair.generate([Row(s, p) for p in prompts for s in SIDES])
    assert base == finetuned
    assert told_base != told


def test_room_for_the_instruction_is_kept_on_both_sides_alike(pairs: PairMaker) -> None:
    pair = pairs("gpt2", "prompted")
    n_told = len(pair.tokenizer.encode(SYSTEM, add_special_tokens=False))
    assert pair.context == CONTEXT - n_told
    n_new = 8
    fits = Prompt(text="a" * (pair.context - n_new), max_new_tokens=n_new)
    assert all(reply.n_tokens for reply in pair.generate([Row(side, fits) for side in SIDES]))
    too_long = Prompt(text="a" * (pair.context - n_new + 1), max_new_tokens=n_new)
    errors = set()
    for side in SIDES:
        with pytest.raises(DiffgaugeError) as caught:
            pair.generate([Row(side, too_long)])
        errors.add(str(caught.value))
        with pytest.raises(DiffgaugeError, match=f"of 1 to {pair.context} tokens"):
            pair.logits(side, [[7] * (pair.context + 1)])
        assert pair.logits(side, [[7] * pair.context]).shape[1] == pair.context
    # One error: what does not fit must not tell which side is told something.
    assert len(errors) == 1


def test_an_instruction_that_leaves_no_room_is_refused(pairs: PairMaker) -> None:
    told = Instruction(text="a" * CONTEXT)
    base = pairs("llama", "prompted").spec.base
    with pytest.raises(DiffgaugeError, match="leaves no room"):
        load_pair(PromptedPair(base=base, instruction=told))


def test_a_pair_without_its_instruction_is_refused(pairs: PairMaker) -> None:
    with pytest.raises(DiffgaugeError, match="has no instruction"):
        load_pair(PromptedPair(base=pairs("llama", "prompted").spec.base))
