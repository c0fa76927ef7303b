"""What can be chosen of a method that trains a dictionary."""

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from diffgauge.methods.activations.settings import ActivationSettings, layer_of
from diffgauge.methods.dictionaries.trainer import Plan
from diffgauge.methods.method import MethodSettings
from diffgauge.records.errors import DiffgaugeError

__all__ = ["DictionarySettings"]

_LARGE_K = 100
_WIDTHS_OF_K = 4
_LARGE_DEAD = 10_000_000
_SMALL_DEAD_SHARE = 0.1


class DictionarySettings(MethodSettings):
    """Settings of a method that trains a dictionary on one block's activations.

    Attributes:
        n_tokens: A text is cut after so many tokens.
        min_tokens: Texts that have fewer are dropped and counted.
        skip_positions: First positions of each text that are left out.
        depth: Fraction of depth of the block; becomes `layer` when settled.
        layer: 0-based block index, the residual stream after it; None goes by `depth`.
        validation_every: Every so many-th text is held out, by its index in the corpus.
        store: live reads activations as they are computed; disk collects them in a store first.
            What fits into memory is read once either way.
        buffer_tokens: Tokens from which a live shuffled batch is drawn, where they do not fit.
        expansion: Latents for each entry of the residual stream.
        k: Latents that fire on a token, on average; None is 100, or a quarter of the residual
            stream's width where that is less.
        n_steps: Training steps; None is a number for small corpora, or as many as read every
            token once where those are more.
        step_tokens: Tokens in a step.
        learning_rate: Of Adam; None goes by the number of latents.
        aux_weight: Weight of the loss that revives dead latents.
        n_exemplars: Passages kept of a latent.
        kept_latents: Latents of which passages and tokens are kept, in each order; all others
            keep their numbers.
        lens_tokens: Tokens kept of a latent, for each direction.
        n_prompts: Open prompts kept for steering calls that give none.
        max_new_tokens: Longest reply under steering.
        dictionary: Folder of a published dictionary that is read in the place of training; None
            trains one.
    """

    n_tokens: int = Field(default=128, ge=2)
    min_tokens: int = Field(default=8, ge=2)
    skip_positions: int = Field(default=1, ge=0)
    depth: Annotated[float, Field(ge=0, le=1)] | None = 0.5
    layer: Annotated[int, Field(ge=0)] | None = None
    validation_every: int = Field(default=10, ge=2)
    store: Literal["live", "disk"] = "live"
    buffer_tokens: int = Field(default=65_536, ge=2)
    expansion: int = Field(default=2, ge=1)
    k: Annotated[int, Field(ge=1)] | None = None
    n_steps: Annotated[int, Field(ge=1)] | None = None
    step_tokens: int = Field(default=1024, ge=1)
    learning_rate: Annotated[float, Field(gt=0)] | None = None
    aux_weight: float = Field(default=1 / 32, ge=0)
    n_exemplars: int = Field(default=5, ge=1, le=20)
    kept_latents: int = Field(default=20, ge=1)
    lens_tokens: int = Field(default=10, ge=1, le=100)
    n_prompts: int = Field(default=2, ge=1)
    max_new_tokens: int = Field(default=32, ge=1)
    dictionary: Path | None = None

    def activations(self) -> ActivationSettings:
        """Returns how activations are read; texts are run 32 at a time."""
        names = ActivationSettings.model_fields.keys() & type(self).model_fields.keys()
        return ActivationSettings(**{name: getattr(self, name) for name in names})

    def fixed(self, n_layers: int) -> "DictionarySettings":
        """Returns these settings with the depth fixed as a block index.

        Raises:
            DiffgaugeError: The pair does not have the block, or lengths do not go together.
        """
        if self.dictionary is not None and not self.dictionary.is_dir():
            raise DiffgaugeError(
                f"There is no folder {str(self.dictionary)!r}, from which a dictionary was to be "
                "read.",
                allowed="a folder that holds one",
            )
        layer = layer_of(self.activations(), n_layers)
        return self.model_copy(update={"layer": layer, "depth": None})

    def plan(self, d_model: int, n_tokens: int, least_steps: int) -> Plan:
        """Returns the training in numbers.

        Args:
            d_model: Width of the residual stream.
            n_tokens: Tokens of the training part.
            least_steps: Taken where `n_steps` is None and every token is read once sooner.
        """
        n_latents = self.expansion * d_model
        n_steps = self.n_steps or max(least_steps, math.ceil(n_tokens / self.step_tokens))
        seen = n_steps * self.step_tokens
        return Plan(
            n_latents=n_latents,
            k=self.k or max(1, min(_LARGE_K, d_model // _WIDTHS_OF_K)),
            n_steps=n_steps,
            step_tokens=self.step_tokens,
            learning_rate=self.learning_rate or _rate(n_latents),
            dead_tokens=max(1, min(_LARGE_DEAD, round(_SMALL_DEAD_SHARE * seen))),
            aux_weight=self.aux_weight,
        )


def _rate(n_latents: int) -> float:
    """Published for dictionaries of 2**14 latents, with the square root of the number below it."""
    return 2e-4 * math.sqrt(2**14 / n_latents)
