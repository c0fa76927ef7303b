"""(b) ADL over 1,000 texts against the two bare forward passes that it cannot avoid.

The bare forwards run the same tokens in the same batches through both models, up to the last
block that is needed, and keep nothing. The least processor time of all rounds stands beside the
median of the wall clock, because other work on the machine moves the latter. The memory figure is
the growth of the peak from 1,000 to 10,000 texts. Command: ``python -m benchmarks.adl``.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.measuring import machine, peak_bytes, subject_pair
from diffgauge.methods.adl.method import ADL
from diffgauge.methods.adl.settings import ADLSettings
from diffgauge.models.pair import ModelPair
from diffgauge.records.corpora import Corpus
from diffgauge.records.subjects import SIDES, Side

__all__ = ["bare_forwards", "main", "probe_texts"]

_TEXTS = 1000
_MANY_TEXTS = 10_000
_ROUNDS = 5
_SETTINGS = ADLSettings(n_texts=_TEXTS, n_prompts=0)


class _Enough(Exception):
    """Leaves the forward pass after the last block that is needed."""


def probe_texts(pair: ModelPair, n: int) -> Iterator[str]:
    """Yields texts that the pair's tokenizer knows, long enough to be read.

    Args:
        pair: The zoo's, or the random stand-in.
        n: How many.
    """
    if "<s>" in pair.tokenizer.get_vocab() and "w2" in pair.tokenizer.get_vocab():
        return (" ".join(f"w{(7 * i + 3 * j) % 2000 + 10}" for j in range(90)) for i in range(n))
    from diffgauge.organisms.zoo.corpora import iterate_texts

    return islice(iterate_texts("unrelated", 0), n)


def bare_forwards(
    pair: ModelPair, batches: Sequence[Sequence[Sequence[int]]], last_layer: int
) -> None:
    """Runs both models over the batches up to a block and keeps nothing."""
    for side in SIDES:
        for batch in batches:
            _run_bare(pair, side, batch, last_layer)


def main() -> None:
    """Prints the machine, the ratios and the growth of memory."""
    with tempfile.TemporaryDirectory() as folder:
        pair = subject_pair(Path(folder))
    settings = _SETTINGS.settled(pair.n_layers)
    kept = [pair.tokenize(text)[: settings.n_tokens] for text in probe_texts(pair, _TEXTS)]
    kept = [ids for ids in kept if len(ids) == settings.n_tokens]
    size = settings.batch_texts
    batches = [kept[start : start + size] for start in range(0, len(kept), size)]
    print(machine())
    print(
        f"{_TEXTS} texts, {len(kept)} of {settings.n_tokens} tokens or more, layers "
        f"{settings.layers} of {pair.n_layers}, {size} at a time, float32"
    )
    ours, bare = _measured(
        lambda: _compute(pair, settings), lambda: bare_forwards(pair, batches, settings.layers[-1])
    )
    for clock, index in (("wall clock", 0), ("processor time", 1)):
        print(
            f"ADL against two bare forwards, {clock}: {ours[index]:.2f} s against "
            f"{bare[index]:.2f} s, ratio {ours[index] / bare[index]:.2f} (aim: at most 1.25)"
        )
    before = peak_bytes()
    _compute(pair, settings.model_copy(update={"n_texts": _MANY_TEXTS}))
    grown = peak_bytes() - before
    print(
        f"peak memory: {before / 2**20:.0f} MiB after {_TEXTS} texts, {grown / 2**20:+.1f} MiB "
        f"after {_MANY_TEXTS} (aim: flat)"
    )


def _compute(pair: ModelPair, settings: ADLSettings) -> None:
    corpus = Corpus(
        name="unrelated",
        fingerprint="benchmark",
        n_texts=settings.n_texts,
        stream=lambda: probe_texts(pair, settings.n_texts),
    )
    ADL().compute(pair, {"unrelated": corpus}, settings, 0)


def _run_bare(pair: ModelPair, side: Side, batch: Sequence[Sequence[int]], last_layer: int) -> None:
    import torch

    parts = pair.parts(side)

    def leave(*_: Any) -> None:
        raise _Enough

    handle = parts.blocks[last_layer].register_forward_hook(leave)
    try:
        with torch.no_grad():
            parts.decoder(input_ids=torch.tensor(batch, device=pair.device), use_cache=False)
    except _Enough:
        pass
    finally:
        handle.remove()


def _measured(*works: Callable[[], Any]) -> list[tuple[float, float]]:
    """Returns each work's median seconds on the wall clock and least ones of the processor.

    Rounds alternate between the works, so that a busy stretch of the machine meets them alike.
    """
    seconds: list[list[tuple[float, float]]] = [[] for _ in works]
    for counted in range(_ROUNDS + 1):
        for index, work in enumerate(works):
            wall, processor = time.perf_counter(), time.process_time()
            work()
            if counted:
                taken = time.perf_counter() - wall, time.process_time() - processor
                seconds[index].append(taken)
    return [
        (statistics.median(wall for wall, _ in rounds), min(cpu for _, cpu in rounds))
        for rounds in seconds
    ]


if __name__ == "__main__":
    main()
