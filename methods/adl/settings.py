"""What can be chosen of the Activation Difference Lens, and the slots that follow from it."""

from typing import Annotated

from pydantic import Field

from diffgauge.methods.method import MethodSettings
from diffgauge.records.errors import DiffgaugeError

__all__ = ["ADLSettings", "Slot", "slots"]

Depth = Annotated[float, Field(ge=0, le=1)]
Layer = Annotated[int, Field(ge=0)]
Strength = Annotated[float, Field(gt=0, le=8)]


class ADLSettings(MethodSettings):
    """Settings of ADL.

    Attributes:
        depths: Fractions of depth to read at; become `layers` when settled.
        layers: 0-based block indices, the residual stream after each; these and those of
            `depths` are all read.
        n_positions: First positions whose mean difference is kept, each alone and all but
            position 0 together.
        n_tokens: Tokens read of each text. Texts that have fewer are dropped and counted.
        norm_from: First position that counts for the expected residual norm (the first few
            have norms of their own).
        batch_texts: Texts in one forward pass.
        floor_errors: A mean difference is noise up to so many standard errors.
        reserved_floor: Norm of the mean difference that equal weights give when they are served
            in another way, as a share of the expected residual norm; 0 when not measured.
        lens_tokens: Tokens kept for each lens.
        strengths: Steering strengths, in expected residual norms along the unit difference.
        n_prompts: Open prompts sampled for the steered and unsteered replies; 0 samples none.
        max_new_tokens: Steered and unsteered replies are cut after so many tokens.
        batch_replies: Replies sampled in one batch.
    """

    depths: tuple[Depth, ...] = (0.5,)
    layers: tuple[Layer, ...] = ()
    n_positions: int = Field(default=5, ge=2, le=64)
    n_tokens: int = Field(default=64, ge=8)
    norm_from: int = Field(default=5, ge=1)
    batch_texts: int = Field(default=32, ge=1)
    floor_errors: float = Field(default=2.0, ge=0)
    reserved_floor: float = Field(default=0.0, ge=0)
    lens_tokens: int = Field(default=100, ge=1, le=1000)
    strengths: tuple[Strength, ...] = (0.5, 1.0)
    n_prompts: int = Field(default=20, ge=0)
    max_new_tokens: int = Field(default=32, ge=1)
    batch_replies: int = Field(default=64, ge=1)

    def settled(self, n_layers: int) -> "ADLSettings":
        """Returns these settings with every depth fixed as a block index.

        Args:
            n_layers: Blocks of the pair.

        Raises:
            DiffgaugeError: A layer the pair does not have, no layer at all, or texts read
                shorter than what is kept of them.
        """
        if unknown := [layer for layer in self.layers if layer >= n_layers]:
            raise DiffgaugeError(
                f"Layer {unknown[0]} was asked of a model with {n_layers} blocks.",
                allowed=f"layers 0 to {n_layers - 1}",
            )
        fixed = {round(depth * (n_layers - 1)) for depth in self.depths} | set(self.layers)
        if not fixed:
            raise DiffgaugeError(
                "ADL was asked to read at no layer.", allowed="at least one of depths or layers"
            )
        least = max(self.n_positions, self.norm_from + 1)
        if self.n_tokens < least:
            raise DiffgaugeError(
                f"ADL was asked to read {self.n_tokens} tokens of each text and to keep "
                f"{self.n_positions} positions with norms from position {self.norm_from}.",
                allowed=f"n_tokens of {least} or more",
            )
        return self.model_copy(update={"depths": (), "layers": tuple(sorted(fixed))})


class Slot(tuple[int, ...]):
    """Positions that are averaged within each text before texts are averaged."""

    @property
    def label(self) -> str:
        """Name in tables and tools: ``0`` for one position, ``1-4`` for a range."""
        return str(self[0]) if len(self) == 1 else f"{self[0]}-{self[-1]}"


def slots(settings: ADLSettings) -> list[Slot]:
    """Returns each kept position alone, then all but position 0 together."""
    alone = [Slot((position,)) for position in range(settings.n_positions)]
    return [*alone, Slot(range(1, settings.n_positions))] if settings.n_positions > 2 else alone
