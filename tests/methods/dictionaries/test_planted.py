"""A direction planted in one model is found; what only looks like one is told apart."""

import pytest
import torch
from torch import Tensor

from diffgauge.methods.dictionaries.dictionary import Dictionary
from diffgauge.methods.dictionaries.held import HeldActivations
from diffgauge.methods.dictionaries.inputs import Input, difference_input, orientation, paired_input
from diffgauge.methods.dictionaries.specificity import OWN, Belonging, belonging, relative_norms
from diffgauge.methods.dictionaries.survey import Survey
from diffgauge.methods.dictionaries.trainer import Plan, train
from tests.methods.dictionaries.synthetic import directions, fires, held, planted, shared

pytestmark = pytest.mark.unit

CROSSCODER = Plan(
    n_latents=64,
    k=4,
    k_start=12,
    n_steps=300,
    step_tokens=128,
    learning_rate=5e-3,
    dead_tokens=5000,
)


def surveyed(source: HeldActivations, made: Input, dictionary: Dictionary) -> Survey:
    moments = source.moments()
    means = torch.stack([moments.mean("base"), moments.mean("finetuned")])
    survey = Survey(dictionary, made, means, 3)
    for block in source.in_order("train"):
        survey.add(block)
    return survey


def crosscoder(source: HeldActivations) -> tuple[Dictionary, Input]:
    made = paired_input(source.moments())
    return train(source, made, CROSSCODER, 0).dictionary, made


def belongings(source: HeldActivations, made: Input, dictionary: Dictionary) -> Belonging:
    survey = surveyed(source, made, dictionary)
    scalings = [survey.scaling("error"), survey.scaling("reconstruction")]
    return belonging(dictionary.norms(), survey.fired, scalings)


def cosines(vectors: Tensor, of: Tensor) -> Tensor:
    return torch.nn.functional.normalize(vectors, eps=1e-9) @ of


@pytest.fixture(scope="module")
def found() -> tuple[HeldActivations, Dictionary, Input]:
    """A pair with one direction more in the finetuned model, and a crosscoder of it."""
    source, _ = planted()
    return source, *crosscoder(source)


def test_an_sae_of_differences_has_a_latent_for_it() -> None:
    # Beside it, the finetuned model has drifted along eight other directions.
    n, new = 8192, directions(1, seed=99)[0]
    both, drift = shared(n), fires(n, 8, 0.1, seed=6) @ directions(8, seed=50)
    source = held(both, both + drift + fires(n, 1, 0.1, seed=5) * new)
    moments = source.moments()
    sign = orientation(moments)
    plan = CROSSCODER.model_copy(update={"n_latents": 24, "k": 1, "k_start": None})
    made = train(source, difference_input(moments, sign), plan, 0).dictionary
    survey = surveyed(source, difference_input(moments, sign), made)
    alike = torch.where(survey.fired > 0, cosines(sign * made.decoder[0], new), 0)
    best = int(alike.argmax())
    assert alike[best] > 0.9
    # Where it fires, the base is as it is on average, and the finetuned model is not.
    lacking_base = survey.gains()[0, :, best] * sign
    assert abs(float(lacking_base[0])) < 0.2
    assert float(lacking_base[1]) == pytest.approx(1.0, abs=0.2)


def test_a_crosscoder_has_a_latent_of_its_own_that_scaling_leaves_alone(
    found: tuple[HeldActivations, Dictionary, Input],
) -> None:
    source, dictionary, made = found
    said = belongings(source, made, dictionary)
    kept = said.own[1] & ~said.rejected
    assert (cosines(dictionary.decoder[1], directions(1, seed=99)[0])[kept] > 0.9).any()
    assert not said.own[0].any()


def test_one_model_twice_has_no_latent_of_its_own() -> None:
    both = shared(8192)
    source = held(both, both)
    dictionary, made = crosscoder(source)
    found = belongings(source, made, dictionary)
    assert OWN not in found.kinds
    assert set(found.relative[found.relative.isfinite()].tolist()) == {0.5}


