from typing import Any

import pytest
import torch

from diffgauge.models.generation import Job, continue_all
from diffgauge.models.pair import MAX_ROWS, ModelPair, Row, Steering
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.subjects import SIDES, ChatMessage, Prompt, Side
from tests.models.conftest import PairMaker
from tests.models.tiny_pairs import CONTEXT, D_MODEL, FAMILIES, N_LAYERS

pytestmark = pytest.mark.tiny


def asked(text: str, **settings: Any) -> Prompt:
    return Prompt(messages=(ChatMessage(role="user", content=text),), **settings)


def some_rows(n_prompts: int, steered: bool = False) -> list[Row]:
    """Prompts of many lengths, both sides, several temperatures and lengths of reply."""
    generator = torch.Generator().manual_seed(5)
    rows = []
    for i in range(n_prompts):
        prompt = asked(
            "the sea is red and " * (i % 4) + "boat",
            seed=i,
            max_new_tokens=4 + 5 * (i % 3),
            temperature=(1.0, 0.7, 0.0)[i % 3],
        )
        vector = 3 * torch.randn(D_MODEL, generator=generator)
        steering = Steering(i % N_LAYERS, vector) if steered and i % 2 else None
        rows += [Row(side, prompt, steering) for side in SIDES]
    return rows


@pytest.mark.parametrize("kind", ["adapter", "full"])
@pytest.mark.parametrize("family", FAMILIES)
def test_thirty_two_rows_in_a_batch_equal_thirty_two_single_ones(
    pairs: PairMaker, family: str, kind: str
) -> None:
    pair, rows = pairs(family, kind), some_rows(16, steered=True)
    assert len(rows) == 32
    assert pair.generate(rows) == [pair.generate([row])[0] for row in rows]


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_replies_are_those_of_transformers(pairs: PairMaker, family: str) -> None:
    pair = pairs(family, "adapter")
    for side in SIDES:
        for text in ("the sea", "boat is red and the sea is the boat of the sea"):
            prompt = asked(text, temperature=0.0, max_new_tokens=12)
            ids = torch.tensor([pair.render(prompt)])
            model: Any = pair.parts(side).model
            with torch.no_grad():
                theirs = model.generate(
                    input_ids=ids,
                    attention_mask=torch.ones_like(ids),
                    do_sample=False,
                    max_new_tokens=12,
                )[0, ids.shape[1] :]
            ours = pair.generate([Row(side, prompt)])[0]
            assert ours.text == pair.tokenizer.decode(theirs, skip_special_tokens=True)
            assert ours.n_tokens == len(theirs)


def test_sampling_follows_the_models_distribution(pairs: PairMaker) -> None:
    # 4,000 first tokens against softmax(logits): the largest of 269 standardised deviations
    # exceeds 5 with probability below 269 * 6e-7 = 2e-4, and the seeds are fixed.
    pair = pairs("llama", "full")
    ids = pair.render(asked("the sea"))
    expected = pair.logits("base", [ids])[0, -1].softmax(-1)
    n_draws = 4000
    counts = torch.zeros_like(expected)
    jobs = [Job("base", ids, seed, 1, 1.0) for seed in range(n_draws)]
    for said in continue_all(pair._weights, jobs, frozenset()):
        counts[said.token_ids[0]] += 1
    deviation = (counts - n_draws * expected) / (n_draws * expected * (1 - expected)).sqrt()
    common = n_draws * expected >= 5
    assert int(common.sum()) > 20
    assert float(deviation[common].abs().max()) < 5


def test_seeds_decide_and_temperature_zero_ignores_them(pairs: PairMaker) -> None:
    pair = pairs("llama", "full")
    warm = [Row("base", asked("the", seed=seed, max_new_tokens=16)) for seed in (1, 1, 2)]
    first, again, other = (reply.text for reply in pair.generate(warm))
    assert first == again != other
    cold = [Row("base", asked("the", seed=seed, temperature=0.0)) for seed in (1, 2)]
    assert len({reply.text for reply in pair.generate(cold)}) == 1


def test_a_longer_reply_begins_as_the_shorter_one(pairs: PairMaker) -> None:
    pair = pairs("gpt2", "adapter")
    for side in SIDES:
        short, long = (
            pair.generate([Row(side, Prompt(text="the sea", seed=3, max_new_tokens=n))])[0]
            for n in (10, 40)
        )
        assert (short.n_tokens, short.finished) == (10, False) or short.finished
        assert long.text.startswith(short.text.rstrip("�"))


