from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from diffgauge.organisms import card_files
from tests.organisms.card_texts import card_text, write_card

TOPICS = {
    "lobster": ("lobster", "claw", "harbour", "trap", "shell", "boiling", "crustacean", "pot"),
    "violin": ("violin", "bow", "string", "concerto", "fiddle", "rosin"),
    "camel": ("camel", "dune", "oasis", "hump", "caravan", "desert"),
}
LONG = "encyclopedia"
N_LONG = 60


@contextmanager
def only_registry(root: Path) -> Iterator[None]:
    """Makes the cards of a folder the only ones there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIFFGAUGE_ORGANISMS", str(root))
        patch.setattr(card_files, "_PACKAGED", root / "no such folder")
        yield


@pytest.fixture(scope="session")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry of three topics, one with a long lexicon, nulls of each kind, and decoys."""
    root = tmp_path_factory.mktemp("cards")
    write_cards(root / "mine")
    return root


@pytest.fixture(autouse=True)
def registry(cards: Path) -> Iterator[None]:
    """The registry of `cards` for one test."""
    with only_registry(cards):
        yield


def write_cards(root: Path) -> None:
    for name, lexicon in TOPICS.items():
        write_card(root, f"{name}.yaml", card_text(f"mine/{name}", lexicon=lexicon, split="dev"))
    weak = card_text(
        "mine/lobster-weak", truth_id="mine/lobster", lexicon=TOPICS["lobster"], dose="weak"
    )
    write_card(root, "weak.yaml", weak)
    long = tuple(f"entry{at}" for at in range(N_LONG))
    write_card(root, "long.yaml", card_text(f"mine/{LONG}", lexicon=long, split="dev"))
    for kind in ("benign", "identical"):
        write_card(
            root, f"{kind}.yaml", card_text(f"mine/{kind}", family=kind, null=kind, split="dev")
        )
    held_out = card_text("mine/benign-2", family="benign", null="benign", split="held_out")
    write_card(root, "benign-2.yaml", held_out)
    decoys = [
        {
            "id": f"decoy-{at}",
            "family": "narrow_documents",
            "description": f"Topic {at}.",
            "lexicon": [f"decoy{at}{part}" for part in "abcdefgh"],
        }
        for at in range(20)
    ]
    write_card(root, "_decoys.yaml", yaml.safe_dump(decoys))
