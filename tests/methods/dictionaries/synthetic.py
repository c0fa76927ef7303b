"""Activations made of known directions, as texts of both models."""

import torch
from torch import Tensor

from diffgauge.methods.activations.source import Block, Part
from diffgauge.methods.dictionaries.held import HeldActivations

D_MODEL = 24
N_SHARED = 30
TEXT_TOKENS = 32


def directions(n: int, seed: int = 0) -> Tensor:
    """Unit vectors (n d_model)."""
    drawn = torch.randn(n, D_MODEL, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(drawn)


def fires(n_tokens: int, n: int, rate: float, seed: int) -> Tensor:
    """Activations of n features (token feature): 0, or between 1 and 3 at a share of the tokens."""
    drawn = torch.Generator().manual_seed(seed)
    there = torch.rand(n_tokens, n, generator=drawn) < rate
    return there * (1 + 2 * torch.rand(n_tokens, n, generator=drawn))


def held(base: Tensor, finetuned: Tensor, n_held_out: int = 8) -> HeldActivations:
    """Both models' activations (token d_model) as texts; the last ones are held out."""
    both = torch.stack([base, finetuned], dim=1)
    blocks = [_block(part, number) for number, part in enumerate(torch.split(both, TEXT_TOKENS))]
    parts: dict[Part, list[Block]] = {
        "train": blocks[:-n_held_out],
        "validation": blocks[-n_held_out:],
    }
    return HeldActivations(1, parts)


def shared(n_tokens: int, seed: int = 1) -> Tensor:
    """Activations of features that both models have."""
    return fires(n_tokens, N_SHARED, 0.06, seed) @ directions(N_SHARED)


def planted(rate: float = 0.1, n_tokens: int = 8192) -> tuple[HeldActivations, Tensor]:
    """A pair whose finetuned side has one direction more, and that direction."""
    new = directions(1, seed=99)[0]
    both = shared(n_tokens)
    return held(both, both + fires(n_tokens, 1, rate, seed=5) * new), new


def _block(activations: Tensor, number: int) -> Block:
    n = len(activations)
    ids = torch.arange(n)
    return Block(
        activations=activations,
        token_ids=ids,
        text_index=torch.full((n,), number),
        position=ids,
        kind=torch.zeros(n, dtype=torch.uint8),
        texts={number: ids.tolist()},
    )
