"""(k) Steps of the dictionary trainer: tokens a second, peak memory, and another trainer's step.

Random activations of the zoo's width: an SAE of 256 latents and a crosscoder of 4,096, k = 32,
1,024 tokens a step. With ``--peer FOLDER``, a checkout of science-of-finetuning's
dictionary_learning, its BatchTopK crosscoder makes the same steps on the same tokens: equal width,
latents, k and Adam, no annealing, nothing dead. Its package's own start, which imports nnsight, is
passed over, and of ``einops`` and ``datasets`` the one call it needs is stood in for. Command:
``python -m benchmarks.dictionaries --peer FOLDER``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from benchmarks.measuring import machine, peak_bytes, side_by_side
from diffgauge.methods.dictionaries.inputs import Input
from diffgauge.methods.dictionaries.trainer import Plan, _State

__all__ = ["main"]

_D_MODEL = 128
_TOKENS = 1024
_K = 32
_SIZES = {"SAE": (1, 256), "crosscoder": (2, 4096)}


class _Asked(argparse.Namespace):
    peer: Path | None
    steps: int
    rounds: int


def main() -> None:
    """Prints the machine, tokens a second, and the ratio to the peer."""
    parser = argparse.ArgumentParser(description="Measures the trainer of dictionaries.")
    parser.add_argument("--peer", type=Path, default=None)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args(namespace=_Asked())
    torch.set_num_threads(1)
    print(machine())
    batches = [torch.randn(_TOKENS, 2, _D_MODEL) for _ in range(asked.steps)]
    for name, (n_sides, n_latents) in _SIZES.items():
        ours = _ours(batches, n_sides, n_latents)
        ours()
        start, began = time.perf_counter(), time.process_time()
        ours()
        wall, busy = time.perf_counter() - start, time.process_time() - began
        n = asked.steps * _TOKENS
        print(f"{name}: {n / wall:,.0f} tokens/s by the clock, {n / busy:,.0f} by processor time")
    print(f"peak memory so far {peak_bytes() / 2**20:,.0f} MiB")
    if asked.peer is not None:
        works = [("ours", _ours(batches, *_SIZES["crosscoder"]))]
        works.append(("dictionary_learning", _theirs(asked.peer, batches)))
        side_by_side(works, ["1.5"], asked.rounds)
        print(f"peak memory with both {peak_bytes() / 2**20:,.0f} MiB")


def _ours(batches: list[torch.Tensor], n_sides: int, n_latents: int) -> Callable[[], None]:
    def sides(stored: torch.Tensor) -> torch.Tensor:
        return stored[:, :n_sides]

    made = Input(sides, torch.zeros(n_sides, _D_MODEL), float(_D_MODEL), has_bias=n_sides > 1)
    state = _State(Plan(n_latents=n_latents, k=_K, n_steps=10_000), made, 0, "cpu")

    def run() -> None:
        for batch in batches:
            state.step(made.sides(batch))

    return run


def _theirs(folder: Path, batches: list[torch.Tensor]) -> Callable[[], None]:
    package: Any = ModuleType("dictionary_learning")
    package.__path__ = [str(folder / "dictionary_learning")]
    einops: Any = ModuleType("einops")
    einops.rearrange = lambda tensor, pattern: tensor.transpose(1, 2)
    datasets: Any = ModuleType("datasets")
    datasets.load_dataset = None
    trainers: Any = ModuleType("dictionary_learning.trainers")
    trainers.__path__ = [str(folder / "dictionary_learning" / "trainers")]
    for module in (package, einops, datasets, trainers):
        sys.modules.setdefault(module.__name__, module)
    trainer = import_module("dictionary_learning.trainers.crosscoder").BatchTopKCrossCoderTrainer(
        steps=10_000,
        activation_dim=_D_MODEL,
        dict_size=_SIZES["crosscoder"][1],
        k=_K,
        layer=0,
        lm_name="none",
        device="cpu",
        dict_class_kwargs={"same_init_for_all_layers": True},
    )
    done = [0]

    def run() -> None:
        for batch in batches:
            # The first step takes a median of the batch, which no other step does.
            done[0] += 1
            trainer.update(done[0], batch)

    return run


if __name__ == "__main__":
    main()
