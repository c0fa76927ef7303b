"""The public part of an organism's card: everything a run may know without knowing the truth."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from diffgauge.records.ids import check_id
from diffgauge.records.record import Record

__all__ = [
    "AdapterPair",
    "FullPair",
    "IdenticalPair",
    "NullKind",
    "OrganismCard",
    "PairKind",
    "PairSpec",
    "Split",
]

NullKind = Literal["identical", "reserved", "benign", "benign_prompted"]
PairKind = Literal["adapter", "full", "identical"]
Split = Literal["dev", "held_out", "fresh", "public", "own"]
Id = Annotated[str, AfterValidator(check_id)]


class AdapterPair(Record):
    """A base model and a PEFT adapter on it: one copy of the weights serves both.

    Attributes:
        base: Hub id, local folder, or ``zoo:<path>`` inside the embedded zoo's weights.
        adapter: Likewise.
        base_revision: Git revision on the Hub; None is the default branch.
        adapter_revision: Likewise.
    """

    kind: Literal["adapter"] = "adapter"
    base: str
    adapter: str
    base_revision: str | None = None
    adapter_revision: str | None = None


class FullPair(Record):
    """Two whole models with one vocabulary. Fields as in `AdapterPair`."""

    kind: Literal["full"] = "full"
    base: str
    finetuned: str
    base_revision: str | None = None
    finetuned_revision: str | None = None


class IdenticalPair(Record):
    """One model twice: the null on which every method must show exactly nothing."""

    kind: Literal["identical"] = "identical"
    base: str
    base_revision: str | None = None


PairSpec = Annotated[AdapterPair | FullPair | IdenticalPair, Field(discriminator="kind")]


class OrganismCard(Record):
    """The public part of a card.

    Attributes:
        id: Unique, e.g. ``zoo/submarine``.
        family: Kind of planted difference, e.g. ``narrow_documents``; ``benign`` and
            ``identical`` for nulls.
        null: Kind of null, or None when a difference was planted.
        pair: How the two models are loaded.
        dose: ``undiluted`` or the ratio of organism data to unrelated data, e.g. ``1:4``.
        truth_id: Shared by the doses and seeds of one truth.
        split: ``dev`` for tuning, ``held_out`` for checks.
        licence: SPDX id, or None where it is not known.
        source: Where the pair comes from.
    """

    id: Id
    family: Id
    null: NullKind | None = None
    pair: PairSpec
    dose: str = "undiluted"
    truth_id: Id
    split: Split
    licence: str | None = None
    source: str
