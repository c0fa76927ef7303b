"""The trainer: what it keeps, its gradients, and a training that was cut off."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from diffgauge.methods.dictionaries.dictionary import Dictionary
from diffgauge.methods.dictionaries.inputs import Input, difference_input, paired_input
from diffgauge.methods.dictionaries.survey import variance_explained
from diffgauge.methods.dictionaries.trainer import Plan, _State, train
from diffgauge.records.errors import DiffgaugeError
from tests.methods.dictionaries.synthetic import D_MODEL, held, planted, shared

pytestmark = pytest.mark.unit

SMALL = Plan(n_latents=48, k=4, k_start=8, n_steps=120, step_tokens=128, dead_tokens=2000)


class Killed(Exception):
    """Stands for the end of a process."""


def same(one: Dictionary, other: Dictionary) -> bool:
    names = ("encoder", "encoder_bias", "decoder", "decoder_bias", "threshold")
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in names)


@pytest.mark.parametrize("n_dedicated", [0, 4])
@pytest.mark.parametrize("dead", [0, 30])
def test_gradients_are_those_of_the_loss(dead: int, n_dedicated: int) -> None:
    source, _ = planted()
    made = paired_input(source.moments())
    plan = SMALL.model_copy(update={"n_dedicated": n_dedicated, "aux_weight": 0.5})
    state = _State(plan, made, 3, "cpu")
    batch = next(iter(source.batches(128, 0)))
    for _ in range(3):
        state.step(made.sides(batch))
    if dead:
        state._unused_for[:dead] = plan.dead_tokens
    names = ("encoder", "encoder_bias", "decoder", "decoder_bias")
    leaves = {name: state._parameters()[name].clone().requires_grad_() for name in names}
    k = plan.k_at(3)
    loss = dense_loss(leaves, state, made.sides(batch), k, plan)
    torch.autograd.backward(loss)
    got: dict[str, Tensor] = {}
    state._update = lambda gradients, rate: got.update(gradients)  # type: ignore[method-assign]
    state.step(made.sides(batch))
    for name in names[:3]:
        torch.testing.assert_close(got[name], leaves[name].grad, rtol=1e-4, atol=1e-7)
    # One bias serves both sides.
    bias = leaves["decoder_bias"].grad
    assert bias is not None
    torch.testing.assert_close(got["decoder_bias"], bias.sum(0).expand(2, -1))


def dense_loss(
    leaves: dict[str, Tensor], state: _State, sides: Tensor, k: int, plan: Plan
) -> Tensor:
    """The loss as it is written down, with arrays of all latents."""
    x = ((sides - state._mean) * state._scale).transpose(0, 1)
    acts = (torch.einsum("std,sld->tl", x, leaves["encoder"]) + leaves["encoder_bias"]).relu()
    n = k * acts.shape[0]
    kept = acts.flatten().topk(n).indices
    codes = torch.zeros_like(acts.flatten()).index_copy(0, kept, acts.flatten()[kept])
    codes = codes.view_as(acts)
    left = x - torch.einsum("tl,sld->std", codes, leaves["decoder"])
    left = left - leaves["decoder_bias"][:, None]
    loss = left.square().sum() / (acts.shape[0] * D_MODEL)
    used = (codes > 0).any(dim=0)
    dead = ((state._unused_for + acts.shape[0]) >= plan.dead_tokens) & ~used
    if dead.any():
        values, best = torch.where(dead, acts, -torch.inf).topk(min(D_MODEL // 2, int(dead.sum())))
        among = torch.zeros_like(acts).scatter(1, best, values.clamp(min=0))
        target = left.detach()
        missing = target - torch.einsum("tl,sld->std", among, leaves["decoder"])
        size = (target - target.mean(1, keepdim=True)).square().sum()
        loss = loss + plan.aux_weight * 2 * missing.square().sum() / size
    return loss


@pytest.mark.parametrize("of", [paired_input, lambda moments: difference_input(moments, 1.0)])
def test_a_training_that_was_cut_off_ends_the_same(
    of: Callable[..., Input], tmp_path: Path
) -> None:
    source, _ = planted()
    made, file = of(source.moments()), tmp_path / "training.safetensors"
    whole = train(source, made, SMALL, 7)

    def hear(what: str, done: int, units: int) -> None:
        if done > 70:
            raise Killed

    with pytest.raises(Killed):
        train(source, made, SMALL, 7, hear, file)
    told = list[int]()
    again = train(source, made, SMALL, 7, lambda what, done, units: told.append(done), file)
    assert same(whole.dictionary, again.dictionary)
    assert whole.curve == again.curve
    assert told[0] > 60, "the first steps were not made again"


def test_exchanging_the_sides_exchanges_the_decoders_to_the_bit() -> None:
    source, _ = planted()
    base, finetuned = (
        torch.cat([b.activations[:, at] for b in source.in_order("train")]) for at in (0, 1)
    )
    straight, turned = (held(*pair) for pair in ((base, finetuned), (finetuned, base)))
    one = train(straight, paired_input(straight.moments()), SMALL, 0).dictionary
    other = train(turned, paired_input(turned.moments()), SMALL, 0).dictionary
    assert torch.equal(one.decoder, other.decoder.flip(0))
    assert torch.equal(one.encoder, other.encoder.flip(0))
    assert torch.equal(one.encoder_bias, other.encoder_bias)


def test_a_crosscoder_of_one_model_twice_has_equal_sides() -> None:
    both = shared(4096)
    source = held(both, both)
    made = train(source, paired_input(source.moments()), SMALL, 0).dictionary
    assert torch.equal(made.decoder[0], made.decoder[1])


def test_it_explains_and_keeps_as_many_as_it_was_told() -> None:
    source, _ = planted()
    made = paired_input(source.moments())
    plan = SMALL.model_copy(update={"n_steps": 400, "learning_rate": 3e-3})
    trained = train(source, made, plan, 0)
    explained, fired = variance_explained(
        trained.dictionary, made, source.batches(64, 0, part="validation")
    )
    assert (explained > 0.8).all()
    assert fired == pytest.approx(plan.k, rel=0.25)
    torch.testing.assert_close(trained.dictionary.weights(), torch.full((48,), 2.0))
    ks = [row["k"] for row in trained.curve]
    assert ks[0] == 8 and ks[-1] == 4 and ks == sorted(ks, reverse=True)


def test_dead_latents_come_back() -> None:
    source, _ = planted()
    made = paired_input(source.moments())

    def dead(aux_weight: float) -> float:
        more = {"n_latents": 96, "k_start": None, "n_steps": 400, "step_tokens": 64}
        rates = {"dead_tokens": 1000, "learning_rate": 1e-2, "aux_weight": aux_weight}
        plan = SMALL.model_copy(update=more | rates)
        return float(train(source, made, plan, 0).curve[-1]["dead"])

    assert dead(1.0) < 0.7 * dead(0.0)


def test_dedicated_latents_read_and_write_one_model_alone() -> None:
    source, _ = planted()
    plan = SMALL.model_copy(update={"n_dedicated": 5})
    made = train(source, paired_input(source.moments()), plan, 0).dictionary
    for of in (made.encoder, made.decoder):
        assert not of[1, -10:-5].any() and not of[0, -5:].any()
        assert of[0, -10:-5].any() and of[1, -5:].any()


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (SMALL.model_copy(update={"k": 49}), "49 latents .* of 48"),
        (SMALL.model_copy(update={"step_tokens": 100_000}), "7936 tokens, and a step takes 100000"),
        (SMALL.model_copy(update={"n_dedicated": 25}), "Twice 25"),
    ],
)
def test_what_does_not_fit_is_refused_with_numbers(plan: Plan, said: str) -> None:
    source, _ = planted()
    with pytest.raises(DiffgaugeError, match=said):
        train(source, paired_input(source.moments()), plan, 0)


def test_numbers_that_are_not_finite_are_refused() -> None:
    both = shared(2048)
    broken = both.clone()
    made = paired_input(held(both, both + 0.1).moments())
    broken[100] = torch.nan
    with pytest.raises(DiffgaugeError, match="no longer finite in step"):
        train(held(broken, both), made, SMALL, 0)
