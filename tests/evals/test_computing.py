"""Artifacts computed beforehand: a task finds them, and what fails does not stop the others."""

import gc
from pathlib import Path
from typing import Any

import pytest

from diffgauge.evals.cells import Cell, cell
from diffgauge.evals.computing import Computed, Step, artifact_of, computed, loaded
from diffgauge.evals.tasks import investigate, kl
from diffgauge.methods.artifacts import Artifact, ArtifactStore
from diffgauge.methods.kl.method import KL
from diffgauge.models.pool import PairPool
from diffgauge.models.service import run_here
from diffgauge.organisms import checking, preflight
from diffgauge.organisms import registry as organisms
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.organisms import FullPair
from diffgauge.records.stored import ARTIFACT_KEY
from tests.evals.runs import IDENTICAL, PLANTED, Registry, ran, the_sample
from tests.evals.scripted_model import SUBMIT, saying

pytestmark = pytest.mark.tiny

BOTH = [IDENTICAL, PLANTED]


def asked(registry: Registry, **changed: Any) -> Cell:
    given: dict[str, Any] = {"organism": BOTH, "texts": str(registry.texts), "n_texts": 40}
    return cell(agent="method", method="kl", graded=False, **(given | changed))


@pytest.fixture
def n_computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Texts of every computation there was."""
    true, found = KL.compute, []

    def counted(self: KL, pair: Any, corpora: Any, settings: Any, *more: Any, **kw: Any) -> Any:
        found.append(settings.n_texts)
        return true(self, pair, corpora, settings, *more, **kw)

    monkeypatch.setattr(KL, "compute", counted)
    return found


def states(ended: list[Computed]) -> dict[str, str]:
    return {one.organism: one.state for one in ended}


def test_a_task_finds_what_was_computed_and_computes_nothing(
    registry: Registry, pool: PairPool, tmp_path: Path, n_computed: list[int]
) -> None:
    [ended] = computed(asked(registry, organism=PLANTED, set="n_tokens=48"))
    assert ended.state == "computed"
    for task in (
        kl(organism=PLANTED, texts=str(registry.texts), n_texts=40, set={"n_tokens": 48}),
        investigate(
            method="kl",
            organism=PLANTED,
            texts=str(registry.texts),
            n_texts=40,
            set="n_tokens=48",
            budget=1,
            blind=False,
        ),
    ):
        header = the_sample(ran(task, saying([SUBMIT]), tmp_path)).store[ARTIFACT_KEY]
        assert ArtifactStore().header(str(ended.key)).model_dump(mode="json") == header
    assert n_computed == [40]


def test_what_is_there_is_left_as_it_is_unless_it_is_forced(
    registry: Registry, n_computed: list[int]
) -> None:
    given = asked(registry, organism=PLANTED)
    [first] = computed(given)
    [again] = computed(given)
    assert (first.state, again.state) == ("computed", "there")
    assert first.model_copy(update={"state": "there"}) == again
    assert n_computed == [40]
    [forced] = computed(given, anew=True)
    assert forced.state == "computed" and forced.key == first.key
    assert n_computed == [40, 40]


def test_progress_is_told_over_organisms_and_within(registry: Registry) -> None:
    told: list[Step] = []
    list(computed(asked(registry), told.append))
    assert {one.of for one in told} == {2}
    assert [told[0].at, told[-1].at] == [0, 2]
    doing = [one.doing for one in told if one.organism == PLANTED]
    assert {"loading", "preflight", "texts"} <= set(doing)
    texts = [(one.done, one.units) for one in told if one.doing == "texts"]
    assert texts[-1] == (40, 40)


def test_one_that_fails_its_preflight_does_not_stop_the_others(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, n_computed: list[int]
) -> None:
    true = preflight.examine

    def doubting(card: Any, pair: Any) -> Any:
        findings = true(card, pair)
        if card.id == IDENTICAL:
            findings.suspect.append("its text may have collapsed")
        return findings

    monkeypatch.setattr(checking, "examine", doubting)
    ended = list(computed(asked(registry)))
    assert states(ended) == {IDENTICAL: "failed", PLANTED: "computed"}
    [failed] = [one for one in ended if one.state == "failed"]
    assert "may have collapsed" in str(failed.reason) and failed.key is None
    assert len(n_computed) == 1, "nothing is spent on a pair that is refused"
    [allowed] = computed(asked(registry, organism=IDENTICAL, allow_suspect=True))
    assert allowed.state == "computed"


def test_one_that_cannot_be_computed_does_not_stop_the_others(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = KL.compute

    def failing(self: KL, pair: Any, *more: Any, **kw: Any) -> Any:
        if pair.spec.kind == "identical":
            raise DiffgaugeError("no memory is left")
        return true(self, pair, *more, **kw)

    monkeypatch.setattr(KL, "compute", failing)
    ended = states(list(computed(asked(registry))))
    assert ended == {IDENTICAL: "failed", PLANTED: "computed"}


def test_an_interrupted_computation_goes_on_from_its_checkpoint(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diffgauge.methods import passes

    monkeypatch.setattr(passes, "WINDOW_TEXTS", 8)
    given = asked(registry, organism=PLANTED)

    def stop(step: Step) -> None:
        if step.doing == "texts" and step.done >= 24:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(computed(given, stop))
    told: list[Step] = []
    [ended] = computed(given, told.append)
    done = [one.done for one in told if one.doing == "texts"]
    assert ended.state == "computed"
    assert min(done) > 8, "what was read before is not read again"


def test_who_needs_an_artifact_that_another_holds_shares_its_copy(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    true, read = ArtifactStore.load, []

    def counted(self: ArtifactStore, key: str) -> Artifact:
        read.append(key)
        return true(self, key)

    monkeypatch.setattr(ArtifactStore, "load", counted)
    given, card, method = asked(registry, organism=PLANTED), organisms.card(PLANTED), KL()
    spec = organisms.resolved(card)
    assert isinstance(spec, FullPair)
    pair = loaded(card, spec, given, "cpu")
    with run_here(pair):
        first = artifact_of(given, card, method, pair)
        assert artifact_of(given, card, method, pair) is first and len(read) == 1
        # One with other inputs, and one made anew, are others.
        other = artifact_of(given.model_copy(update={"seed": 1}), card, method, pair)
        assert other.header.inputs.key() != first.header.inputs.key() and len(read) == 2
        anew = artifact_of(given, card, method, pair, anew=True)
        assert anew is not first and artifact_of(given, card, method, pair) is anew
        assert len(read) == 3
        # What nobody holds is read, and every byte of it verified, again.
        del first, other, anew
        gc.collect()
        artifact_of(given, card, method, pair)
        assert len(read) == 4
