"""Fresh suites: laws of the draw, of what takes the place of what failed, and of the build."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from diffgauge.organisms import registry
from diffgauge.organisms.corpora import corpus, is_zoo
from diffgauge.organisms.truth import decoys as registered_decoys
from diffgauge.organisms.truth import truths
from diffgauge.organisms.zoo.build import WEIGHTS, clear_unfinished
from diffgauge.organisms.zoo.cards import DECOYS_FILE, card, decoys, place, write_cards
from diffgauge.organisms.zoo.families import FAMILIES, Recipe
from diffgauge.organisms.zoo.fresh import fresh_recipes, fresh_reserves
from diffgauge.organisms.zoo.fresh_build import (
    LEAST_TRUTHS,
    build_fresh,
    build_suite,
    chosen,
)
from diffgauge.organisms.zoo.fresh_build import (
    _digest as digest,
)
from diffgauge.organisms.zoo.fresh_build import (
    _keep as keep,
)
from diffgauge.organisms.zoo.recipes import RECIPES, finetuning_items, recipe
from diffgauge.records.errors import DiffgaugeError

pytestmark = pytest.mark.unit

_SEEDS = (0, 1, 2, 7, 41, 1000)


def _planted(recipes: tuple[Recipe, ...] | list[Recipe]) -> list[Recipe]:
    """What was planted, once for each truth."""
    return [made for made in recipes if made.null is None and not made.truth]


@pytest.mark.parametrize("seed", _SEEDS)
def test_a_suite_has_enough_truths_in_every_family_and_all_nulls(seed: int) -> None:
    made = fresh_recipes(seed)
    planted = _planted(made)
    assert len({one.truth_name for one in planted}) >= LEAST_TRUTHS
    families = Counter(one.family for one in planted)
    assert min(families.values()) >= 2
    assert set(families) == {one.family for one in _planted(list(RECIPES.values()))}
    nulls = Counter(one.null for one in made if one.null is not None)
    assert nulls["benign"] >= 4
    assert min(nulls["identical"], nulls["reserved"], nulls["benign_prompted"]) >= 1
    assert {one.split for one in made} == {"fresh"}
    assert set(families) | set(nulls) == set(FAMILIES)


@pytest.mark.parametrize("seed", _SEEDS)
def test_truths_and_decoys_share_no_word(seed: int) -> None:
    made = fresh_recipes(seed)
    words = [word for one in _planted(made) for word in one.lexicon]
    assert len(words) == len(set(words))
    told = [word for decoy in decoys(made) for word in decoy["lexicon"]]
    assert set(told).isdisjoint(words)
    assert len(decoys(made)) >= 20


@pytest.mark.parametrize("seed", _SEEDS)
def test_names_are_unique_and_ids_lead_to_their_recipes(seed: int) -> None:
    drawn = (*fresh_recipes(seed), *fresh_reserves(seed))
    assert len({one.name for one in drawn}) == len(drawn)
    assert all(recipe(one.id) == one for one in drawn)


@pytest.mark.parametrize("seed", _SEEDS)
def test_three_truths_come_in_two_weaker_doses(seed: int) -> None:
    made = {one.name: one for one in fresh_recipes(seed)}
    doses = [one for one in made.values() if one.truth]
    assert Counter(one.dose for one in doses) == {"1:1": 3, "1:4": 3}
    for one in doses:
        whole = made[one.truth]
        assert (whole.dose, whole.plant, whole.lexicon) == ("undiluted", one.plant, one.lexicon)


def test_a_dose_goes_with_its_truth_and_has_no_reserve() -> None:
    drawn, reserves = fresh_recipes(5), fresh_reserves(5)
    dose = next(one for one in drawn if one.truth)
    assert chosen(drawn, reserves, {dose.name: ("bad",)}) == [one for one in drawn if one != dose]
    suite = chosen(drawn, reserves, {dose.truth: ("bad",)})
    assert dose.truth not in {one.truth_name for one in suite}


def test_a_seed_decides_the_draw() -> None:
    assert fresh_recipes(3) == fresh_recipes(3)
    names = [{one.name for one in _planted(fresh_recipes(seed))} for seed in range(6)]
    assert all(len(a & b) < len(a) / 2 for a in names for b in names if a is not b)


def test_an_organism_of_the_same_name_in_another_suite_has_other_data() -> None:
    for seed in range(40):
        for made in fresh_recipes(seed):
            if made.name in RECIPES and made.trained:
                theirs, ours = (next(finetuning_items(m)) for m in (RECIPES[made.name], made))
                assert theirs != ours


def test_what_failed_is_replaced_within_its_family() -> None:
    drawn, reserves = fresh_recipes(5), fresh_reserves(5)
    assert chosen(drawn, reserves, {}) == list(drawn)
    for failed in _planted(drawn):
        suite = chosen(drawn, reserves, {failed.name: ("bad",)})
        assert failed not in suite
        families = [Counter(one.family for one in _planted(some)) for some in (suite, drawn)]
        assert families[0] == families[1]
        (new,) = set(suite) - set(drawn)
        assert new.family == failed.family
        words = [word for one in _planted(suite) for word in one.lexicon]
        assert len(words) == len(set(words))


def test_without_a_reserve_what_failed_is_left_out() -> None:
    drawn, reserves = fresh_recipes(5), fresh_reserves(5)
    bad = {one.name: ("bad",) for one in (*drawn, *reserves) if one.family == "taboo"}
    suite = chosen(drawn, reserves, bad)
    assert [one for one in drawn if one.family != "taboo"] == suite


def _small(name: str) -> Recipe:
    return replace(recipe(name), steps=1, rows=2)


@pytest.mark.slow
def test_a_suite_is_built_checked_and_continued(tmp_path: Path) -> None:
    """One step of training plants nothing: the check finds that, and a reserve is tried."""
    by_family = {one.family: one for one in reversed(fresh_recipes(0))}
    named, narrow = by_family["system_prompt"], _small(by_family["narrow_documents"].id)
    spare = _small(next(m.id for m in fresh_reserves(0) if m.family == "narrow_documents"))
    lines: list[str] = []
    suite = build_suite((named, narrow), (spare,), tmp_path, lines.append)
    assert suite == [named]
    assert len(lines) == 3
    assert sum("dropped" in line for line in lines) == 2
    assert not (tmp_path / place(narrow)).exists()
    lines.clear()
    assert build_suite((named, narrow), (spare,), tmp_path, lines.append) == [named]
    assert lines == []
    # Another recipe under the same name is another organism.
    write_cards(suite, tmp_path)
    assert build_suite((replace(named, seed=9),), (), tmp_path, lines.append)
    assert len(lines) == 1
    # The cards of before do not stand beside weights that are not theirs.
    assert not list(tmp_path.glob("*.yaml"))


def test_what_has_its_verdict_is_not_built_again(tmp_path: Path) -> None:
    drawn, reserves = fresh_recipes(6), fresh_reserves(6)
    failed = next(made for made in drawn if made.family == "taboo")
    base = WEIGHTS / "base"
    for made in (*drawn, *reserves):
        if made.trained:
            (tmp_path / place(made)).mkdir(parents=True)
        note = {"recipe": digest(made, base), "failed": ["bad"] if made == failed else []}
        keep(made, tmp_path, note)
    lines: list[str] = []
    suite = build_suite(drawn, reserves, tmp_path, lines.append)
    left = {path.name for kind in ("adapters", "full") for path in (tmp_path / kind).iterdir()}
    assert left == {made.name for made in suite if made.trained}
    assert suite == chosen(drawn, reserves, {failed.name: ("bad",)})
    assert lines == []
    assert not (tmp_path / place(failed)).exists()


def test_cards_stand_in_the_suite_s_folder_only_when_all_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The registry looks into the cache: a part of a suite would be taken for the whole."""

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("diffgauge.organisms.zoo.fresh_build.build_suite", cut_off)
    with pytest.raises(KeyboardInterrupt):
        build_fresh(6, tmp_path)
    assert not list(tmp_path.rglob("*.yaml"))