def test_a_shared_direction_rare_on_one_side_is_rejected_by_scaling_alone() -> None:
    # In training the base has the direction at 2 % of the tokens at which the finetuned model has
    # it, on the texts that are read at all of them.
    n, new = 8192, directions(1, seed=99)[0]
    both, active = shared(n), fires(n, 1, 0.1, seed=5)
    seldom = torch.rand(n, 1, generator=torch.Generator().manual_seed(8)) < 0.02
    rare = held(both + seldom * active * new, both + active * new)
    dictionary, made = crosscoder(rare)
    by_norm = relative_norms(dictionary.norms())
    suspect = (by_norm > 0.9) & (cosines(dictionary.decoder[1], new) > 0.9)
    assert suspect.any(), "by its norms the direction is the finetuned model's own"
    alike = belongings(held(both + active * new, both + active * new), made, dictionary)
    assert alike.rejected[suspect].all()
    truly = belongings(held(both, both + active * new), made, dictionary)
    assert not truly.rejected[suspect].any()


def test_two_latents_for_one_shared_direction_are_rejected() -> None:
    # Each model has a latent of its own for it, which fires at the same tokens.
    new = directions(1, seed=99)[0]
    n, active = 2048, fires(2048, 1, 0.2, seed=5)
    x = active * new
    zero, half = torch.zeros(24), new / 2
    dictionary = Dictionary(
        encoder=torch.stack([torch.stack([half, half])] * 2),
        encoder_bias=torch.zeros(2),
        decoder=torch.stack([torch.stack([new, zero]), torch.stack([zero, new])]),
        decoder_bias=torch.zeros(2, 24),
        threshold=torch.zeros(2),
    )
    source = held(x, x)
    found = belongings(source, paired_input(held(x, x + 1e-3 * shared(n)).moments()), dictionary)
    assert found.kinds == [OWN, OWN]
    assert found.rejected.all()
    # The error alone does not show it: the other latent explains what the base has.
    error, reconstruction = found.ratios[1, :, 1]
    assert abs(float(error)) < 1e-4
    assert float(reconstruction) == pytest.approx(1.0)


def test_scaling_is_the_factor_that_fits_best(
    found: tuple[HeldActivations, Dictionary, Input],
) -> None:
    source, dictionary, made = found
    survey = surveyed(source, made, dictionary)
    x = torch.cat([made.sides(block.activations) for block in source.in_order("train")])
    codes = dictionary.encode(x)
    left = (x - dictionary.decode(codes)).double()
    beta = survey.scaling("error")
    for latent in survey.fired.argsort(descending=True)[:3].tolist():
        at = codes.latents == latent
        f = torch.zeros(len(x)).index_add_(0, codes.rows[at], codes.values[at]).double()
        for own, vector in enumerate(dictionary.decoder[:, latent].double()):
            regressor = torch.outer(f, vector).flatten()[:, None]
            for model in (0, 1):
                back = torch.outer(f, dictionary.decoder[model, latent].double())
                target = (left[:, model] + back).flatten()[:, None]
                best = torch.linalg.lstsq(regressor, target).solution[0, 0]
                torch.testing.assert_close(beta[own, model, latent], best, rtol=1e-4, atol=1e-5)


def test_exemplars_are_the_largest_one_for_each_text(
    found: tuple[HeldActivations, Dictionary, Input],
) -> None:
    source, dictionary, made = found
    survey = surveyed(source, made, dictionary)
    latent = int(survey.fired.argmax())
    largest: dict[int, tuple[float, int]] = {}
    for block in source.in_order("train"):
        codes = dictionary.encode(made.sides(block.activations))
        for row, which, value in zip(
            codes.rows.tolist(), codes.latents.tolist(), codes.values.tolist(), strict=True
        ):
            text = int(block.text_index[row])
            if which == latent and value > largest.get(text, (0.0, 0))[0]:
                largest[text] = (value, int(block.position[row]))
    best = sorted(largest.items(), key=lambda one: -one[1][0])[:3]
    exemplars = survey.exemplars
    assert exemplars.texts[latent].tolist() == [text for text, _ in best]
    assert exemplars.positions[latent].tolist() == [position for _, (_, position) in best]
    assert set(exemplars.texts[latent].tolist()) <= exemplars.ids.keys()
