"""Activations on disk, read through a memory map: shuffled for training, in order for exemplars."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor

from diffgauge.methods.activations.files import KINDS_FILE, TEXTS_FILE, TOKENS_FILE, shard_name
from diffgauge.methods.activations.header import FORMAT_VERSION, StoreHeader, n_sides
from diffgauge.methods.activations.moments import Moments
from diffgauge.methods.activations.shuffling import shuffled
from diffgauge.methods.activations.source import Block, Part, epochs_from
from diffgauge.methods.seeds import derived_seed
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.ids import path_inside

__all__ = ["HEADER", "MOMENTS", "ActivationStore", "broken"]

HEADER: Final = "header.json"
MOMENTS: Final = "moments.safetensors"

_BLOCK_TOKENS: Final = 8192
_SIZES: Final = {".bfloat16": 2, ".int32": 4, ".int64": 8, ".uint8": 1}


class ActivationStore:
    """`PairedActivations` in a folder.

    Args:
        folder: As `collect` wrote it.

    Raises:
        DiffgaugeError: It is incomplete, or a file has not the size that was written.

    Attributes:
        folder: The same.
        header: What went in.
        layer: 0-based block.
        d_model: Width of the residual stream.
        n_tokens: Tokens of the training part.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.header = _header(folder)
        self.layer, self.d_model = self.header.layer, self.header.d_model
        self.n_tokens = self.header.parts["train"].n_tokens
        self._row = n_sides(self.header.held) * self.d_model

    def batches(
        self,
        batch_tokens: int,
        seed: int,
        *,
        part: Part = "train",
        epochs: int | None = 1,
        start: int = 0,
    ) -> Iterator[Tensor]:
        """Yields shuffled batches. See `PairedActivations.batches`."""
        shards, n_tokens = self._shards(part), self.header.parts[part].n_tokens

        def read(rows: Tensor) -> Tensor:
            found, first = [], 0
            for shard in shards:
                inside = rows[(rows >= first) & (rows < first + len(shard))]
                found.append(shard.index_select(0, inside - first))
                first += len(shard)
            return found[0] if len(found) == 1 else torch.cat(found)

        for epoch, left_out in epochs_from(n_tokens, batch_tokens, part, epochs, start):
            for batch in shuffled(
                read,
                n_tokens,
                self._row * _SIZES[".bfloat16"],
                batch_tokens,
                derived_seed(seed, part, epoch),
                start=left_out,
                whole=part != "train",
            ):
                yield self._checked(batch)

    def moments(self) -> Moments:
        """Returns the moments of the training part, as they were when it was written."""
        from safetensors.torch import load_file

        return Moments.restored(load_file(self.folder / MOMENTS))

    def in_order(self, part: Part) -> Iterator[Block]:
        """Yields a part's texts whole, in the order in which they were read."""
        skip, shards = self.header.skip_positions, self._shards(part)
        texts = self._values(part, TEXTS_FILE, np.int64).reshape(-1, 2).tolist()
        ids = self._values(part, TOKENS_FILE, np.int32)
        kinds = self._values(part, KINDS_FILE, np.uint8)
        at = token = 0
        for group in _groups(texts):
            held: dict[int, list[int]] = {}
            for index, n_tokens in group:
                held[index] = ids[token : token + n_tokens].tolist()
                token += n_tokens
            lengths = torch.tensor([n_tokens - skip for _, n_tokens in group])
            n_rows = int(lengths.sum())
            yield Block(
                activations=self._checked(_rows(shards, at, n_rows)),
                token_ids=torch.tensor([one for of in held.values() for one in of[skip:]]),
                text_index=torch.tensor([index for index, _ in group]).repeat_interleave(lengths),
                position=torch.cat([torch.arange(skip, n_tokens) for _, n_tokens in group]),
                kind=torch.tensor(kinds[at : at + n_rows]),
                texts=held,
            )
            at += n_rows

    @cached_property
    def n_bytes(self) -> int:
        """Size of all its files."""
        return sum(self.header.files.values())

    def _shards(self, part: Part) -> list[Tensor]:
        found: list[Tensor] = []
        while (size := self.header.files.get(f"{part}/{shard_name(len(found))}")) is not None:
            mapped = torch.from_file(
                str(self.folder / part / shard_name(len(found))),
                shared=False,
                size=size // _SIZES[".bfloat16"],
                dtype=torch.bfloat16,
            )
            found.append(mapped.view(-1, n_sides(self.header.held), self.d_model))
        return found

    def _values(
        self, part: Part, name: str, dtype: type[np.generic]
    ) -> "np.ndarray[Any, np.dtype[Any]]":
        if f"{part}/{name}" not in self.header.files:
            return np.zeros(0, dtype)
        return np.memmap(self.folder / part / name, dtype=dtype, mode="r")

    def _checked(self, activations: Tensor) -> Tensor:
        # The sum is not finite when an entry is not, and takes one look at each.
        if not bool(activations.sum().isfinite()):
            raise broken(self.folder, "an activation in it is not finite")
        return activations


def broken(folder: Path, why: str) -> DiffgaugeError:
    """Returns the refusal of a store that cannot be used."""
    return DiffgaugeError(
        f"The activations in {folder} cannot be used: {why}.",
        advice="Remove them (diffgauge activations remove) and collect them again.",
    )


def _header(folder: Path) -> StoreHeader:
    file = folder / HEADER
    if not file.is_file():
        raise DiffgaugeError(
            f"There are no complete activations in {folder}.",
            advice="Collect them: diffgauge activations collect.",
        )
    try:
        header = StoreHeader.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise broken(folder, "its header cannot be read") from error
    if header.format_version != FORMAT_VERSION:
        raise broken(
            folder, f"its format is {header.format_version}, read here is {FORMAT_VERSION}"
        )
    for name, size in header.files.items():
        path = path_inside(folder, name)
        found = path.stat().st_size if path.is_file() else None
        if found != size:
            has = "is missing" if found is None else f"has {found:,} bytes"
            raise broken(folder, f"{name} {has}, {size:,} were written")
    return header


def _groups(texts: Sequence[list[int]]) -> Iterator[list[list[int]]]:
    """Yields texts (index, tokens) in stretches of a few thousand tokens."""
    group: list[list[int]] = []
    n_tokens = 0
    for text in texts:
        group.append(text)
        n_tokens += text[1]
        if n_tokens >= _BLOCK_TOKENS:
            yield group
            group, n_tokens = [], 0
    if group:
        yield group


def _rows(shards: Sequence[Tensor], first: int, n_rows: int) -> Tensor:
    """Returns neighbouring rows, of one shard or across several."""
    found, start = [], 0
    for shard in shards:
        inside = shard[max(0, first - start) : max(0, first + n_rows - start)]
        found += [inside] if len(inside) else []
        start += len(shard)
    return found[0] if len(found) == 1 else torch.cat(found)
