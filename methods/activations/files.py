"""Files of a store that is being written: they only grow, and shrink back to what was said last."""

from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from diffgauge.methods.activations.header import PartHeader
from diffgauge.methods.activations.source import Block

__all__ = ["KINDS_FILE", "TEXTS_FILE", "TOKENS_FILE", "PartFiles", "shard_name"]

TOKENS_FILE: Final = "tokens.int32"
"""All tokens of all texts, those without activations among them."""

TEXTS_FILE: Final = "texts.int64"
"""Index in the corpus and number of tokens of each text."""

KINDS_FILE: Final = "kinds.uint8"
"""Kind of each token that has activations."""

_SHARD_BYTES: Final = 2**30


def shard_name(number: int) -> str:
    """Returns the name of a file of activations, bfloat16 (token side d_model)."""
    return f"activations-{number:05d}.bfloat16"


class PartFiles:
    """The files of one part.

    Args:
        folder: Theirs alone; made where it is not there.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._sizes: dict[str, int] = {}
        self._shard = 0
        self.n_texts = 0
        self.n_tokens = 0

    def append(self, block: Block) -> None:
        """Adds whole texts; their rows must stand in the order of `block.texts`."""
        if not len(block.activations):
            return
        values = block.activations.to(torch.bfloat16)
        if self._sizes.get(shard_name(self._shard), 0) >= _SHARD_BYTES:
            self._shard += 1
        self._write(shard_name(self._shard), values.view(torch.int16))
        self._write(KINDS_FILE, block.kind)
        ids = [token for tokens in block.texts.values() for token in tokens]
        self._write(TOKENS_FILE, torch.tensor(ids, dtype=torch.int32))
        texts = [[index, len(tokens)] for index, tokens in block.texts.items()]
        self._write(TEXTS_FILE, torch.tensor(texts, dtype=torch.int64))
        self.n_texts += len(block.texts)
        self.n_tokens += len(values)

    def _write(self, name: str, values: Tensor) -> None:
        content = np.ascontiguousarray(values.numpy())
        with (self._folder / name).open("ab") as out:
            out.write(content.data)
        self._sizes[name] = self._sizes.get(name, 0) + content.nbytes

    def header(self) -> PartHeader:
        """Returns how much is there."""
        return PartHeader(n_texts=self.n_texts, n_tokens=self.n_tokens)

    def sizes(self) -> dict[str, int]:
        """Returns the files' sizes by name."""
        return dict(self._sizes)

    def restore(self, header: PartHeader, sizes: dict[str, int]) -> None:
        """Cuts the files back to what `header` and `sizes` gave, and goes on from there."""
        for file in self._folder.iterdir():
            if file.name not in sizes:
                file.unlink()
        for name, size in sizes.items():
            with (self._folder / name).open("r+b") as out:
                out.truncate(size)
        self._sizes = dict(sizes)
        self._shard = max(0, sum(name.startswith("activations-") for name in sizes) - 1)
        self.n_texts, self.n_tokens = header.n_texts, header.n_tokens
