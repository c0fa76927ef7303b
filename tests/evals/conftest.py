"""A small registry of organisms on random weights, and runs on it; made once, changed by none."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from diffgauge.models.pool import PairPool
from diffgauge.organisms import card_files
from tests.evals.runs import STANDS_IN, Registry, made_registry
from tests.organisms.card_texts import card_text, write_card

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def registry_folder(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return made_registry(tmp_path_factory.mktemp("registry"))


@pytest.fixture
def registry(
    registry_folder: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Registry:
    """The registry as the only one there is, with an empty cache of artifacts."""
    monkeypatch.setenv("DIFFGAUGE_ORGANISMS", str(registry_folder.cards))
    monkeypatch.setenv("DIFFGAUGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(card_files, "_PACKAGED", tmp_path / "no such folder")
    monkeypatch.chdir(tmp_path)
    return registry_folder


@pytest.fixture
def two_families(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """The registry with an organism of another family, so that there are shams."""
    cards = tmp_path / "two families"
    shutil.copytree(registry.cards, cards)
    folders = {name: str(registry.weights / f"{name}folder") for name in ("plain", "planted")}
    pair = {"kind": "full", "base": folders["plain"], "finetuned": folders["planted"]}
    write_card(
        cards / "tiny",
        "lamp-seven.yaml",
        card_text(STANDS_IN, family="taboo", lexicon=("lamp",), split="dev", pair=pair),
    )
    monkeypatch.setenv("DIFFGAUGE_ORGANISMS", str(cards))
    return replace(registry, cards=cards)


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[PairPool]:
    """A pool of the test's own that holds one pair."""
    own = PairPool(capacity=1)
    monkeypatch.setattr("diffgauge.evals.lease.pool", lambda: own)
    yield own
    own.clear()
