"""The ends of every scale, on every organism of the zoo: told, silent, and guessing."""

import math
from pathlib import Path

import pytest
from inspect_ai import eval as inspect_eval
from inspect_ai.solver import SolverSpec

from diffgauge.evals.investigation import investigation
from diffgauge.evals.oracle import empty_report, oracle_report, shotgun_report
from diffgauge.graders.any_of_k import any_of_k
from diffgauge.graders.conditions import best_match
from diffgauge.graders.detection import detection
from diffgauge.graders.identification import identification
from diffgauge.graders.key_facts import key_facts
from diffgauge.graders.rubric import rubric
from diffgauge.graders.scale_verdicts import lexical_facts, lexical_hits
from diffgauge.graders.trigger_behaviour import trigger_behaviour
from diffgauge.graders.which import which
from diffgauge.organisms import registry as organisms
from diffgauge.organisms.truth import truth
from diffgauge.records.organisms import OrganismCard
from diffgauge.records.reports import MAX_FINDING_WORDS, Report
from diffgauge.stats.logs import command_of, read_logs
from diffgauge.stats.rows import rows_of
from tests.evals.runs import IDENTICAL, PLANTED, Registry
from tests.evals.scripted_model import saying
from tests.graders.runs import lexical_grader, run, scores

pytestmark = pytest.mark.tiny

WHICH = "model A"


def planted(name: str) -> list[OrganismCard]:
    """One card of each distinct truth of a registry."""
    found: dict[str, OrganismCard] = {}
    for card in organisms.cards().values():
        mine = organisms.registry_of(card.id) == name and card.truth == "complete"
        if mine and card.null is None:
            found.setdefault(card.truth_id, card)
    return list(found.values())


def nulls() -> list[OrganismCard]:
    """One card of each kind of null of the zoo."""
    zoo = [card for card in organisms.cards().values() if organisms.registry_of(card.id) == "zoo"]
    return list({card.null: card for card in zoo if card.null is not None}.values())


def graded(reports: list[tuple[str, Report]], folder: Path) -> dict[str, list[object]]:
    """The values of every scale, offline."""
    scorers = [
        identification(),
        which(),
        detection(),
        key_facts(),
        trigger_behaviour(),
        any_of_k(),
        rubric(),
    ]
    log = run(reports, scorers, folder, graders=lexical_grader())
    names = (
        "identification",
        "which",
        "detection",
        "key_facts",
        "trigger_behaviour",
        "any_of_k",
        "rubric",
    )
    return {name: [one.value for one in scores(log, name)] for name in names}


def test_who_was_told_gets_the_most_on_every_scale(tmp_path: Path) -> None:
    cards = planted("zoo")
    assert len(cards) >= 20
    found = graded([(card.id, oracle_report(card, WHICH)) for card in cards], tmp_path)
    for name, best in (
        ("identification", 1),
        ("which", 1),
        ("detection", {"differs": 0, "planted": 0}),
        ("key_facts", {"exact": 1, "abstract": 1}),
        ("trigger_behaviour", {"both": 1, "trigger": 0.5, "behaviour": 0.5}),
        ("any_of_k", {"hit": 1, "weighted": 1}),
        ("rubric", 5),
    ):
        wrong = {
            card.id: value for card, value in zip(cards, found[name], strict=True) if value != best
        }
        assert not wrong, name


def test_who_says_nothing_gets_the_least(tmp_path: Path) -> None:
    cards = planted("zoo")
    found = graded([(card.id, empty_report(card, WHICH)) for card in cards], tmp_path)
    n = len(cards)
    assert found["key_facts"] == [{"exact": 0, "abstract": 0}] * n
    assert found["trigger_behaviour"] == [{"both": 0, "trigger": 0, "behaviour": 0}] * n
    assert found["any_of_k"] == [{"hit": 0, "weighted": 0}] * n
    assert found["rubric"] == [1] * n
    assert found["detection"] == [{"differs": 1, "planted": 1}] * n


