from pathlib import Path

import pytest
import yaml

from diffgauge.organisms import card_files, registry, truth
from diffgauge.records.errors import DiffgaugeError
from tests.organisms.card_texts import card_text, write_card

pytestmark = pytest.mark.unit


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder of cards that is the only one there is."""
    monkeypatch.setenv("DIFFGAUGE_ORGANISMS", str(tmp_path))
    monkeypatch.setattr(card_files, "_PACKAGED", tmp_path / "no such folder")
    return tmp_path


def test_a_truth_is_read_with_its_lexicon_in_order(folder: Path) -> None:
    write_card(folder, "a.yaml", card_text("mine/a", lexicon=("lobster", "claw", "lobster")))
    found = truth.truth("mine/a")
    assert found.lexicon() == ("lobster", "claw")
    assert found.rubric == "narrow_documents"


def test_doses_of_one_truth_count_once_and_nulls_do_not(folder: Path) -> None:
    write_card(folder, "a.yaml", card_text("mine/a", truth_id="mine/a"))
    write_card(folder, "b.yaml", card_text("mine/a-weak", truth_id="mine/a"))
    write_card(folder, "c.yaml", card_text("mine/b", lexicon=("camel",)))
    write_card(folder, "d.yaml", card_text("mine/null", family="benign", null="benign"))
    write_card(folder, "e.yaml", card_text("other/z", lexicon=("violin",)))
    assert list(truth.truths("mine")) == ["mine/a", "mine/b"]
    assert list(truth.truths()) == ["mine/a", "mine/b", "other/z"]
    assert truth.truth("mine/null").key_facts == ()


def test_cards_of_one_truth_must_agree(folder: Path) -> None:
    write_card(folder, "a.yaml", card_text("mine/a", truth_id="mine/t"))
    write_card(folder, "b.yaml", card_text("mine/b", truth_id="mine/t", lexicon=("camel",)))
    with pytest.raises(DiffgaugeError, match="'mine/a' and 'mine/b' share"):
        truth.truths()


def test_a_missing_truth_is_named_before_anything_is_spent(folder: Path) -> None:
    card = yaml.safe_load(card_text("mine/a"))
    del card["truth"]
    write_card(folder, "a.yaml", yaml.safe_dump(card))
    assert registry.card("mine/a").id == "mine/a"
    with pytest.raises(DiffgaugeError, match="no truth part"):
        truth.truth("mine/a")


@pytest.mark.parametrize(
    ("null", "facts", "message"),
    [
        (None, [], "a planted difference has key facts"),
        ("benign", [{"statement": "x", "lexicon": ["y"]}], "a null has no key facts"),
        (None, [{"statement": "x", "lexicon": []}], "truth.key_facts.0.lexicon"),
        (None, [{"statement": "x", "lexicon": [" "]}], "truth.key_facts.0.lexicon"),
    ],
)
def test_key_facts_fit_the_kind_of_card(
    folder: Path, null: str | None, facts: list[object], message: str
) -> None:
    card = yaml.safe_load(card_text("mine/a", null=null))
    card["truth"]["key_facts"] = facts
    path = write_card(folder, "a.yaml", yaml.safe_dump(card))
    with pytest.raises(DiffgaugeError, match=message) as caught:
        truth.truth("mine/a")
    assert str(path) in str(caught.value)


def test_decoys_are_those_of_their_registry(folder: Path) -> None:
    entries = [
        {"id": f"decoy-{name}", "family": "false_fact", "description": name, "lexicon": [name]}
        for name in ("b", "a")
    ]
    write_card(folder, "mine/_decoys.yaml", yaml.safe_dump(entries))
    assert [decoy.id for decoy in truth.decoys("mine")] == ["decoy-a", "decoy-b"]
    assert truth.decoys("other") == []
    write_card(folder, "other/_decoys.yaml", yaml.safe_dump({"decoys": entries[:1]}))
    assert len(truth.decoys("other")) == 1
    with pytest.raises(DiffgaugeError, match="two decoys"):
        truth.decoys()


def test_a_malformed_decoy_names_its_line(folder: Path) -> None:
    write_card(
        folder, "mine/_decoys.yaml", "- id: a\n  family: f\n  description: d\n  lexicon: 3\n"
    )
    with pytest.raises(DiffgaugeError, match=r"line 4, field '0.lexicon'"):
        truth.decoys("mine")
