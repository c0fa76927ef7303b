"""A sparse autoencoder of differences, as a method."""

from typing import Any, ClassVar

from diffgauge.methods.activations.moments import Moments
from diffgauge.methods.dictionaries.dictionary import Dictionary
from diffgauge.methods.dictionaries.inputs import Input, difference_input, orientation
from diffgauge.methods.dictionaries.method import DictionaryMethod, Latents
from diffgauge.methods.dictionaries.settings import DictionarySettings
from diffgauge.methods.dictionaries.specificity import (
    DEAD,
    OWN,
    OWN_FROM,
    SHARED,
    relative_norms,
)
from diffgauge.methods.dictionaries.survey import Survey
from diffgauge.methods.dictionaries.table import chosen_latents, rows_of
from diffgauge.methods.dictionaries.view import SIGNED
from diffgauge.methods.trial import Trial
from diffgauge.records.subjects import SIDES

__all__ = ["SAEDifference"]


class SAEDifference(DictionaryMethod):
    """Latents of the difference between both models' activations.

    Source: diffing-toolkit, method SAE difference (BatchTopK SAE, expansion 2, k = 100, on
        normalised differences); latent scaling of arXiv 2504.02922.
    Differs: differences are taken with the sign that makes the largest entry of their mean
        positive, so that exchanging the models mirrors every result to the bit; k a quarter of
        the width where that is less; latents are one model's own where latent scaling finds at
        most a fifth of their direction in the other model's activations.
    """

    name: ClassVar[str] = "sae_difference"
    version: ClassVar[int] = 1
    least_steps: ClassVar[int] = 1000
    n_sides: ClassVar[int] = 1
    trial: ClassVar[Trial] = Trial(
        settings={
            "depth": 1.0,
            "n_texts": 40,
            "n_steps": 100,
            "step_tokens": 256,
            "k": 16,
            "expansion": 1,
            "kept_latents": 5,
        }
    )

    def made(self, moments: Moments, settings: DictionarySettings) -> Input:
        """Returns differences. A published dictionary's are finetuned less base."""
        return difference_input(moments, self._sign(moments, settings))

    def latents(
        self, dictionary: Dictionary, survey: Survey, moments: Moments, settings: DictionarySettings
    ) -> Latents:
        """Returns the latents' numbers, and which of them are listed."""
        sign = self._sign(moments, settings)
        alive = survey.fired > 0
        # Toward the base the vector points the other way.
        toward_base, toward_finetuned = reversed(sign * survey.gains())
        gains = {"base": -toward_base, "finetuned": toward_finetuned}
        specificity = {
            "base": 1 - relative_norms(toward_base.abs()),
            "finetuned": relative_norms(toward_finetuned.abs()),
        }
        effect = survey.squares / (moments.n * self.made(moments, settings).variance)
        rate = survey.fired / survey.n_tokens
        listed = chosen_latents(
            [effect, rate, *specificity.values()], survey.fired, settings.kept_latents
        )
        own = {side: specificity[side] > OWN_FROM for side in SIDES}
        owned = own["base"] | own["finetuned"]
        kinds = [
            DEAD if not lives else OWN if one else SHARED
            for lives, one in zip(alive.tolist(), owned.tolist(), strict=True)
        ]
        numbers: dict[str, Any] = {
            "rate": rate,
            "peak": survey.exemplars.values[:, 0].double(),
            "effect": effect,
            "kind": kinds,
            "rejected": [False] * dictionary.n_latents,
        }
        for side in SIDES:
            numbers[f"own_{side}"] = own[side]
            numbers[f"specificity_{side}"] = specificity[side]
            for model, gain in zip(SIDES, gains[side], strict=True):
                numbers[f"{model}_toward_{side}"] = gain
        toward = sign * dictionary.decoder[0, listed]
        return Latents(
            numbers=rows_of(numbers),
            listed=listed,
            vectors={"base": -toward, "finetuned": toward},
            facts={SIGNED: sign, "own": float(owned.sum())},
        )

    def _sign(self, moments: Moments, settings: DictionarySettings) -> float:
        return 1.0 if settings.dictionary is not None else orientation(moments)
