"""What can be chosen of weight amplification."""

from typing import Annotated

from pydantic import Field

from diffgauge.methods.method import MethodSettings
from diffgauge.models.amplification import Amplification, Modules
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.subjects import SIDES

__all__ = ["PLAIN", "PRESETS", "AmplificationSettings"]

PLAIN = 1.0
"""The factor at which a model is itself."""

PRESETS = (2.0, 2.5, 3.0, -1.0)
"""Factors with a name of their own; for both models together, -1 is what 2 is, exchanged."""

Layer = Annotated[int, Field(ge=0)]
Factor = Annotated[float, Field(ge=-8, le=8, allow_inf_nan=False)]


class AmplificationSettings(MethodSettings):
    """Settings of weight amplification. It reads no corpus: `corpus` and `n_texts` count nowhere.

    Attributes:
        factors: How far each model is moved: 1 is the model itself, 2 twice as far from the
            other model, 0 the other model.
        modules: Kind of modules whose weights are moved.
        layers: 0-based block indices of those; none is every block and, with ``all`` modules,
            what lies outside of the blocks.
        n_prompts: Open prompts that both models answer, unamplified and at every factor; 0
            samples nothing.
        max_new_tokens: Replies are cut after so many tokens.
        batch_replies: Replies sampled in one batch.
        kept_tokens: Tokens kept for each model and factor.
        smoothing: Expected occurrences added to a token on both sides of its log ratio.
        perplexity_factor: A reply is coherent up to so many times the perplexity of the model's
            unamplified replies (their 95th percentile), to the unamplified model itself.
        repetition_margin: And up to so much above the share of repeated three-token sequences.
        coherent_share: A factor at which fewer replies of a model are coherent is flagged.
    """

    factors: tuple[Factor, ...] = (2.0, 2.5, 3.0)
    modules: Modules = "all"
    layers: tuple[Layer, ...] = ()
    n_prompts: int = Field(default=20, ge=0)
    max_new_tokens: int = Field(default=32, ge=1)
    batch_replies: int = Field(default=64, ge=1)
    kept_tokens: int = Field(default=100, ge=1, le=1000)
    smoothing: float = Field(default=1.0, gt=0)
    perplexity_factor: float = Field(default=2.0, ge=1)
    repetition_margin: float = Field(default=0.2, ge=0)
    coherent_share: float = Field(default=0.75, ge=0, le=1)

    def settled(self, n_layers: int) -> "AmplificationSettings":
        """Returns settings that say everything; settling them again changes nothing.

        Args:
            n_layers: Blocks of the pair.

        Raises:
            DiffgaugeError: A layer the pair does not have, no factor, or one that changes nothing.
        """
        if unknown := [layer for layer in self.layers if layer >= n_layers]:
            raise DiffgaugeError(
                f"Layer {unknown[0]} was asked of a model with {n_layers} blocks.",
                allowed=f"layers 0 to {n_layers - 1}",
            )
        if not self.factors or PLAIN in self.factors or len(set(self.factors)) < len(self.factors):
            raise DiffgaugeError(
                f"The factors {', '.join(map('{:g}'.format, self.factors)) or '(none)'} were "
                "asked for; unamplified replies stand beside all of them anyway.",
                allowed="one factor or more, all different, none of them 1",
            )
        layers = tuple(sorted(set(self.layers)))
        return self.without_corpus().model_copy(update={"layers": layers})

    def at(self, factor: float) -> Amplification:
        """Returns the amplification of both models by one factor."""
        return Amplification(factor, self.layers or None, self.modules, SIDES)
