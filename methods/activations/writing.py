"""Collecting: one pass over a corpus, both models' activations written as they come."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from torch import Tensor

from diffgauge.methods.activations.capture import PairedCapture
from diffgauge.methods.activations.files import PartFiles
from diffgauge.methods.activations.folder import StoreFolder
from diffgauge.methods.activations.header import (
    PartHeader,
    StoreHeader,
    stored_inputs,
    token_bytes,
)
from diffgauge.methods.activations.moments import DIFFERENCE, SERIES, Moments
from diffgauge.methods.activations.settings import ActivationSettings, Held
from diffgauge.methods.activations.source import PARTS, differences
from diffgauge.methods.activations.store import ActivationStore
from diffgauge.methods.method import Progress
from diffgauge.methods.passes import Row, Tally, read_corpus
from diffgauge.records.artifacts import ArtifactInputs, hash_json
from diffgauge.records.corpora import Corpus

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = ["collect", "most_bytes"]

_CHECKPOINT: Final = "checkpoint.safetensors"


def most_bytes(
    corpus: Corpus, settings: ActivationSettings, d_model: int, n_layers: int, held: Held
) -> int:
    """Returns the most bytes that a collection can take, told before anything is read.

    Args:
        corpus: Where is read.
        settings: How many texts, and how they are cut.
        d_model: Width of the residual stream.
        n_layers: Layers collected.
        held: What is held of each token.
    """
    n_texts = min(settings.n_texts, corpus.n_texts)
    n_tokens = n_texts * max(0, settings.n_tokens - settings.skip_positions)
    return n_layers * n_tokens * token_bytes(d_model, held)


def collect(
    pair: "ModelPair",
    corpus: Corpus,
    settings: ActivationSettings,
    layers: Sequence[int],
    *,
    held: Held = "pair",
    progress: Progress | None = None,
    folder: StoreFolder | None = None,
) -> dict[int, ActivationStore]:
    """Collects what is missing, all layers in one pass; the same call goes on with a killed one.

    Args:
        pair: The two models.
        corpus: Where they read.
        settings: Which texts, and how they are cut and split.
        layers: 0-based blocks.
        held: What is held of each token.
        progress: Told texts taken, of all; not called where everything is there.
        folder: Where stores are kept; None is the cache.

    Returns:
        The stores, by layer.

    Raises:
        DiffgaugeError: The disk lacks the room, there are too few texts, an activation is not
            finite, or what stands at an address is broken.
    """
    stores = folder or StoreFolder()
    settings.check_lengths("The activation store")
    wanted = {
        layer: stored_inputs(pair, corpus, settings, layer, held) for layer in sorted(set(layers))
    }
    missing = {layer: one for layer, one in wanted.items() if not stores.has(one.key())}
    if missing:
        n_bytes = most_bytes(corpus, settings, pair.d_model, len(missing), held)
        stores.check_room(n_bytes, token_bytes(pair.d_model, held))
        _write(pair, corpus, settings, missing, held, progress, stores)
    return {layer: stores.opened(one) for layer, one in wanted.items()}


def _write(
    pair: "ModelPair",
    corpus: Corpus,
    settings: ActivationSettings,
    wanted: dict[int, ArtifactInputs],
    held: Held,
    progress: Progress | None,
    stores: StoreFolder,
) -> None:
    work = stores.work(hash_json([one.key() for one in wanted.values()])[:24])
    started = time.monotonic()
    tally = _Writing(pair, settings, list(wanted), held, work)
    with stores.told():
        counts = read_corpus(pair, corpus, settings, tally, progress, work / _CHECKPOINT)
        for layer, inputs in wanted.items():
            one = tally.layers[layer]
            header = StoreHeader(
                inputs=inputs,
                layer=layer,
                d_model=pair.d_model,
                held=held,
                skip_positions=settings.skip_positions,
                parts={part: one.parts[part].header() for part in PARTS},
                n_seen=counts.n_seen,
                n_dropped=counts.n_dropped,
                seconds=time.monotonic() - started,
                source=corpus.source,
                files=one.sizes(),
            )
            stores.adopt(one.folder, header, one.moments)
    shutil.rmtree(work, ignore_errors=True)


class _Layer:
    """One layer's files and moments while they are written."""

    def __init__(self, folder: Path, d_model: int, held: Held) -> None:
        self.folder = folder
        self.parts = {part: PartFiles(folder / part) for part in PARTS}
        self.moments = Moments.empty(d_model, SERIES if held == "pair" else (DIFFERENCE,))

    def sizes(self) -> dict[str, int]:
        """Returns the size of every file, by its path in the folder."""
        return {
            f"{part}/{name}": size
            for part, files in self.parts.items()
            for name, size in files.sizes().items()
        }


class _Writing(Tally):
    """What a collection keeps: files that grow, and moments."""

    def __init__(
        self,
        pair: "ModelPair",
        settings: ActivationSettings,
        layers: Sequence[int],
        held: Held,
        work: Path,
    ) -> None:
        self._capture = PairedCapture(pair, layers, settings.skip_positions)
        self._every, self._held = settings.validation_every, held
        self.layers = {layer: _Layer(work / str(layer), pair.d_model, held) for layer in layers}
        if not (work / _CHECKPOINT).is_file():
            # What a run left behind that was killed before its first checkpoint.
            self.restore({}, {})

    def add(self, batch: Sequence[Row]) -> None:
        """Reads a batch through both models and writes it."""
        for layer, block in self._capture.blocks(batch).items():
            if self._held == "difference":
                block = replace(block, activations=differences(block.activations)[:, None])
            for part in PARTS:
                mine = block.of_part(part, self._every)
                self.layers[layer].parts[part].append(mine)
                if part == "train":
                    self.layers[layer].moments.add(mine.activations)

    def tensors(self) -> dict[str, Tensor]:
        """Returns the moments of every layer."""
        return {
            f"{layer}.{name}": tensor
            for layer, one in self.layers.items()
            for name, tensor in one.moments.tensors().items()
        }

    def state(self) -> Any:
        """Returns the sizes of the files."""
        return {
            str(layer): {
                part: [files.header().model_dump(), files.sizes()]
                for part, files in one.parts.items()
            }
            for layer, one in self.layers.items()
        }

    def restore(self, tensors: dict[str, Tensor], state: Any) -> None:
        """Takes over what `tensors` and `state` gave; files are cut back to it."""
        for layer, one in self.layers.items():
            prefix = f"{layer}."
            of_layer = {
                name.removeprefix(prefix): tensor
                for name, tensor in tensors.items()
                if name.startswith(prefix)
            }
            if of_layer:
                one.moments = Moments.restored(of_layer)
            for part, files in one.parts.items():
                header, sizes = state.get(str(layer), {}).get(part, [None, {}])
                found = PartHeader(n_texts=0, n_tokens=0) if header is None else header
                files.restore(PartHeader.model_validate(found), sizes)
