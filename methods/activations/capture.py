"""Texts through both models, as blocks of paired activations with the kind of every token."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor

from diffgauge.methods.activations.source import KINDS, Block
from diffgauge.methods.passes import Row
from diffgauge.methods.turns import ReplyMarkers, reply_markers, reply_positions
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.subjects import SIDES, Side

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = ["PairedCapture"]

_TEXT, _PROMPT, _REPLY, _SPECIAL = range(len(KINDS))
_NOTHING: Final = -1


class PairedCapture:
    """Reads both models' residual streams after some blocks; nothing above the last one runs.

    Args:
        pair: The two models.
        layers: 0-based blocks.
        skip_positions: First positions of each text that get no row.
    """

    def __init__(self, pair: "ModelPair", layers: Sequence[int], skip_positions: int) -> None:
        self._pair = pair
        self._layers = list(layers)
        self._skip = skip_positions
        self._markers = reply_markers(pair.tokenizer)
        self._special = _special_ids(pair.tokenizer)
        self._n_read = 0

    def blocks(self, rows: Sequence[Row]) -> dict[int, Block]:
        """Runs both models over texts.

        Args:
            rows: At least one; each becomes as many tokens as it has beyond the skipped ones.

        Returns:
            By layer, on the CPU in the pair's compute dtype.

        Raises:
            DiffgaugeError: An activation is not finite.
        """
        longest = max(len(row.ids) for row in rows)
        columns = torch.arange(longest)
        lengths = torch.tensor([len(row.ids) for row in rows])[:, None]
        counted = (columns >= self._skip) & (columns < lengths)
        captured = self._captured([row.ids for row in rows])
        about = self._about(rows, counted)
        found: dict[int, Block] = {}
        for layer in self._layers:
            sides = [captured[side][layer][counted.to(self._pair.device)] for side in SIDES]
            activations = torch.stack([side.cpu() for side in sides], dim=1)
            if not bool(activations.isfinite().all()):
                raise DiffgaugeError(
                    f"Activations at layer {layer} are not finite in {self._pair.dtype}.",
                    advice="Load the pair in float32 or bfloat16.",
                )
            found[layer] = Block(activations, **about)
        return found

    def _captured(self, ids: Sequence[list[int]]) -> Mapping[Side, Mapping[int, Tensor]]:
        # Every second batch starts with the side the last one ended with: switching adapters costs.
        self._n_read += 1
        order = SIDES if self._n_read % 2 else tuple(reversed(SIDES))
        return {side: self._pair.capture(side, ids, self._layers, "hooks") for side in order}

    def _about(self, rows: Sequence[Row], counted: Tensor) -> dict[str, Any]:
        ids = torch.nn.utils.rnn.pad_sequence(
            [torch.tensor(row.ids) for row in rows], batch_first=True, padding_value=_NOTHING
        )
        kinds = torch.nn.utils.rnn.pad_sequence(
            [self._kinds(row.ids) for row in rows], batch_first=True
        )
        kinds[torch.isin(ids, self._special)] = _SPECIAL
        index = torch.tensor([row.index for row in rows])[:, None].expand_as(ids)
        position = torch.arange(ids.shape[1]).expand_as(ids)
        return {
            "token_ids": ids[counted],
            "text_index": index[counted],
            "position": position[counted],
            "kind": kinds[counted],
            "texts": {row.index: row.ids for row in rows},
        }

    def _kinds(self, ids: Sequence[int]) -> Tensor:
        return _kinds(ids, self._markers)


def _kinds(ids: Sequence[int], markers: ReplyMarkers | None) -> Tensor:
    """Kinds of a text's tokens but for the special ones, uint8 (position)."""
    if markers is None or markers.opening[-1] not in ids:
        return torch.full((len(ids),), _TEXT, dtype=torch.uint8)
    # Said of the position before: whether the token after it is the assistant's.
    said = [False, *reply_positions(ids, markers)[:-1]]
    own = torch.tensor(said)
    if not own.any():
        return torch.full((len(ids),), _TEXT, dtype=torch.uint8)
    return torch.where(own, _REPLY, _PROMPT).to(torch.uint8)


def _special_ids(tokenizer: Any) -> Tensor:
    added = tokenizer.added_tokens_decoder.items()
    special = {index for index, token in added if token.special}
    return torch.tensor(sorted(special | set(tokenizer.all_special_ids)))
