"""The six kinds of result a method may hand out, and nothing else."""

from typing import Annotated, Literal

from pydantic import Field

from diffgauge.records.record import Record

__all__ = [
    "Contrast",
    "Exemplar",
    "FreeText",
    "Latent",
    "Latents",
    "Provenance",
    "RankedString",
    "RankedStrings",
    "RankedToken",
    "RankedTokens",
    "Result",
    "SampleItem",
    "Samples",
    "Scalar",
    "Scalars",
]


class Contrast(Record):
    """Which model a result speaks of.

    Inside methods the values are `Side` names; the tools replace them by the run's aliases
    before an investigator sees them.

    Attributes:
        toward: The model whose side is shown; None when the result speaks of both alike.
        away_from: The model it is contrasted with; None when only `toward` was read.
    """

    toward: str | None = None
    away_from: str | None = None


class Provenance(Record):
    """Where a result was read.

    Attributes:
        method: Registered name of the method; ``sampling`` for plain replies.
        layer: 0-based block index, the residual stream after that block; None when no layer
            is involved.
        position: Token position or a named range such as ``1-4``; None when not positional.
        corpus: Name of the corpus; None when no text was read.
        settings_hash: Hash of the settings in force; None when there are none.
    """

    method: str
    layer: int | None = None
    position: int | str | None = None
    corpus: str | None = None
    settings_hash: str | None = None


class _ResultBase(Record):
    """Fields every result has.

    Attributes:
        title: One line that says what is shown; names no organism, adapter or path.
        contrast: Which model the result speaks of.
        provenance: Where it was read.
        cost: Model interactions this result was charged.
        truncated: Whether items were cut to keep the size.
        note: A plain sentence of caution or explanation, or None.
    """

    title: str
    contrast: Contrast = Contrast()
    provenance: Provenance
    cost: int = 0
    truncated: bool = False
    note: str | None = None


class RankedToken(Record):
    """One vocabulary item as decoded text, with its score (higher is more)."""

    token: str
    score: float


class RankedTokens(_ResultBase):
    """Tokens, best first."""

    kind: Literal["ranked_tokens"] = "ranked_tokens"
    items: tuple[RankedToken, ...]


class RankedString(Record):
    """One string with its score (higher is more)."""

    text: str
    score: float


class RankedStrings(_ResultBase):
    """Strings, best first."""

    kind: Literal["ranked_strings"] = "ranked_strings"
    items: tuple[RankedString, ...]


class Exemplar(Record):
    """A passage in which a latent fires; `activation` in the latent's own unit."""

    text: str
    activation: float


class Latent(Record):
    """A dictionary unit with what is known of it."""

    index: int
    scores: dict[str, float]
    tokens: tuple[str, ...] = ()
    exemplars: tuple[Exemplar, ...] = ()
    label: str | None = None


class Latents(_ResultBase):
    """Dictionary units, best first."""

    kind: Literal["latents"] = "latents"
    items: tuple[Latent, ...]


class FreeText(_ResultBase):
    """Prose."""

    kind: Literal["free_text"] = "free_text"
    text: str


class SampleItem(Record):
    """One reply of one subject model.

    Attributes:
        prompt: What was asked.
        model: A `Side` inside methods; the run's alias when shown.
        reply: What the model said, as data.
        condition: How the reply was obtained, e.g. ``steered +0.5``; None when plain.
    """

    prompt: str
    model: str
    reply: str
    condition: str | None = None


class Samples(_ResultBase):
    """Replies."""

    kind: Literal["samples"] = "samples"
    items: tuple[SampleItem, ...]


class Scalar(Record):
    """One number.

    Attributes:
        name: What it measures, with its unit.
        value: The number; None when undefined (the note says why).
        stderr: Its standard error; None when it has none.
        floor: The value noise alone would give; None when not known.
    """

    name: str
    value: float | None
    stderr: float | None = None
    floor: float | None = None


class Scalars(_ResultBase):
    """Numbers."""

    kind: Literal["scalars"] = "scalars"
    items: tuple[Scalar, ...]


Result = Annotated[
    RankedTokens | RankedStrings | Latents | FreeText | Samples | Scalars,
    Field(discriminator="kind"),
]
