"""Pairs and artifacts that several tests read; made once, changed by none."""

from pathlib import Path

import pytest
import torch

from diffgauge.methods import registry
from diffgauge.methods.adl.settings import ADLSettings
from diffgauge.methods.artifacts import Artifact
from diffgauge.models.pair import ModelPair
from tests.methods.planted import corpus, identical_pair, planted_pair

torch.set_num_threads(1)

SETTINGS = ADLSettings(
    n_texts=24, batch_texts=8, n_prompts=2, max_new_tokens=8, strengths=(0.5, 1.0)
)
PROMPTS = ("what is the sea", "tell me of a boat")


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> ModelPair:
    return planted_pair(tmp_path_factory.mktemp("pair"), 0.3)


@pytest.fixture(scope="session")
def swapped(tmp_path_factory: pytest.TempPathFactory) -> ModelPair:
    return planted_pair(tmp_path_factory.mktemp("swapped"), 0.3, swapped=True)


@pytest.fixture(scope="session")
def identical(tmp_path_factory: pytest.TempPathFactory) -> ModelPair:
    return identical_pair(tmp_path_factory.mktemp("identical"))


@pytest.fixture(scope="session")
def artifact(pair: ModelPair) -> Artifact:
    return made(pair)


@pytest.fixture(scope="session")
def nothing(identical: ModelPair) -> Artifact:
    return made(identical)


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DIFFGAUGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def made(pair: ModelPair, settings: ADLSettings = SETTINGS) -> Artifact:
    adl = registry.method("adl")
    return adl.compute(pair, {"unrelated": corpus()}, settings, 0, prompts=PROMPTS)
