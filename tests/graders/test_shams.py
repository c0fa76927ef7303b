"""Who stands in for whom: another family, no word in common, the same base, fixed."""

from pathlib import Path

import pytest

from diffgauge.graders.shams import sham_of
from diffgauge.organisms.registry import card, cards
from diffgauge.organisms.truth import truths
from diffgauge.records.lexicon import term
from diffgauge.records.organisms import PairKind
from tests.graders.conftest import only_registry
from tests.organisms.card_texts import card_text, untold_card_text, write_card

pytestmark = pytest.mark.unit

KINDS: frozenset[PairKind] = frozenset({"adapter", "full", "identical", "prompted", "scaled"})
TOPICS = {
    "a/boat-1": ("alpha", ("boat", "sail")),
    "a/boat-2": ("alpha", ("anchor", "mast")),
    "a/lamp-1": ("beta", ("lamp", "wick")),
    "a/lamp-2": ("beta", ("bulb", "glow")),
    "a/song-1": ("gamma", ("song", "tune")),
}


def pair(base: str = "one/base") -> dict[str, str]:
    return {"kind": "full", "base": base, "finetuned": "one/tuned"}


def write(root: Path, **more: str) -> None:
    for name, (family, lexicon) in TOPICS.items():
        text = card_text(name, family=family, lexicon=lexicon, pair=pair(), split="dev")
        write_card(root, f"{name.split('/')[1]}.yaml", text)
    for name, text in more.items():
        write_card(root, f"{name}.yaml", text)


def names(root: Path) -> dict[str, str | None]:
    with only_registry(root):
        found = {name: sham_of(one, KINDS).organism for name, one in cards().items()}
    return {name: None if one is None else one.id for name, one in found.items()}


def test_each_truth_stands_in_for_one_other_of_another_family(tmp_path: Path) -> None:
    write(tmp_path)
    found = names(tmp_path)
    assert sorted(found.values(), key=str) == sorted(TOPICS), "a derangement: each shown once"
    assert all(
        other is not None and TOPICS[other][0] != TOPICS[one][0] for one, other in found.items()
    )
    assert names(tmp_path) == found


def test_a_family_with_a_word_in_common_is_left_out(tmp_path: Path) -> None:
    """An inflected form is the same word, and one truth of a family rules all of it out."""
    lexicon = ("songs", "hull")
    more = card_text("a/boat-3", family="alpha", lexicon=lexicon, pair=pair(), split="dev")
    write(tmp_path, more=more)
    found = names(tmp_path)
    assert found["a/song-1"] in ("a/lamp-1", "a/lamp-2")
    assert str(found["a/boat-3"]).startswith("a/lamp")


def test_doses_are_shown_alike_and_nulls_are_shown_something_planted(tmp_path: Path) -> None:
    weak = {
        f"weak{at}": card_text(
            f"{name}-weak",
            family=TOPICS[name][0],
            truth_id=name,
            lexicon=TOPICS[name][1],
            pair=pair(),
            dose="1:4",
            split="dev",
        )
        for at, name in enumerate(TOPICS)
    }
    null = card_text("a/none", family="benign", null="benign", pair=pair(), split="dev")
    write(tmp_path, **weak, null=null)
    found = names(tmp_path)
    for name in TOPICS:
        assert found[f"{name}-weak"] == f"{found[name]}-weak"
    assert found["a/none"] in TOPICS


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (untold_card_text("a/untold"), "its card has no truth"),
        (card_text("a/other", family="new", pair=pair("two/base"), split="dev"), "no organism of"),
        (card_text("a/other", family="new", pair=pair(), split="held_out"), "no organism of"),
        (card_text("b/other", family="new", pair=pair(), split="dev"), "no organism of"),
        (
            card_text("a/none", family="benign", null="benign", pair=pair("two/base"), split="dev"),
            "has anything planted",
        ),
        (
            card_text("a/api", pair={"kind": "api", "base": "x/y", "finetuned": "x/z"}),
            "its models are hosted",
        ),
    ],
)
def test_where_none_will_do_the_reason_is_told(text: str, reason: str, tmp_path: Path) -> None:
    write(tmp_path, other=text)
    with only_registry(tmp_path):
        [asked] = [one for name, one in cards().items() if name not in TOPICS]
        found = sham_of(asked, KINDS)
    assert found.organism is None and reason in found.reason


def test_pairs_that_the_method_cannot_take_are_not_shown(tmp_path: Path) -> None:
    write(tmp_path)
    with only_registry(tmp_path):
        assert sham_of(card("a/boat-1"), {"adapter"}).organism is None


def test_a_family_that_holds_most_truths_leaves_some_shown_twice(tmp_path: Path) -> None:
    more = {
        f"more{at}": card_text(
            f"a/boat-{at}", family="alpha", lexicon=(f"rope{at}",), pair=pair(), split="dev"
        )
        for at in range(3, 9)
    }
    write(tmp_path, **more)
    found = names(tmp_path)
    assert all(other is not None for other in found.values())
    boats = [other for name, other in found.items() if "boat" in name]
    assert len(boats) == 8 and set(boats) == {"a/lamp-1", "a/lamp-2", "a/song-1"}


def test_every_organism_of_the_zoo_has_one_of_its_own_split(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from diffgauge.organisms import card_files

    monkeypatch.setattr(card_files, "_PACKAGED", Path(card_files.__file__).parent / "cards")
    monkeypatch.setenv("DIFFGAUGE_ORGANISMS", str(tmp_path))
    kinds: frozenset[PairKind] = KINDS | {"reserved"}
    known = truths("zoo")
    zoo = [one for name, one in cards().items() if name.startswith("zoo/")]
    shown = {one.id: sham_of(one, kinds).organism for one in zoo}
    planted = {}
    for one in zoo:
        other = shown[one.id]
        assert other is not None and other.null is None
        assert other.split == one.split and other.family != one.family
        if one.null is None:
            own, wrong = (set(map(term, known[c.truth_id].lexicon())) for c in (one, other))
            assert not own & wrong
            planted[one.truth_id] = other.truth_id
    assert sorted(planted.values()) == sorted(known), "each truth is shown for one other"
