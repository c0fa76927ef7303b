import math

import pytest
import torch

from diffgauge.methods.adl.moments import Moments

pytestmark = pytest.mark.unit

N, LAYERS, SLOTS, WIDTH = 23, 2, 3, 4


@pytest.fixture
def activations() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shape = (N, LAYERS, SLOTS, WIDTH)
    base = torch.randn(shape, generator=generator) * 5 + 100
    return base, base + 0.1 * torch.randn(shape, generator=generator) + 0.03


def fed(base: torch.Tensor, finetuned: torch.Tensor, sizes: list[int]) -> Moments:
    moments = Moments.empty(LAYERS, SLOTS, WIDTH)
    start = 0
    for size in sizes:
        moments.add(base[start : start + size], finetuned[start : start + size])
        start += size
    assert start == len(base)
    return moments


@pytest.mark.parametrize("sizes", [[N], [1] * N, [7, 1, 15], [2, 20, 1]], ids=str)
def test_any_batching_gives_what_all_texts_at_once_give(
    activations: tuple[torch.Tensor, torch.Tensor], sizes: list[int]
) -> None:
    base, finetuned = activations
    difference = (finetuned - base).double()
    moments = fed(base, finetuned, sizes)
    torch.testing.assert_close(moments.mean, difference.mean(0))
    torch.testing.assert_close(moments.base, base.double().mean(0))
    torch.testing.assert_close(moments.finetuned, finetuned.double().mean(0))
    error = (difference.var(0).sum(-1) / N).sqrt()
    torch.testing.assert_close(moments.standard_error(), error)
    cosine = torch.cosine_similarity(difference[0::2].mean(0), difference[1::2].mean(0), dim=-1)
    torch.testing.assert_close(moments.half_cosine(), cosine)


def test_exchanging_the_models_turns_the_difference_exactly(
    activations: tuple[torch.Tensor, torch.Tensor],
) -> None:
    base, finetuned = activations
    straight, turned = fed(base, finetuned, [9, 14]), fed(finetuned, base, [9, 14])
    assert torch.equal(straight.mean, -turned.mean)
    assert torch.equal(straight.squares, turned.squares)
    assert torch.equal(straight.base, turned.finetuned)


def test_the_standard_error_is_the_norm_that_noise_leaves() -> None:
    generator = torch.Generator().manual_seed(1)
    norms = []
    for _ in range(200):
        noise = torch.randn(50, 1, 1, 8, generator=generator)
        moments = Moments.empty(1, 1, 8)
        moments.add(torch.zeros_like(noise), noise)
        norms.append(float(moments.mean.norm()) ** 2)
    expected = math.sqrt(8 / 50)  # trace of the identity in 8 dimensions, over 50 texts
    assert math.sqrt(sum(norms) / len(norms)) == pytest.approx(expected, rel=0.1)
    assert float(moments.standard_error()) == pytest.approx(expected, rel=0.15)


def test_equal_models_have_no_direction_and_no_crash() -> None:
    same = torch.randn(6, 1, 1, 4, generator=torch.Generator().manual_seed(0))
    moments = Moments.empty(1, 1, 4)
    moments.add(same, same.clone())
    assert not moments.mean.any()
    assert not moments.standard_error().any()
    assert moments.half_cosine().isnan().all()


def test_what_is_undefined_is_nan_not_zero() -> None:
    moments = Moments.empty(1, 1, 4)
    assert moments.expected_norms().isnan().all()
    assert moments.half_cosine().isnan().all()
    moments.add(torch.zeros(1, 1, 1, 4), torch.ones(1, 1, 1, 4))
    assert moments.standard_error().isnan().all()


def test_a_checkpoint_holds_everything(activations: tuple[torch.Tensor, torch.Tensor]) -> None:
    base, finetuned = activations
    half = fed(base[:10], finetuned[:10], [10])
    restored = Moments.restored({name: t.clone() for name, t in half.tensors().items()})
    half.add(base[10:], finetuned[10:])
    restored.add(base[10:], finetuned[10:])
    for name, tensor in half.tensors().items():
        assert torch.equal(tensor, restored.tensors()[name])
