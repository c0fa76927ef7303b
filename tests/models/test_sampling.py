import pytest
import torch

from diffgauge.models.sampling import RowSampler

pytestmark = pytest.mark.unit

CPU = torch.device("cpu")
D_VOCAB = 300


def draws(seeds: list[int], temperatures: list[float], n_steps: int) -> torch.Tensor:
    sampler = RowSampler(seeds, temperatures, D_VOCAB, CPU)
    logits = torch.linspace(-2, 2, D_VOCAB)[None].expand(len(seeds), -1)
    return torch.stack([sampler.draw(logits) for _ in range(n_steps)], dim=1)


def test_a_rows_draws_depend_on_its_seed_alone() -> None:
    together = draws([4, 7, 4], [1.0, 0.5, 1.0], 120)
    assert torch.equal(together[0], together[2])
    assert torch.equal(together[0], draws([4], [1.0], 120)[0])
    assert torch.equal(together[1], draws([9, 7], [1.0, 0.5], 120)[1])
    assert not torch.equal(together[0], together[1])


def test_noise_is_new_at_every_step() -> None:
    # 120 steps need several refills of 16,384 // 300 = 54 steps each.
    assert len(set(draws([1], [1.0], 120)[0].tolist())) > 60


def test_rows_that_stay_draw_on_as_if_nobody_had_left() -> None:
    logits = torch.linspace(-2, 2, D_VOCAB)[None]
    expected = draws([3, 5, 8], [1.0, 1.0, 0.7], 100)
    sampler = RowSampler([3, 5, 8], [1.0, 1.0, 0.7], D_VOCAB, CPU)
    for _ in range(40):
        sampler.draw(logits.expand(3, -1))
    sampler.keep(torch.tensor([0, 2]))
    after = torch.stack([sampler.draw(logits.expand(2, -1)) for _ in range(60)], dim=1)
    assert torch.equal(after, expected[[0, 2], 40:])


def test_temperature_zero_takes_the_largest() -> None:
    assert bool((draws([1, 2], [0.0, 0.0], 60) == D_VOCAB - 1).all())
