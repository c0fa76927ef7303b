"""Paired activations as methods read them, whether they stand on disk or are computed live."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Final, Literal, Protocol

import torch
from torch import Tensor

from diffgauge.methods.activations.moments import Moments
from diffgauge.records.errors import DiffgaugeError

__all__ = [
    "KINDS",
    "PARTS",
    "Block",
    "PairedActivations",
    "Part",
    "differences",
    "epochs_from",
    "part_of",
]

Part = Literal["train", "validation"]

PARTS: Final[tuple[Part, ...]] = ("train", "validation")

KINDS: Final = ("text", "prompt", "reply", "special")
"""Kinds of token. `prompt` and `reply` are those of conversations alone, `special` the chat
template's and the tokenizer's own; all others are `text`."""


@dataclass(frozen=True)
class Block:
    """Whole texts, their tokens one below the other.

    Attributes:
        activations: (token side d_model), base first; one side is the difference.
        token_ids: int64 (token).
        text_index: Which text of the corpus, int64 (token).
        position: In the text, from 0, int64 (token). The first ones of a text may have no row.
        kind: Index into `KINDS`, uint8 (token).
        texts: All tokens of each text, those without a row among them, by its index.
    """

    activations: Tensor
    token_ids: Tensor
    text_index: Tensor
    position: Tensor
    kind: Tensor
    texts: Mapping[int, list[int]]

    def of_part(self, part: Part, validation_every: int) -> "Block":
        """Returns the texts of one part."""
        texts = {
            index: ids
            for index, ids in self.texts.items()
            if part_of(index, validation_every) == part
        }
        if len(texts) == len(self.texts):
            return self
        chosen = torch.isin(self.text_index, torch.tensor(list(texts), dtype=torch.int64))
        return Block(
            self.activations[chosen],
            self.token_ids[chosen],
            self.text_index[chosen],
            self.position[chosen],
            self.kind[chosen],
            texts,
        )


class PairedActivations(Protocol):
    """Both models' residual streams after one block, over a corpus that is split by text.

    Attributes:
        layer: 0-based block.
        d_model: Width of the residual stream.
        n_tokens: Tokens of the training part.
    """

    @property
    def layer(self) -> int: ...  # noqa: D102

    @property
    def d_model(self) -> int: ...  # noqa: D102

    @property
    def n_tokens(self) -> int: ...  # noqa: D102

    def batches(
        self,
        batch_tokens: int,
        seed: int,
        *,
        part: Part = "train",
        epochs: int | None = 1,
        start: int = 0,
    ) -> Iterator[Tensor]:
        """Yields shuffled batches (batch_tokens, side, d_model), base first.

        They have the dtype in which the activations are held: bfloat16 on disk, the pair's own
        live. The same arguments give the same batches.

        Args:
            batch_tokens: Tokens in each batch; the last smaller one of an epoch is dropped in
                training and kept in validation.
            seed: Of the order.
            part: Which texts.
            epochs: Times the part is read; None goes on without end.
            start: Batches that are left out at the beginning, cheaply.

        Raises:
            DiffgaugeError: The part has too few tokens, or activations are not finite.
        """
        ...

    def moments(self) -> Moments:
        """Returns the moments of the training part."""
        ...

    def in_order(self, part: Part) -> Iterator[Block]:
        """Yields a part's texts whole, always in the same order."""
        ...


def differences(activations: Tensor) -> Tensor:
    """Returns finetuned less base, float32 (token d_model).

    Args:
        activations: (token side d_model), base first; one side is the difference itself.
    """
    values = activations.float()
    return values[:, 0] if values.shape[1] == 1 else values[:, 1] - values[:, 0]


def part_of(text_index: int, validation_every: int) -> Part:
    """Returns the part of a text: every so many-th one of the corpus is held out."""
    held_out = text_index % validation_every == validation_every - 1
    return "validation" if held_out else "train"


def epochs_from(
    n_tokens: int, batch_tokens: int, part: Part, epochs: int | None, start: int
) -> Iterator[tuple[int, int]]:
    """Yields the epochs that are read, each with the batches left out at its beginning.

    Args:
        n_tokens: Of the part.
        batch_tokens: Tokens in each batch.
        part: In training a last smaller batch does not count.
        epochs: Times the part is read; None goes on without end.
        start: Batches left out in all.

    Raises:
        DiffgaugeError: The part has too few tokens for a batch.
    """
    least = batch_tokens if part == "train" else 1
    if batch_tokens < 1 or n_tokens < least:
        raise DiffgaugeError(
            f"Batches of {batch_tokens} tokens were asked of {n_tokens} tokens ({part}).",
            allowed=f"1 to {n_tokens} tokens" if n_tokens else "nothing: this part has no texts",
            advice="Read more texts, or ask for smaller batches.",
        )
    each = n_tokens // batch_tokens if part == "train" else -(-n_tokens // batch_tokens)
    first = start // each
    for epoch in count(first) if epochs is None else range(first, epochs):
        yield epoch, start - first * each if epoch == first else 0
