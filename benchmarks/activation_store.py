"""(j) Writing activations against the bare forward passes, reading them back, and peak memory.

The bare passes run both models over the same tokens in the same batches up to the layer that is
kept, and keep nothing. Reading is `batches` of the whole store in shuffled order, as a trainer
asks for them; its rate stands beside that at which the trainer of dictionaries consumes the same
batches (an SAE of twice the width, steps of as many tokens). The memory figures are growths of the
peak from 1,000 to 10,000 texts: of all memory while writing, and of memory that is no file's while
reading (at most two pools of 256 MiB), since the pages of a memory map are the system's to take
back.
Command: ``python -m benchmarks.activation_store``.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path

import psutil
import torch

from benchmarks.adl import probe_texts
from benchmarks.measuring import machine, peak_bytes, side_by_side, subject_pair
from diffgauge.methods.activations.folder import StoreFolder
from diffgauge.methods.activations.settings import ActivationSettings
from diffgauge.methods.activations.store import ActivationStore
from diffgauge.methods.activations.writing import collect
from diffgauge.methods.dictionaries.inputs import difference_input, orientation
from diffgauge.methods.dictionaries.settings import DictionarySettings
from diffgauge.methods.dictionaries.trainer import _State
from diffgauge.methods.passes import WINDOW_TEXTS
from diffgauge.models.pair import ModelPair
from diffgauge.records.corpora import Corpus
from diffgauge.records.subjects import SIDES

__all__ = ["main"]

_BATCH_TOKENS = 256
_READ_TOKENS = 2_000_000
_STEPS = 100


class _Sizes(argparse.Namespace):
    texts: int
    many_texts: int
    rounds: int


def main() -> None:
    """Prints the machine, the ratio, the reading rates and the growth of memory."""
    parser = argparse.ArgumentParser(description="Measures the activation store.")
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--many-texts", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args(namespace=_Sizes())
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        pair = subject_pair(root / "pair")
        layer = round(0.5 * (pair.n_layers - 1))
        settings = ActivationSettings(layer=layer)
        texts = list(probe_texts(pair, asked.texts))
        rows = [ids[: settings.n_tokens] for ids in pair.tokenize_all(texts)]
        print(machine())
        print(
            f"{asked.texts} texts of {sum(map(len, rows)) / len(rows):.0f} tokens on average, "
            f"d_model {pair.d_model}, layer {layer} of {pair.n_layers}, {settings.batch_texts} "
            "texts at a time, float32"
        )
        few = _written(pair, settings, lambda: texts, root / "few")
        side_by_side(
            [
                ("writing", lambda: _written(pair, settings, lambda: texts, root / "timed")),
                ("the bare forward passes", lambda: _bare(pair, settings, rows, layer)),
            ],
            ["aim: 0.8 or more"],
            asked.rounds,
        )
        before = peak_bytes()
        many = _written(pair, settings, lambda: probe_texts(pair, asked.many_texts), root / "many")
        print(
            f"peak memory while writing: {before / 2**20:.0f} MiB, "
            f"{(peak_bytes() - before) / 2**20:+.1f} MiB with {asked.many_texts} texts (aim: flat)"
        )
        rates = [_read(store) for store in (few, many)]
        consumed = _consumed(few)
        print(
            f"the SAE trainer consumes {consumed:,.0f} tokens/s by processor time; reading over "
            f"that: {', '.join(f'{rate / consumed:.0f}' for rate in rates)} (aim: 5 or more)"
        )


def _written(
    pair: ModelPair, settings: ActivationSettings, texts: Callable[[], Iterable[str]], root: Path
) -> ActivationStore:
    shutil.rmtree(root, ignore_errors=True)
    n_texts = sum(1 for _ in texts())
    corpus = Corpus("unrelated", f"benchmark {n_texts}", n_texts, lambda: iter(texts()))
    chosen = settings.model_copy(update={"n_texts": n_texts})
    assert settings.layer is not None
    return collect(pair, corpus, chosen, [settings.layer], folder=StoreFolder(root))[settings.layer]


def _bare(
    pair: ModelPair, settings: ActivationSettings, rows: Sequence[list[int]], layer: int
) -> None:
    """Batches as the store makes them: by length within each window."""
    for start in range(0, len(rows), WINDOW_TEXTS):
        window = sorted(rows[start : start + WINDOW_TEXTS], key=lambda ids: -len(ids))
        for first in range(0, len(window), settings.batch_texts):
            for side in SIDES:
                pair.capture(side, window[first : first + settings.batch_texts], [layer], "hooks")


def _read(store: ActivationStore) -> float:
    """Prints what reading takes; returns tokens a second of processor time."""
    own, most, n_tokens = psutil.Process(), 0, 0
    before = _anonymous(own)
    started, busy = time.perf_counter(), time.process_time()
    for number, batch in enumerate(store.batches(_BATCH_TOKENS, 0, epochs=None)):
        n_tokens += len(batch)
        if number % 500 == 0:
            most = max(most, _anonymous(own))
        if n_tokens >= _READ_TOKENS:
            break
    clock, worked = time.perf_counter() - started, time.process_time() - busy
    print(
        f"reading a store of {store.n_tokens:,} tokens ({store.n_bytes / 2**20:.0f} MiB): "
        f"{n_tokens / clock:,.0f} tokens/s by the clock, {n_tokens / worked:,.0f} by processor "
        f"time, {(most - before) / 2**20:+.0f} MiB of memory that is no file's"
    )
    return n_tokens / worked


def _consumed(store: ActivationStore) -> float:
    """Returns tokens a second of processor time in training; the batches are read before."""
    batches = list(islice(store.batches(_BATCH_TOKENS, 0, epochs=None), _STEPS))
    moments = store.moments()
    made = difference_input(moments, orientation(moments))
    plan = DictionarySettings(n_steps=_STEPS, step_tokens=_BATCH_TOKENS).plan(
        store.d_model, store.n_tokens, _STEPS
    )
    state = _State(plan, made, 0, "cpu")
    busy = time.process_time()
    for batch in batches:
        state.step(made.sides(batch))
    return _STEPS * _BATCH_TOKENS / (time.process_time() - busy)


def _anonymous(process: psutil.Process) -> int:
    """Memory that is no file's: of what is resident, that which is not shared."""
    found = process.memory_info()
    return int(found.rss - getattr(found, "shared", 0))


if __name__ == "__main__":
    main()
