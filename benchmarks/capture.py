"""(c) Capture through nnsight against plain forward hooks, and against the bare forward.

The bare forward runs the decoder up to the last block that is needed and keeps nothing. All on one
torch thread. Command: ``python -m benchmarks.capture``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.measuring import machine, side_by_side, subject_pair
from diffgauge.models.hooks import hooked_residuals
from diffgauge.models.pair import ModelPair

__all__ = ["main", "run_bare"]

_TEXTS = 1000
_LENGTH = 64
_BATCH = 32
_ROUNDS = 5


def run_bare(pair: ModelPair, ids: Sequence[Sequence[int]], last_layer: int) -> None:
    """Runs the base up to a block and keeps nothing but that block's output."""
    inputs = {"input_ids": torch.tensor(ids), "use_cache": False}
    with torch.no_grad():
        hooked_residuals(pair.parts("base"), [last_layer], inputs)


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
                pair.capture("base", batch, layers, "hooks")

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
