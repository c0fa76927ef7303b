"""The whole of a method: where activations are read from, and latents of which none fires."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from diffgauge.methods import registry
from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.dictionaries import held
from diffgauge.methods.dictionaries.operations import OnTextsParameters, on_texts
from diffgauge.methods.dictionaries.view import View
from diffgauge.methods.method import Progress
from diffgauge.models.pair import ModelPair
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.results import FreeText, Latents, Scalars
from tests.methods.planted import PLANTED_LAYER, corpus
from tests.models.tiny_pairs import D_MODEL

pytestmark = pytest.mark.tiny

SMALL = {
    "n_texts": 24,
    "depth": None,
    "layer": PLANTED_LAYER,
    "expansion": 1,
    "k": 2,
    "n_steps": 60,
    "step_tokens": 64,
    "buffer_tokens": 200,
}
N_LATENTS = 10
Computed = Callable[..., Artifact]


class Killed(Exception):
    """Stands for the end of a process."""


@pytest.fixture
def computed(pair: ModelPair, empty_cache: Path) -> Computed:
    """Computes `sae_difference`, in a cache of its own."""
    method = registry.method("sae_difference")

    def compute(
        progress: Progress | None = None, work: Path | None = None, **more: Any
    ) -> Artifact:
        settings = method.settings.model_validate(SMALL | more)
        return method.compute(pair, {"unrelated": corpus()}, settings, 0, progress, work=work)

    return compute


@pytest.fixture
def too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Activations never fit into memory."""
    monkeypatch.setattr(held, "_MOST_BYTES", 0)


def best(artifact: Artifact) -> torch.Tensor:
    view = View(artifact)
    [row] = view.ranked("finetuned", "all", "effect", 1)
    return torch.nn.functional.normalize(view.vector(int(row["latent"]), "finetuned"), dim=0)


def test_memory_buffer_and_store_find_the_same_direction(
    computed: Computed, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [computed(store="live")]
    monkeypatch.setattr(held, "_MOST_BYTES", 0)
    found += [computed(store="live"), computed(store="disk")]
    facts = [View(one).facts for one in found]
    for other, artifact in zip(facts[1:], found[1:], strict=True):
        # The same tokens, in bfloat16 at the coarsest; their order in training is each one's own.
        assert other["tokens"] == facts[0]["tokens"]
        assert other["relative size"] == pytest.approx(facts[0]["relative size"], rel=2**-7)
        assert float(best(artifact) @ best(found[0])) > 0.95
    assert max(one.tables["curve"][-1]["unexplained"] for one in found) < 0.2


@pytest.mark.usefixtures("too_large")
def test_a_training_from_the_store_that_was_cut_off_ends_the_same(
    computed: Computed, tmp_path: Path
) -> None:
    whole = computed(store="disk")

    def kill(what: str, done: int, units: int) -> None:
        if what == "training steps" and done > 40:
            raise Killed

    with pytest.raises(Killed):
        computed(kill, tmp_path, store="disk")
    told = list[int]()

    def hear(what: str, done: int, units: int) -> None:
        if what == "training steps":
            told.append(done)

    again = computed(hear, tmp_path, store="disk")
    assert told[0] > 30, "the first steps were not made again"
    assert again.tables["curve"] == whole.tables["curve"]
    assert all(torch.equal(again.tensors[name], one) for name, one in whole.tensors.items())


def test_a_dictionary_of_which_nothing_fires_is_told_with_numbers(
    computed: Computed, pair: ModelPair, tmp_path: Path
) -> None:
    fields = {
        "encoder": torch.ones(1, N_LATENTS, D_MODEL),
        "encoder_bias": torch.zeros(N_LATENTS),
        "decoder": torch.ones(1, N_LATENTS, D_MODEL),
        "decoder_bias": torch.zeros(1, D_MODEL),
        "threshold": torch.full((N_LATENTS,), 1e9),
    }
    save_file(fields, tmp_path / "dictionary.safetensors")
    artifact = computed(dictionary=tmp_path)
    results = registry.method("sae_difference").overview(artifact)
    tokens = View(artifact).facts["tokens"]
    said = f"All {N_LATENTS} latents are dead: none fires on any of the {tokens:.0f} positions"
    [text] = [one.text for one in results if isinstance(one, FreeText)]
    assert said in text
    assert not any(isinstance(one, Latents) for one in results)
    [scalars] = [one for one in results if isinstance(one, Scalars)]
    assert [one.value for one in scalars.items if "never fire" in one.name] == [1.0]
    with pytest.raises(DiffgaugeError, match=said):
        on_texts(pair, artifact, OnTextsParameters(texts=("the sea",)), 0)
