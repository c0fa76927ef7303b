"""What may be changed in the residual stream on the way, and how it is checked before a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from diffgauge.records.errors import DiffgaugeError

if TYPE_CHECKING:
    import torch

    from diffgauge.models.batches import Batch

__all__ = [
    "Edit",
    "Injection",
    "PatchMode",
    "Removal",
    "Steering",
    "adding",
    "chained",
    "check_injection",
    "check_vector",
    "injecting",
    "patching",
    "removing",
    "within",
]

Edit: TypeAlias = "Callable[[torch.Tensor], torch.Tensor]"
"""Residuals after a block (batch, pos, d_model) to what the blocks above read instead of them."""

PatchMode = Literal["replace", "add"]
"""Whether a vector takes a residual's place or is added to it."""


@dataclass(frozen=True)
class Steering:
    """A vector added to the residual stream while a row is generated.

    Attributes:
        layer: 0-based block after which it is added.
        vector: (d_model,), added at every prompt and every generated position.
    """

    layer: int
    vector: torch.Tensor


@dataclass(frozen=True)
class Removal:
    """A direction taken out of the residual stream while a row is generated.

    The residual `r` becomes ``r - (r·u - level) u`` at every prompt and every generated position.

    Attributes:
        layer: 0-based block after which it is taken out.
        direction: The unit vector `u` (d_model,).
        level: What is left along it.
    """

    layer: int
    direction: torch.Tensor
    level: float = 0.0


@dataclass(frozen=True)
class Injection:
    """Vectors mixed into the residual stream at some tokens of a prompt; not at what is generated.

    The residual `r` at such a token becomes ``r + coefficient * v / |v| * |r|``; a vector `v` of
    zeros injects nothing.

    Source: arXiv 2512.15674 (steering at placeholder tokens).
    Differs: none.

    Attributes:
        layer: 0-based block after which they are mixed in.
        positions: Tokens of the prompt, from 0, each at most once: those of
            ``pair.render(prompt, side)``.
        vectors: (n, d_model), one for each position.
        coefficient: Size of what is added, in norms of the residual that is there.
    """

    layer: int
    positions: tuple[int, ...]
    vectors: torch.Tensor
    coefficient: float = 1.0


def check_vector(vector: torch.Tensor, d_model: int) -> None:
    """Checks that a vector can be added to a residual.

    Raises:
        DiffgaugeError: It has another shape, or entries that are not finite.
    """
    import torch

    if vector.shape != (d_model,) or not bool(torch.isfinite(vector).all()):
        raise DiffgaugeError(
            f"A steering vector of shape {tuple(vector.shape)} cannot be added.",
            allowed=f"{d_model} finite numbers",
        )


def check_injection(injection: Injection, n_tokens: int, d_model: int) -> None:
    """Checks that vectors can be mixed into a prompt.

    Args:
        injection: As asked.
        n_tokens: Tokens of the rendered prompt.
        d_model: Width of the residual stream.

    Raises:
        DiffgaugeError: A position beyond the prompt or given twice, another number or shape of
            vectors, or numbers that are not finite.
    """
    import math

    import torch

    positions, vectors = injection.positions, injection.vectors
    beyond = [position for position in positions if not 0 <= position < n_tokens]
    if beyond or not positions or len(set(positions)) < len(positions):
        raise DiffgaugeError(
            f"Vectors cannot be injected at positions {', '.join(map(str, positions)) or '(none)'} "
            f"of a prompt of {n_tokens} tokens.",
            allowed=f"different positions from 0 to {n_tokens - 1}, at least one",
        )
    wanted = (len(positions), d_model)
    finite = math.isfinite(injection.coefficient) and bool(torch.isfinite(vectors).all())
    if vectors.shape != wanted or not finite:
        raise DiffgaugeError(
            f"Vectors of shape {tuple(vectors.shape)} with the coefficient "
            f"{injection.coefficient:g} cannot be injected at {len(positions)} positions.",
            allowed=f"finite numbers, {wanted[0]} vectors of {wanted[1]} entries",
        )


def adding(vectors: torch.Tensor) -> Edit:
    """Returns the edit that adds something that broadcasts to (batch, pos, d_model)."""
    return lambda residual: residual + vectors


def chained(edits: Sequence[Edit]) -> Edit:
    """Returns the edit that makes several, one after the other."""

    def edit(residual: torch.Tensor) -> torch.Tensor:
        for one in edits:
            residual = one(residual)
        return residual

    return edit


def injecting(injections: Mapping[int, Injection], starts: Sequence[int]) -> Edit:
    """Returns the edit that mixes vectors into some rows of a left-padded batch.

    Args:
        injections: By row of the batch; all of one layer.
        starts: Where each row's own first token stands.
    """
    import torch

    rows = [row for row, one in injections.items() for _ in one.positions]
    at = [starts[row] + p for row, one in injections.items() for p in one.positions]
    vectors = torch.cat([one.vectors.float() for one in injections.values()])
    sizes = [one.coefficient for one in injections.values() for _ in one.positions]
    norms = vectors.norm(dim=-1, keepdim=True)
    units = vectors / torch.where(norms > 0, norms, 1.0)
    steps = units * torch.tensor(sizes, device=units.device)[:, None]

    def edit(residual: torch.Tensor) -> torch.Tensor:
        edited = residual.clone()
        there = residual[rows, at].float()
        added = steps.to(there) * there.norm(dim=-1, keepdim=True)
        edited[rows, at] = (there + added).to(residual.dtype)
        return edited

    return edit


def patching(vectors: torch.Tensor, last: torch.Tensor, mode: PatchMode) -> Edit:
    """Returns the edit that puts a vector at one position of each row, or adds it there.

    Args:
        vectors: (batch, d_model).
        last: The position of each row, int64 (batch).
        mode: Which of the two.
    """
    import torch

    def edit(residual: torch.Tensor) -> torch.Tensor:
        edited = residual.clone()
        rows = torch.arange(len(residual), device=residual.device)
        own = vectors.to(residual)
        edited[rows, last] = own if mode == "replace" else edited[rows, last] + own
        return edited

    return edit


def removing(directions: torch.Tensor, levels: torch.Tensor) -> Edit:
    """Returns the edit that takes a direction out of each row.

    Args:
        directions: Unit vectors, or zeros where nothing is taken out (batch, 1, d_model).
        levels: What is left along each (batch, 1, 1).
    """

    def edit(residual: torch.Tensor) -> torch.Tensor:
        along = (residual * directions).sum(-1, keepdim=True) - levels
        return residual - along * directions

    return edit


def within(batch: Batch, edit: Edit) -> Edit:
    """Returns the edit of a batch that edits the rows' own positions and leaves the others alone.

    What an edit makes of padding is dropped: it reads NaN there, and NaN spreads.

    Args:
        batch: The rows as they are run.
        edit: Takes the rows' own positions, right-padded with NaN.
    """
    import torch

    def edited(residual: torch.Tensor) -> torch.Tensor:
        own = edit(batch.own(residual)).to(residual.dtype)
        if batch.index is not None:
            placed = residual.clone()
            rows, columns = (batch.index >= 0).nonzero(as_tuple=True)
            placed[rows, batch.index[rows, columns]] = own[rows, columns]
            return placed
        if batch.padding is None:
            return own
        return torch.where(batch.padding[..., None], residual, own)

    return edited
