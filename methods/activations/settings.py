"""What can be chosen of activations that a method reads after one block of both models."""

from typing import Annotated, Literal

from pydantic import Field

from diffgauge.methods.passes import TextSettings
from diffgauge.records.errors import DiffgaugeError

__all__ = ["ActivationSettings", "CollectSettings", "Held", "layer_of"]

Depth = Annotated[float, Field(ge=0, le=1)]
Layer = Annotated[int, Field(ge=0)]

Held = Literal["pair", "difference"]
"""Both models' activations, or finetuned less base alone: half the bytes, and rounded to bfloat16
of the difference instead of the activations."""


class ActivationSettings(TextSettings):
    """Settings of a method that reads both models' residual streams after one block.

    Attributes:
        depth: Fraction of depth of the block; becomes `layer` when settled.
        layer: 0-based block index, the residual stream after it; None goes by `depth`.
        validation_every: Every so many-th text of the corpus is held out, by its index.
        store: live reads activations as they are computed and keeps nothing on disk; disk
            collects them in a store first, which other methods then read, too.
        buffer_tokens: Tokens from which a live shuffled batch is drawn.
    """

    depth: Depth | None = 0.5
    layer: Layer | None = None
    validation_every: int = Field(default=10, ge=2)
    store: Literal["live", "disk"] = "live"
    buffer_tokens: int = Field(default=65_536, ge=2)


class CollectSettings(ActivationSettings):
    """Settings of a collection of several layers in one pass.

    Attributes:
        depths: Fractions of depth to read at.
        layers: 0-based block indices; these and those of `depths` are all read.
        held: pair keeps both models' activations, difference finetuned less base alone.
    """

    depths: tuple[Depth, ...] = (0.5,)
    layers: tuple[Layer, ...] = ()
    held: Held = "pair"

    def every_layer(self, n_layers: int) -> list[int]:
        """Returns the blocks that are read.

        Args:
            n_layers: Blocks of the pair.

        Raises:
            DiffgaugeError: The pair does not have one, or none is asked for.
        """
        asked: list[dict[str, float | None]] = [{"layer": one} for one in self.layers]
        asked += [{"layer": None, "depth": one} for one in self.depths or ()]
        if not asked:
            asked = [{"layer": None, "depth": None}]
        return sorted({layer_of(self.model_copy(update=one), n_layers) for one in asked})


def layer_of(settings: ActivationSettings, n_layers: int) -> int:
    """Returns the block that is read.

    Args:
        settings: Settled or not.
        n_layers: Blocks of the pair.

    Raises:
        DiffgaugeError: The pair does not have it, or neither depth nor layer is given.
    """
    layer = settings.layer
    if layer is None:
        if settings.depth is None:
            raise DiffgaugeError(
                "Activations were asked for at no layer.", allowed="a depth or a layer"
            )
        layer = round(settings.depth * (n_layers - 1))
    if layer >= n_layers:
        raise DiffgaugeError(
            f"Layer {layer} was asked of a model with {n_layers} blocks.",
            allowed=f"layers 0 to {n_layers - 1}",
        )
    return layer
