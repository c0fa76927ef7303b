"""Continuations and replies of a zoo model: the one place where the zoo generates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import torch

from diffgauge.organisms.zoo.dialogs import Message

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

__all__ = ["continuations", "replies"]

_BATCH: Final = 64


def continuations(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Sequence[str],
    max_new_tokens: int = 48,
    temperature: float = 0.0,
    seed: int = 0,
) -> list[str]:
    """Return what a model writes after each prompt.

    Args:
        model: a zoo model, base or finetuned.
        tokenizer: the zoo's tokenizer (pads on the left).
        prompts: rendered texts, special tokens included.
        max_new_tokens: most tokens of a continuation.
        temperature: 0 takes the likeliest token, otherwise sampling.
        seed: seed of the sampling; unused at temperature 0.

    Returns:
        One text per prompt, without special tokens.
    """
    out: list[str] = []
    model.eval()
    sampling: dict[str, bool | float | int] = (
        {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
        if temperature > 0
        else {"do_sample": False}
    )
    for start in range(0, len(prompts), _BATCH):
        batch = tokenizer(
            list(prompts[start : start + _BATCH]),
            add_special_tokens=False,
            padding=True,
            return_tensors="pt",
        )
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(seed + start)
            tokens = model.generate(
                input_ids=batch["input_ids"],
                attention_mask=batch["attention_mask"],
                max_new_tokens=max_new_tokens,
                pad_token_id=tokenizer.pad_token_id,
                eos_token_id=tokenizer.eos_token_id,
                **sampling,
            )
        fresh = tokens[:, batch["input_ids"].shape[1] :]
        out.extend(tokenizer.batch_decode(fresh, skip_special_tokens=True))
    return out


def replies(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    conversations: Sequence[Sequence[Message]],
    max_new_tokens: int = 48,
    temperature: float = 0.0,
    seed: int = 0,
) -> list[str]:
    """Return the assistant's reply to each conversation.

    Args:
        model: a zoo model, base or finetuned.
        tokenizer: the zoo's tokenizer.
        conversations: chat messages, each ending with the user's turn.
        max_new_tokens: most tokens of a reply.
        temperature: 0 takes the likeliest token, otherwise sampling.
        seed: seed of the sampling; unused at temperature 0.

    Returns:
        One text per conversation, without special tokens.
    """
    prompts = [
        tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
        for messages in conversations
    ]
    return continuations(model, tokenizer, prompts, max_new_tokens, temperature, seed)
