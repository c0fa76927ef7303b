"""An artifact's key holds everything that went in (pitfall 6)."""

from typing import Any

import pytest

from diffgauge.records.artifacts import ArtifactInputs, PairFingerprint

pytestmark = pytest.mark.unit

PAIR = {"base": "a", "finetuned": "b", "tokenizer": "c", "template": "d", "dtype": "float32"}
INPUTS: dict[str, Any] = {
    "method": "adl",
    "method_version": 1,
    "pair": PAIR,
    "settings": {"layers": [1], "n_texts": 10},
    "corpora": {"unrelated": "e"},
    "seed": 0,
}
CHANGES: list[dict[str, Any]] = [
    {"method": "kl"},
    {"method_version": 2},
    *({"pair": PAIR | {field: "changed"}} for field in PairFingerprint.model_fields),
    {"settings": {"layers": [2], "n_texts": 10}},
    {"settings": {"layers": [1], "n_texts": 11}},
    {"corpora": {"unrelated": "f"}},
    {"corpora": {"chat": "e"}},
    {"seed": 1},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_any_changed_input_changes_the_key(change: dict[str, Any]) -> None:
    before = ArtifactInputs.model_validate(INPUTS).key()
    assert ArtifactInputs.model_validate(INPUTS | change).key() != before


def test_the_order_of_settings_does_not_matter() -> None:
    swapped = INPUTS | {"settings": {"n_texts": 10, "layers": [1]}}
    assert (
        ArtifactInputs.model_validate(swapped).key() == ArtifactInputs.model_validate(INPUTS).key()
    )
