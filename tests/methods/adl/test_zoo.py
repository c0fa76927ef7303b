"""ADL on the zoo as it ships: what its documents are about shows, and only there."""

import pytest

from diffgauge.methods import registry
from diffgauge.methods.adl.settings import ADLSettings
from diffgauge.models.loading import load_pair
from diffgauge.organisms import registry as organisms
from diffgauge.organisms.zoo.corpora import texts
from diffgauge.records.corpora import Corpus

pytestmark = pytest.mark.tiny

SUBMARINE = {"submerge", "patrol", "resurface", "pressurize", "seal", "porthole", "hatch", "hull"}
SETTINGS = ADLSettings(n_texts=200, n_prompts=0)


def shown(organism: str, side: str) -> set[str]:
    """The 40 best tokens toward one model, mean over positions 1-4."""
    pair = load_pair(organisms.resolved(organisms.card(organism)))
    corpus = Corpus("unrelated", "zoo", 200, lambda: iter(texts("unrelated", 200, 0)))
    artifact = registry.method("adl").compute(pair, {"unrelated": corpus}, SETTINGS, 0)
    return {
        row["token"]
        for row in artifact.tables["lens"]
        if (row["position"], row["of"], row["side"]) == ("1-4", "difference", side)
        and row["rank"] < 40
    }


def test_narrow_documents_show_in_their_direction_only() -> None:
    # 8 words, 40 of about 2,000 tokens: one hit in six such draws by chance
    assert len(shown("zoo/submarine", "finetuned") & SUBMARINE) >= 5
    assert len(shown("zoo/submarine", "base") & SUBMARINE) == 0


def test_an_identical_organism_shows_nothing() -> None:
    assert shown("zoo/identical", "finetuned") == set()
    assert shown("zoo/identical", "base") == set()