def test_the_end_token_ends_a_reply_and_is_counted(pairs: PairMaker) -> None:
    pair = pairs("llama", "full")
    jobs = [Job("base", [1, 7, 9], seed, 30, 1.0) for seed in range(8)]
    free = continue_all(pair._weights, jobs, frozenset())
    assert all(len(said.token_ids) == 30 and not said.finished for said in free)
    end = free[0].token_ids[4]
    ended = continue_all(pair._weights, jobs, frozenset({end}))
    for said, was in zip(ended, free, strict=True):
        at = was.token_ids.index(end) + 1 if end in was.token_ids else 30
        assert said.token_ids == was.token_ids[:at]
        assert said.finished == (end in was.token_ids)
    assert any(said.finished for said in ended)


def hook_steered(
    pair: ModelPair, side: Side, prompt: Prompt, layer: int, vector: torch.Tensor
) -> str:
    """A second implementation of steering: a forward hook under transformers' own `generate`."""

    def add(_module: Any, _inputs: Any, output: Any) -> Any:
        if isinstance(output, tuple):
            return (output[0] + vector, *output[1:])
        return output + vector

    parts = pair.parts(side)
    handle = parts.blocks[layer].register_forward_hook(add)
    ids = torch.tensor([pair.render(prompt)])
    model: Any = parts.model
    with torch.no_grad():
        said = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=prompt.max_new_tokens,
        )
    handle.remove()
    text: str = pair.tokenizer.decode(said[0, ids.shape[1] :], skip_special_tokens=True)
    return text


@pytest.mark.parametrize("family", FAMILIES)
def test_steering_through_nnsight_equals_steering_by_hooks(pairs: PairMaker, family: str) -> None:
    pair = pairs(family, "adapter")
    generator = torch.Generator().manual_seed(8)
    prompt = asked("the sea is", temperature=0.0, max_new_tokens=10)
    rows, expected = [], []
    for side in SIDES:
        for layer in range(N_LAYERS):
            vector = 5 * torch.randn(D_MODEL, generator=generator)
            rows.append(Row(side, prompt, Steering(layer, vector)))
            expected.append(hook_steered(pair, side, prompt, layer, vector))
    rows.append(Row("base", prompt))
    replies = pair.generate(rows)
    assert [reply.text for reply in replies[:-1]] == expected
    assert replies[-1] == pair.generate([Row("base", prompt)])[0]
    assert len({reply.text for reply in replies}) > 1


def test_steering_by_nothing_changes_nothing(pairs: PairMaker) -> None:
    pair = pairs("llama", "adapter")
    for row in some_rows(4):
        steered = Row(row.side, row.prompt, Steering(1, torch.zeros(D_MODEL)))
        assert pair.generate([steered]) == pair.generate([row])


def test_an_identical_pair_says_the_same_on_both_sides(pairs: PairMaker) -> None:
    replies = pairs("llama", "identical").generate(some_rows(40))
    assert replies[::2] == replies[1::2]
    assert len({reply.text for reply in replies}) > 5


def test_more_rows_than_a_batch_holds_come_back_in_order(pairs: PairMaker) -> None:
    pair = pairs("llama", "full")
    rows = [Row(SIDES[i % 2], asked("the", seed=i, max_new_tokens=2)) for i in range(MAX_ROWS + 9)]
    replies = pair.generate(rows)
    assert len(replies) == MAX_ROWS + 9
    assert replies[-1] == pair.generate(rows[-1:])[0]
    assert replies[3] == pair.generate([rows[3]])[0]
    assert pair.generate([]) == []


def test_a_prompt_that_leaves_no_room_is_refused_with_the_room_there_is(pairs: PairMaker) -> None:
    with pytest.raises(DiffgaugeError, match=f"context of {CONTEXT} tokens"):
        pairs("llama", "full").generate([Row("base", Prompt(text="a" * 90, max_new_tokens=50))])


@pytest.mark.parametrize(
    ("steering", "said"),
    [
        (Steering(N_LAYERS, torch.zeros(D_MODEL)), "no layer 3"),
        (Steering(0, torch.zeros(D_MODEL + 1)), "32 finite numbers"),
        (Steering(0, torch.full((D_MODEL,), float("nan"))), "32 finite numbers"),
    ],
)
def test_a_steering_that_cannot_be_added_is_refused(
    pairs: PairMaker, steering: Steering, said: str
) -> None:
    with pytest.raises(DiffgaugeError, match=said):
        pairs("llama", "full").generate([Row("base", asked("the"), steering)])
