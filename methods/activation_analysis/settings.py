"""What can be chosen of the activation analysis."""

from pydantic import Field

from diffgauge.methods.activations.settings import ActivationSettings, layer_of

__all__ = ["AnalysisSettings"]


class AnalysisSettings(ActivationSettings):
    """Settings of the activation analysis.

    Attributes:
        top_positions: Positions kept of each part, in each order, those of the largest value.
        positions_per_text: At most so many of them from one text.
        position_tokens: Tokens kept that the difference at a kept position reads as, in either
            direction.
        lens_tokens: Tokens kept that the differences at all kept positions read as together.
        reserved_floor: Mean norm of the difference that equal weights give when they are served
            in another way, as a share of the activations' mean norm; 0 when not measured.
    """

    top_positions: int = Field(default=50, ge=1, le=500)
    positions_per_text: int = Field(default=2, ge=1)
    position_tokens: int = Field(default=5, ge=1, le=20)
    lens_tokens: int = Field(default=50, ge=1, le=1000)
    reserved_floor: float = Field(default=0.0, ge=0)

    def settled(self, n_layers: int) -> "AnalysisSettings":
        """Returns these settings with the depth fixed as a block index.

        Raises:
            DiffgaugeError: The pair lacks the layer, or lengths do not go together.
        """
        self.check_lengths("The activation analysis")
        return self.model_copy(update={"depth": None, "layer": layer_of(self, n_layers)})
