"""What stands beside stored activations: what they were made from, and what files there must be."""

from typing import TYPE_CHECKING, Final

from diffgauge.methods.activations.settings import ActivationSettings, Held
from diffgauge.methods.activations.source import Part
from diffgauge.records.artifacts import ArtifactInputs
from diffgauge.records.corpora import Corpus
from diffgauge.records.record import Record

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = [
    "FORMAT_VERSION",
    "NAME",
    "PartHeader",
    "StoreHeader",
    "n_sides",
    "stored_inputs",
    "token_bytes",
]

FORMAT_VERSION: Final = 1

NAME: Final = "activations"
"""Stands for a method's name in a store's inputs."""

_VERSION: Final = 1
_BYTES_OF_ENTRY: Final = 2
_BYTES_OF_TOKEN: Final = 5
"""A token's id, and its kind."""


class PartHeader(Record):
    """One part of a store.

    Attributes:
        n_texts: Texts.
        n_tokens: Their tokens that have activations.
    """

    n_texts: int
    n_tokens: int


class StoreHeader(Record):
    """What stands in `header.json`, written last: a store without it is not complete.

    Attributes:
        format_version: Layout of the folder.
        inputs: Everything that went in.
        layer: 0-based block after which activations were read.
        d_model: Width of the residual stream.
        held: What is held of each token.
        skip_positions: First positions of each text that have no activations.
        parts: Texts and tokens, by part.
        n_seen: Texts taken from the corpus.
        n_dropped: Of these, those that were too short.
        seconds: Wall-clock time the collection took, without what was done before it was cut off.
        source: Where the corpus comes from, in words.
        files: Size in bytes of each other file, by its path in the folder.
    """

    format_version: int = FORMAT_VERSION
    inputs: ArtifactInputs
    layer: int
    d_model: int
    held: Held
    skip_positions: int
    parts: dict[Part, PartHeader]
    n_seen: int
    n_dropped: int
    seconds: float
    source: str
    files: dict[str, int]


def stored_inputs(
    pair: "ModelPair", corpus: Corpus, settings: ActivationSettings, layer: int, held: Held
) -> ArtifactInputs:
    """Returns what a store is made from; its `key()` is the store's address.

    How many texts run at once is no part of it: it changes nothing beyond rounding.

    Args:
        pair: The two models.
        corpus: Where they read.
        settings: Which texts, how they are cut and split.
        layer: 0-based block.
        held: What is held of each token.
    """
    names = ("n_texts", "n_tokens", "min_tokens", "skip_positions", "validation_every")
    chosen = {name: getattr(settings, name) for name in names}
    return ArtifactInputs(
        method=NAME,
        method_version=_VERSION,
        pair=pair.fingerprint,
        settings=chosen | {"corpus": corpus.name, "layer": layer, "held": held},
        corpora={corpus.name: corpus.fingerprint},
        seed=0,
    )


def n_sides(held: Held) -> int:
    """Returns the vectors held of each token."""
    return 2 if held == "pair" else 1


def token_bytes(d_model: int, held: Held) -> int:
    """Returns the bytes that a stored token takes."""
    return n_sides(held) * d_model * _BYTES_OF_ENTRY + _BYTES_OF_TOKEN
