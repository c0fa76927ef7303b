"""Blocks of made-up activations, a few tokens to a text."""

import torch

from diffgauge.methods.activations.source import Block

__all__ = ["TEXT_TOKENS", "block_of", "drawn"]

TEXT_TOKENS = 10


def block_of(base: torch.Tensor, finetuned: torch.Tensor) -> Block:
    """Tokens of both sides (token d_model) as texts of `TEXT_TOKENS` each, the first of them 0."""
    tokens = torch.arange(len(base))
    index = tokens // TEXT_TOKENS
    return Block(
        activations=torch.stack([base, finetuned], dim=1),
        token_ids=tokens % 7,
        text_index=index,
        position=tokens % TEXT_TOKENS,
        kind=torch.zeros(len(base), dtype=torch.uint8),
        texts={
            one: list(range(one * TEXT_TOKENS, (one + 1) * TEXT_TOKENS))
            for one in sorted(set(index.tolist()))
        },
    )


def drawn(n_tokens: int, d_model: int, seed: int = 0) -> torch.Tensor:
    """Independent normal entries."""
    return torch.randn(n_tokens, d_model, generator=torch.Generator().manual_seed(seed))
