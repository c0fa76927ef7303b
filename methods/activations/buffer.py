"""Tokens of texts, waiting to be drawn; models run over a text when one of its rows is needed."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from diffgauge.methods.passes import Row

__all__ = ["RollingBuffer"]


class RollingBuffer:
    """Rows of texts that come and go. Rows that leave unread never run a model.

    Args:
        read: Texts to their rows, one text below the other in the order given (row …).
        skip_positions: First positions of a text that have no row.
    """

    def __init__(self, read: Callable[[Sequence[Row]], Tensor], skip_positions: int) -> None:
        self._read, self._skip = read, skip_positions
        self._values: Tensor | None = None
        self._texts: list[Row] = []
        # Of rows that were not read yet: number of the text, row in it.
        self._unread = torch.zeros(0, 2, dtype=torch.int64)

    def __len__(self) -> int:
        return len(self._unread) + (0 if self._values is None else len(self._values))

    def fill(self, texts: Iterator[Row], size: int) -> bool:
        """Takes texts until the buffer has a size; returns whether there were too few."""
        added, n_rows = [self._unread], len(self)
        while n_rows < size and (text := next(texts, None)) is not None:
            rows = torch.arange(len(text.ids) - self._skip)
            added.append(torch.stack([torch.full_like(rows, len(self._texts)), rows], dim=1))
            self._texts.append(text)
            n_rows += len(rows)
        self._unread = torch.cat(added)
        return n_rows < size

    def rows(self, which: Tensor) -> Tensor:
        """Returns rows by number, int64 (n), to (n …); they stay in the buffer."""
        self._read_all()
        assert self._values is not None, "an empty buffer has no rows"
        return self._values.index_select(0, which)

    def keep(self, which: Tensor) -> None:
        """Drops all rows but these, which get the numbers 0, 1, … in the order given."""
        if self._values is not None:
            self._read_all()
            self._values = self._values.index_select(0, which)
            return
        kept = self._unread[which]
        texts, numbers = torch.unique(kept[:, 0], return_inverse=True)
        self._texts = [self._texts[text] for text in texts.tolist()]
        self._unread = torch.stack([numbers, kept[:, 1]], dim=1)

    def _read_all(self) -> None:
        if not self._texts:
            return
        sizes = torch.tensor([len(text.ids) - self._skip for text in self._texts])
        starts = sizes.cumsum(0) - sizes
        new = self._read(self._texts)[starts[self._unread[:, 0]] + self._unread[:, 1]]
        self._values = new if self._values is None else torch.cat([self._values, new])
        self._texts, self._unread = [], self._unread[:0]
