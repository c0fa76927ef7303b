"""Activations of organisms' pairs, collected on disk for the methods that train on them."""

import gc
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

from diffgauge.evals.cells import Cell
from diffgauge.evals.computing import Step, loaded, teller
from diffgauge.evals.vetting import refuse
from diffgauge.organisms import registry as organisms
from diffgauge.organisms.corpora import corpus
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.organisms import ApiPair, OrganismCard
from diffgauge.records.record import Record

if TYPE_CHECKING:
    from diffgauge.methods.activations.settings import CollectSettings
    from diffgauge.methods.method import Progress

__all__ = ["Collected", "collected"]


class Collected(Record):
    """What became of one layer of an organism.

    Attributes:
        organism: Its id.
        layer: 0-based block; None when collecting failed.
        state: ``stored``, also where it was there already, or ``failed``.
        key: The store's; None when it failed.
        n_tokens: Tokens of both parts; None when it failed.
        n_bytes: Size on disk; None when it failed.
        reason: Why it failed; None when it did not.
    """

    organism: str
    layer: int | None = None
    state: Literal["stored", "failed"]
    key: str | None = None
    n_tokens: int | None = None
    n_bytes: int | None = None
    reason: str | None = None


def collected(
    cell: Cell,
    settings: "CollectSettings",
    texts: str | None,
    told: Callable[[Step], None],
    announce: Callable[[str], None],
) -> Iterator[Collected]:
    """Collects the activations of a cell's organisms, one pair in memory at a time.

    Args:
        cell: Organisms, seed, dtype and device; of no method.
        settings: Layers, and which texts are read.
        texts: A source in the place of the organisms' own corpus; None takes that.
        told: Called as it goes on.
        announce: Told the bytes that will be taken, before anything is read.

    Yields:
        What became of each layer. One organism that fails does not stop the others.
    """
    for at, card in enumerate(cell.organisms):
        hear = teller(told, card, at, len(cell.organisms))
        try:
            yield from _collected(cell, card, settings, texts, hear, announce)
        except DiffgaugeError as error:
            yield Collected(organism=card.id, state="failed", reason=str(error))
    teller(told, cell.organisms[-1], len(cell.organisms), len(cell.organisms))


def _collected(
    cell: Cell,
    card: OrganismCard,
    settings: "CollectSettings",
    texts: str | None,
    hear: "Progress",
    announce: Callable[[str], None],
) -> list[Collected]:
    from diffgauge.methods.activations.header import token_bytes
    from diffgauge.methods.activations.writing import collect, most_bytes
    from diffgauge.models.loading import device_named
    from diffgauge.models.service import run_here
    from diffgauge.organisms.checking import check_pair

    spec = organisms.resolved(card)
    if isinstance(spec, ApiPair):
        raise DiffgaugeError(
            "Its models are hosted elsewhere, so that nobody sees their activations.",
            allowed="pairs whose weights can be loaded",
        )
    # The last pair is collected first, where two would not fit.
    gc.collect()
    hear("loading", 0, 0)
    pair = loaded(card, spec, cell, device_named(cell.device))
    read = corpus(card, settings.corpus, settings.n_texts, cell.seed, texts)
    layers = settings.every_layer(pair.n_layers)
    n_bytes = most_bytes(read, settings, pair.d_model, len(layers), settings.held)
    each = token_bytes(pair.d_model, settings.held)
    announce(f"{card.id}: {each:,} bytes for each token and layer, at most {n_bytes:,} in all")
    with run_here(pair):
        hear("preflight", 0, 0)
        refuse(card, check_pair(card, pair), allow_suspect=cell.allow_suspect)
        stores = collect(pair, read, settings, layers, held=settings.held, progress=hear)
    return [
        Collected(
            organism=card.id,
            layer=layer,
            state="stored",
            key=store.folder.name,
            n_tokens=sum(part.n_tokens for part in store.header.parts.values()),
            n_bytes=store.n_bytes,
        )
        for layer, store in stores.items()
    ]