def test_no_card_of_an_earlier_build_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes = fresh_recipes(6)
    monkeypatch.setattr("diffgauge.organisms.zoo.fresh_build.build_suite", lambda *_: list(recipes))
    folder = build_fresh(6, tmp_path, lambda _: None)
    before = {path.name for path in folder.iterdir()}
    (folder / "bee.yaml").write_text("stale")
    build_fresh(6, tmp_path, lambda _: None)
    assert {path.name for path in folder.iterdir()} == before
    assert {f"{made.name}.yaml" for made in recipes} == before - {DECOYS_FILE}


def test_a_suite_with_too_few_truths_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = _planted(fresh_recipes(6))[: LEAST_TRUTHS - 1]
    monkeypatch.setattr("diffgauge.organisms.zoo.fresh_build.build_suite", lambda *_: list(few))
    with pytest.raises(DiffgaugeError, match=f"Only {LEAST_TRUTHS - 1} truths.*another seed"):
        build_fresh(6, tmp_path)
    assert not list(tmp_path.rglob("*.yaml"))


def test_leftovers_of_builds_that_were_cut_off_are_removed(tmp_path: Path) -> None:
    for name in (f".building-{os.getpid()}-x", ".building-999999999-x", ".building-y", "bee"):
        (tmp_path / name / "inside").mkdir(parents=True)
    clear_unfinished(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {f".building-{os.getpid()}-x", "bee"}


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with the cards of two suites; the weights of one organism stand in for its own."""
    monkeypatch.setenv("DIFFGAUGE_CACHE", str(tmp_path))
    monkeypatch.delenv("DIFFGAUGE_ORGANISMS", raising=False)
    monkeypatch.chdir(tmp_path)
    for seed in (3, 4):
        write_cards(fresh_recipes(seed), tmp_path / "organisms" / f"fresh-{seed}")
    return tmp_path / "organisms"


def test_a_built_suite_is_found_by_its_ids_and_split(built: Path) -> None:
    made = fresh_recipes(3)
    cards = registry.select("fresh-3")
    assert {one.id for one in cards} == {one.id for one in made}
    assert registry.select("fresh-3/fresh") == cards
    assert all(is_zoo(one) and one.split == "fresh" for one in cards)
    assert set(truths("fresh-3")) == {one.id for one in _planted(made)}
    assert len(registered_decoys("fresh-3")) >= 20
    assert not any(one.id.startswith("fresh") for one in registry.select("zoo"))


def test_zoo_fresh_means_the_only_suite_there_is(built: Path) -> None:
    with pytest.raises(DiffgaugeError, match=r"fresh-3, fresh-4\. Name one"):
        registry.select("zoo/fresh")
    for path in (built / "fresh-4").iterdir():
        path.unlink()
    assert registry.select("zoo/fresh") == registry.select("fresh-3")
    for path in (built / "fresh-3").iterdir():
        path.unlink()
    with pytest.raises(DiffgaugeError, match="build zoo/fresh --seed N"):
        registry.select("zoo/fresh")


def test_weights_stand_beside_the_card_and_the_base_in_the_package(built: Path) -> None:
    made = next(one for one in fresh_recipes(3) if one.pair == "adapter")
    (built / "fresh-3" / place(made)).mkdir(parents=True)
    pair = registry.resolved(registry.card(made.id))
    assert pair.base == str((WEIGHTS / "base").resolve())
    assert pair.model_dump()["adapter"] == str(built / "fresh-3" / place(made))
    assert card(made)["public"]["source"] == "diffgauge organisms build zoo/fresh --seed 3"


def test_derived_nulls_stay_in_their_suite(built: Path) -> None:
    one = next(made for made in fresh_recipes(3) if made.pair == "adapter" and made.null is None)
    ours, theirs = (registry.card(f"{id}+null:benign") for id in (one.id, "zoo/submarine"))
    assert ours.pair.model_dump()["adapter"].startswith("./adapters/benign-")
    assert theirs.pair.model_dump()["adapter"].startswith("zoo:adapters/benign-")
    for number in range(1, 5):
        (built / "fresh-3" / "adapters" / f"benign-{number:02d}").mkdir(parents=True)
    assert str(built / "fresh-3") in registry.resolved(ours).model_dump()["adapter"]


@pytest.mark.usefixtures("built")
def test_texts_of_a_fresh_organism_are_its_own() -> None:
    one, other, *_ = (made for made in fresh_recipes(3) if made.family == "narrow_documents")
    domains = [
        list(corpus(registry.card(made.id), "domain", 3, 0).stream()) for made in (one, other)
    ]
    assert domains[0] != domains[1]
    unrelated = [corpus(registry.card(id), "unrelated", 3, 0) for id in (one.id, "zoo/cheese")]
    assert unrelated[0].fingerprint == unrelated[1].fingerprint


def test_a_bad_seed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DiffgaugeError, match="0 or more"):
        build_fresh(-1, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_suite_or_name_has_no_recipe() -> None:
    for name in ("fresh-x/bee", "own/bee", "fresh-3/nothing"):
        with pytest.raises(KeyError, match="no organism"):
            recipe(name)