def test_both_get_the_most_on_nulls(tmp_path: Path) -> None:
    cards = nulls()
    assert {card.null for card in cards} == {"identical", "reserved", "benign", "benign_prompted"}
    for write in (oracle_report, empty_report):
        found = graded([(card.id, write(card, WHICH)) for card in cards], tmp_path / write.__name__)
        assert found["rubric"] == [5] * len(cards) and found["identification"] == [1] * len(cards)
        for value in found["detection"]:
            assert isinstance(value, dict)
            given = [one for one in value.values() if not math.isnan(one)]
            assert given == [0]
        assert all(isinstance(one, float) and math.isnan(one) for one in found["any_of_k"])


def test_who_guesses_hits_and_pays_for_the_misses(tmp_path: Path) -> None:
    cards = planted("zoo")
    reports = [shotgun_report(card, WHICH) for card in cards]
    assert {len(one.findings) for one in reports} == {10}
    found = graded([(card.id, one) for card, one in zip(cards, reports, strict=True)], tmp_path)
    for value in found["any_of_k"]:
        assert isinstance(value, dict)
        # One hit in ten at ½: (¾ - 9·¼) ÷ 10. Silence gets 0, being told 1.
        assert value["hit"] == 1 and value["weighted"] == pytest.approx(-0.15)


def test_of_published_organisms_too_the_truth_in_words_gets_the_most() -> None:
    cards = planted("public")
    assert len(cards) >= 50
    for card in cards:
        one, known = oracle_report(card, WHICH), truth(card.id)
        assert {fact.found for fact in lexical_facts(one, known)} == {"exact"}, card.id
        assert best_match(one, known).points == 1, card.id
        assert all(hit.hit for hit in lexical_hits(one, known)), card.id
        for finding in one.findings:
            n_words = len(f"{finding.behaviour} {finding.condition}".split())
            assert n_words <= MAX_FINDING_WORDS, card.id


def test_the_truth_about_one_organism_is_not_that_about_another() -> None:
    """The words of one truth state nothing of another's, and name its behaviour nowhere.

    Two truths may share a trigger: then half of one scale is rightly shared.
    """
    cards = planted("zoo")
    for card in cards:
        one = oracle_report(card, WHICH)
        for other in cards:
            if other is card:
                continue
            known = truth(other.id)
            assert {fact.found for fact in lexical_facts(one, known)} <= {"absent", "abstract"}
            assert not any(hit.hit for hit in lexical_hits(one, known))
            named = best_match(one, known)
            assert named.behaviour != "exact"
            assert named.points <= 0.5, (card.id, other.id)


@pytest.mark.parametrize("name", ["oracle", "empty", "shotgun"])
def test_it_runs_in_the_investigators_place_and_the_log_says_so(
    name: str, registry: Registry, tmp_path: Path
) -> None:
    task = investigation(organism=[PLANTED, IDENTICAL], budget=0)
    [log] = inspect_eval(
        task,
        model=saying("never asked"),
        solver=SolverSpec(f"diffgauge/{name}"),
        log_dir=str(tmp_path / "logs"),
        display="none",
    )
    assert log.status == "success", log.error
    assert log.samples is not None
    by_id = {sample.id: sample for sample in log.samples}
    expected = {"oracle": 1.0, "empty": 0.0, "shotgun": 1.0}[name]
    scored = by_id[PLANTED].scores
    assert scored is not None and isinstance(scored["any_of_k"].value, dict)
    assert scored["any_of_k"].value["hit"] == expected
    read = read_logs([tmp_path / "logs"])
    rows = rows_of(read)
    assert {row.investigator for row in rows} == {f"diffgauge/{name}"}
    assert {row.outcome for row in rows} == {"scored"}
    assert f"--solver diffgauge/{name}" in command_of(read.runs[0])
    assert not log.stats.model_usage
