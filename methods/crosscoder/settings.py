"""What can be chosen of the crosscoder."""

from typing import Annotated

from pydantic import Field

from diffgauge.methods.dictionaries.settings import DictionarySettings
from diffgauge.methods.dictionaries.trainer import Plan

__all__ = ["CrosscoderSettings"]

_ANNEALED_FROM = 4


class CrosscoderSettings(DictionarySettings):
    """Settings of the crosscoder.

    Attributes:
        expansion: Latents for each entry of one model's residual stream.
        k_start: Latents that fire on a token when training starts; None is four times `k`, and at
            most all of them.
        anneal_share: Share of the training in which it falls to `k`.
        dedicated_share: Share of the latents that only the base can use, and as many that only
            the finetuned model can; 0 leaves all of them to both.
    """

    expansion: int = Field(default=32, ge=1)
    k_start: Annotated[int, Field(ge=1)] | None = None
    anneal_share: float = Field(default=0.3, ge=0, le=1)
    dedicated_share: float = Field(default=0.0, ge=0, le=0.5)

    def plan(self, d_model: int, n_tokens: int, least_steps: int) -> Plan:
        """Returns the training in numbers. See `DictionarySettings.plan`."""
        plan = super().plan(d_model, n_tokens, least_steps)
        return plan.model_copy(
            update={
                "k_start": self.k_start or min(_ANNEALED_FROM * plan.k, plan.n_latents),
                "anneal_share": self.anneal_share,
                "n_dedicated": round(self.dedicated_share * plan.n_latents),
            }
        )
