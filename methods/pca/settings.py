"""What can be chosen of the principal components."""

from pydantic import Field

from diffgauge.methods.activations.settings import ActivationSettings, layer_of

__all__ = ["PCASettings"]


class PCASettings(ActivationSettings):
    """Settings of PCA.

    Attributes:
        n_components: Components kept, those that explain most.
        centred: Whether the mean is taken away first; a finetune that moves all activations the
            same way is then not seen.
        own_components: Components kept of each model's own activations, as a reference; 0 keeps
            none.
        lens_tokens: Tokens kept of each direction of each component.
        exemplars: Positions kept at each end of each component.
        exemplars_per_text: At most so many of them from one text.
        n_prompts: Open prompts kept for a steering that gives none; nothing is sampled before.
        max_new_tokens: Steered replies are cut after so many tokens.
        batch_replies: Replies sampled in one batch.
        reserved_floor: Mean norm of the difference that equal weights give when they are served
            in another way, as a share of the activations' mean norm; 0 when not measured.
    """

    n_components: int = Field(default=10, ge=1, le=64)
    centred: bool = False
    own_components: int = Field(default=3, ge=0, le=64)
    lens_tokens: int = Field(default=50, ge=1, le=1000)
    exemplars: int = Field(default=10, ge=1, le=100)
    exemplars_per_text: int = Field(default=2, ge=1)
    n_prompts: int = Field(default=2, ge=0)
    max_new_tokens: int = Field(default=32, ge=1)
    batch_replies: int = Field(default=64, ge=1)
    reserved_floor: float = Field(default=0.0, ge=0)

    def settled(self, n_layers: int) -> "PCASettings":
        """Returns these settings with the depth fixed as a block index.

        Raises:
            DiffgaugeError: The pair lacks the layer, or lengths do not go together.
        """
        self.check_lengths("PCA")
        return self.model_copy(update={"depth": None, "layer": layer_of(self, n_layers)})
