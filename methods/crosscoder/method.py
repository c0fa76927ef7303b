"""The crosscoder as a method."""

from typing import ClassVar, Final

from diffgauge.methods.activations.moments import Moments
from diffgauge.methods.crosscoder.settings import CrosscoderSettings
from diffgauge.methods.dictionaries.dictionary import Dictionary
from diffgauge.methods.dictionaries.inputs import Input, paired_input
from diffgauge.methods.dictionaries.method import DictionaryMethod, Latents
from diffgauge.methods.dictionaries.settings import DictionarySettings
from diffgauge.methods.dictionaries.specificity import belonging
from diffgauge.methods.dictionaries.survey import Scaled, Survey
from diffgauge.methods.dictionaries.table import chosen_latents, rows_of
from diffgauge.methods.method import MethodSettings
from diffgauge.methods.trial import Trial
from diffgauge.records.subjects import SIDES

__all__ = ["Crosscoder"]

_SCALED: Final[tuple[Scaled, ...]] = ("error", "reconstruction")


class Crosscoder(DictionaryMethod):
    """Common latents of both models, and those that are one model's own.

    Source: arXiv 2504.02922 (BatchTopK crosscoder, relative decoder norm, latent scaling);
        dedicated sections arXiv 2602.11729.
    Differs: the relative norm is 1 for the finetuned model's own latents (published code: 0);
        latent scaling is asked of both models' own latents; tokens are those of what a latent
        writes in one model beyond the other; k a quarter of the width where that
        is less than 100. Exchanging the models mirrors every result, to the bit where no section
        is dedicated.
    """

    name: ClassVar[str] = "crosscoder"
    version: ClassVar[int] = 1
    settings: ClassVar[type[MethodSettings]] = CrosscoderSettings
    least_steps: ClassVar[int] = 600
    n_sides: ClassVar[int] = 2
    trial: ClassVar[Trial] = Trial(
        settings={
            "depth": 1.0,
            "n_texts": 40,
            "n_steps": 100,
            "step_tokens": 256,
            "k": 16,
            "expansion": 2,
            "kept_latents": 5,
        }
    )

    def made(self, moments: Moments, settings: DictionarySettings) -> Input:
        """Returns both models' activations."""
        return paired_input(moments)

    def latents(
        self, dictionary: Dictionary, survey: Survey, moments: Moments, settings: DictionarySettings
    ) -> Latents:
        """Returns the latents' numbers, and which of them are listed."""
        norms = dictionary.norms()
        found = belonging(norms, survey.fired, [survey.scaling(of) for of in _SCALED])
        apart = (dictionary.decoder[1] - dictionary.decoder[0]).double().square().sum(-1)
        carried = survey.squares * apart
        effect = carried / carried.sum().clamp(min=1e-300)
        rate = survey.fired / survey.n_tokens
        more = found.relative - 0.5
        orders = [effect * (more > 0), effect * (more < 0), rate, more, -more]
        listed = chosen_latents(orders, survey.fired, settings.kept_latents)
        numbers = {
            "specificity_base": 1 - found.relative,
            "specificity_finetuned": found.relative,
            "rate": rate,
            "peak": survey.exemplars.values[:, 0].double(),
            "effect": effect,
            "kind": found.kinds,
            "rejected": found.rejected,
        }
        for own, side in enumerate(SIDES):
            numbers[f"own_{side}"] = found.own[own]
            numbers |= {f"{SIDES[at]}_toward_{side}": norms[at].double() for at in range(2)}
            for x, of in enumerate(_SCALED):
                numbers[f"{of}_{side}"] = found.ratios[own, x]
        n_own = int(found.own.sum())
        n_rejected = int(found.rejected.sum())
        beyond = (dictionary.decoder[1] - dictionary.decoder[0])[listed]
        facts = {"own": float(n_own - n_rejected), "rejected": float(n_rejected)}
        return Latents(rows_of(numbers), listed, {"base": -beyond, "finetuned": beyond}, facts)
