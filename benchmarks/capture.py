"""(c) Capture through nnsight against plain forward hooks, and against the bare forward.

The bare forward runs the decoder up to the last block that is needed and keeps nothing. All on one
torch thread. Command: ``python -m benchmarks.capture``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.measuring import machine, side_by_side, subject_pair
from diffgauge.models.pair import ModelPair

__all__ = ["capture_with_hooks", "main", "run_bare"]

_TEXTS = 1000
_LENGTH = 64
_BATCH = 32
_ROUNDS = 5


class _Enough(Exception):
    """Leaves the forward pass after the last block that is needed."""


def capture_with_hooks(
    pair: ModelPair, ids: Sequence[Sequence[int]], layers: Sequence[int]
) -> dict[int, Any]:
    """Captures the base's residuals with forward hooks; equals `ModelPair.capture` bit for bit.

    Args:
        pair: The pair.
        ids: Rows of one length.
        layers: Block indices.

    Returns:
        (batch, pos, d_model) by layer.
    """
    parts = pair.parts("base")
    found: dict[int, Any] = {}

    def keep(layer: int) -> Any:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            found[layer] = output[0] if isinstance(output, tuple) else output
            if layer == max(layers):
                raise _Enough

        return hook

    handles = [parts.blocks[layer].register_forward_hook(keep(layer)) for layer in layers]
    try:
        with torch.no_grad():
            parts.decoder(input_ids=torch.tensor(ids), use_cache=False)
    except _Enough:
        pass
    finally:
        for handle in handles:
            handle.remove()
    return found


def run_bare(pair: ModelPair, ids: Sequence[Sequence[int]], last_layer: int) -> None:
    """Runs the base up to a block and keeps nothing but that block's output."""
    capture_with_hooks(pair, ids, [last_layer])


def main() -> None:
    """Prints the machine and the ratios."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        pair = subject_pair(Path(folder))
    middle = round(0.5 * (pair.n_layers - 1))
    ids = [[(7 * i + 3 * j) % 2000 + 10 for j in range(_LENGTH)] for i in range(_TEXTS)]
    batches = [ids[start : start + _BATCH] for start in range(0, _TEXTS, _BATCH)]
    print(machine())
    print(f"{_TEXTS} texts of {_LENGTH} tokens, {_BATCH} at a time")
    for layers in ([middle], list(range(pair.n_layers))):

        def nnsight(layers: list[int] = layers) -> None:
            for batch in batches:
                pair.capture("base", batch, layers)

        def hooks(layers: list[int] = layers) -> None:
            for batch in batches:
                capture_with_hooks(pair, batch, layers)

        def bare(layers: list[int] = layers) -> None:
            for batch in batches:
                run_bare(pair, batch, max(layers))

        side_by_side(
            [(f"layers {layers}: nnsight", nnsight), ("hooks", hooks), ("the bare forward", bare)],
            ["1 is equal", "aim: 0.8 or more"],
            _ROUNDS,
        )


if __name__ == "__main__":
    main()
