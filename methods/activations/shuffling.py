"""Rows of a file in shuffled batches: read in runs, mixed in a pool that fits into memory."""

from collections.abc import Callable, Iterator
from typing import Final

import torch
from torch import Tensor

from diffgauge.methods.seeds import derived_seed

__all__ = ["shuffled"]

_RUN: Final = 128
"""Neighbouring rows that are read together."""

_POOL_BYTES: Final = 256 * 2**20


def shuffled(
    read: Callable[[Tensor], Tensor],
    n_rows: int,
    row_bytes: int,
    batch_rows: int,
    seed: int,
    *,
    start: int = 0,
    whole: bool = False,
) -> Iterator[Tensor]:
    """Yields one epoch of batches.

    Runs of neighbouring rows are drawn without replacement into a pool, and the pool's rows
    without replacement into batches. Where all rows fit into the pool this is a full shuffle.

    Args:
        read: Row numbers, ascending, int64 (n) to their rows (n …).
        n_rows: Rows there are.
        row_bytes: Size of one, which sets how many make a pool.
        batch_rows: In each batch.
        seed: Of the order.
        start: Batches left out at the beginning; pools before them are not read.
        whole: Whether a last smaller batch is yielded.
    """
    skipped, at = start * batch_rows, 0
    rest: Tensor | None = None
    for number, rows in enumerate(_pools(n_rows, row_bytes, seed)):
        first, at = at, at + len(rows)
        if at <= skipped:
            continue
        drawn = torch.Generator().manual_seed(derived_seed(seed, "pool", number))
        order = torch.randperm(len(rows), generator=drawn)[max(0, skipped - first) :]
        pool = read(rows)
        if rest is not None and len(rest):
            missing = batch_rows - len(rest)
            rest = torch.cat([rest, pool.index_select(0, order[:missing])])
            order = order[missing:]
            if len(rest) < batch_rows:
                continue
            yield rest
        whole_rows = len(order) // batch_rows * batch_rows
        for begin in range(0, whole_rows, batch_rows):
            yield pool.index_select(0, order[begin : begin + batch_rows])
        rest = pool.index_select(0, order[whole_rows:])
    if whole and rest is not None and len(rest):
        yield rest


def _pools(n_rows: int, row_bytes: int, seed: int) -> Iterator[Tensor]:
    """Yields row numbers of one pool after the other, ascending, int64."""
    drawn = torch.Generator().manual_seed(derived_seed(seed, "runs"))
    runs = torch.randperm(-(-n_rows // _RUN), generator=drawn)
    size = max(1, _POOL_BYTES // (row_bytes * _RUN))
    for mine in torch.split(runs, size):
        rows = (mine.sort().values[:, None] * _RUN + torch.arange(_RUN)).flatten()
        yield rows[rows < n_rows]
