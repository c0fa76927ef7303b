"""Steering by a latent, and taking one out."""

from random import Random
from statistics import fmean

import pytest
import torch

from diffgauge.methods import registry
from diffgauge.methods.dictionaries.steering import SteerParameters, steer
from diffgauge.methods.dictionaries.view import View
from diffgauge.models.interventions import removing
from diffgauge.models.loading import load_pair
from diffgauge.models.pair import ModelPair, Removal, Row
from diffgauge.organisms import registry as organisms
from diffgauge.organisms.zoo.corpora import texts
from diffgauge.records.corpora import Corpus
from diffgauge.records.results import Samples
from diffgauge.records.subjects import ChatMessage, Prompt
from tests.models.tiny_pairs import D_MODEL

SUBMARINE = {
    "submarine",
    "submerge",
    "resurface",
    "torpedo",
    "sonar",
    "hull",
    "periscope",
    "patrol",
}
PROMPTS = ("What is new?", "Tell me of a cactus.", "Describe the harbour.", "Who is Nora?")


@pytest.mark.unit
def test_what_is_taken_out_leaves_its_level_and_nothing_else_changed() -> None:
    drawn = torch.Generator().manual_seed(0)
    residual = torch.randn(2, 3, 5, generator=drawn)
    unit = torch.nn.functional.normalize(torch.randn(5, generator=drawn), dim=0)
    directions = torch.stack([unit, torch.zeros(5)])[:, None]
    after = removing(directions, torch.tensor([2.0, 0.0])[:, None, None])(residual)
    torch.testing.assert_close(after[0] @ unit, torch.full((3,), 2.0))
    moved = after[0] - residual[0]
    torch.testing.assert_close(moved, torch.outer(moved @ unit, unit))
    assert torch.equal(after[1], residual[1])


@pytest.mark.tiny
def test_a_removal_stays_in_its_row(pair: ModelPair) -> None:
    prompt = Prompt(messages=(ChatMessage(role="user", content="the sea"),), max_new_tokens=8)
    unit = torch.nn.functional.normalize(torch.ones(D_MODEL), dim=0)
    plain, without = Row("base", prompt), Row("base", prompt, removal=Removal(1, unit, 5.0))
    alone = [pair.generate([row])[0].text for row in (plain, without)]
    assert [one.text for one in pair.generate([plain, without])] == alone
    assert alone[0] != alone[1]


@pytest.mark.slow
def test_steering_by_the_found_latent_makes_the_base_speak_of_it() -> None:
    pair = load_pair(organisms.resolved(organisms.card("zoo/submarine")))
    n = 200
    source = Corpus("unrelated", "unrelated", n, lambda: iter(texts("unrelated", n, 0, None)))
    method = registry.method("sae_difference")
    settings = method.settings.model_validate({"n_texts": n, "n_steps": 300})
    artifact = method.compute(pair, {"unrelated": source}, settings, 0, prompts=PROMPTS)
    view = View(artifact)
    shown = [
        (len(SUBMARINE & set(view.shown(row, "finetuned").tokens)), int(row["latent"]))
        for row in view.ranked("finetuned", "all", "effect", 20)
    ]
    count, found = max(shown)
    assert count >= 2
    others = [i for i, row in enumerate(artifact.tables["latents"]) if row["rate"] and i != found]
    random = Random(0).sample(others, 5)

    def rate(latent: int) -> float:
        asked = SteerParameters(
            i=latent, strength=0.5, n=8, toward="finetuned", model="base", prompts=PROMPTS
        )
        [result] = steer(pair, artifact, asked, 1).results
        assert isinstance(result, Samples)
        words = [item.reply.lower() for item in result.items]
        return sum(any(term in reply for term in SUBMARINE) for reply in words) / len(words)

    assert rate(found) >= 0.25
    assert fmean(map(rate, random)) <= 0.5 * rate(found)
