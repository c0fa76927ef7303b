"""Organisms without a complete truth: what is refused, what is said, and what a log then holds."""

import logging
from pathlib import Path

import pytest
import yaml

from diffgauge.evals import ungraded
from diffgauge.evals.cells import cell, cell_id, factors
from diffgauge.evals.grid import GridSpec, grid_cells
from diffgauge.evals.scoring import SCORERS
from diffgauge.evals.tasks import blackbox
from diffgauge.records.errors import DiffgaugeError
from tests.evals.runs import PLANTED, Registry, ran, the_sample
from tests.evals.scripted_model import ASK, SUBMIT, saying
from tests.organisms.card_texts import untold_card_text, write_card

pytestmark = pytest.mark.tiny

UNTOLD = "own/untold"
UNFINISHED = "own/unfinished"
GAP = "no document says which towns"


@pytest.fixture
def own(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """The registry with a pair without a truth, and one with an incomplete truth, beside it."""
    folder = tmp_path / "own"
    for path in (registry.cards / "tiny").glob("*.yaml"):
        write_card(folder, f"tiny/{path.name}", path.read_text())
    pair = yaml.safe_load((registry.cards / "tiny/planted-boat.yaml").read_text())["public"]["pair"]
    for id, gap in ((UNTOLD, None), (UNFINISHED, GAP)):
        made = yaml.safe_load(untold_card_text(id, gap))
        made["public"]["pair"] = pair
        write_card(folder, f"{id}.yaml", yaml.safe_dump(made))
    monkeypatch.setenv("DIFFGAUGE_ORGANISMS", str(folder))
    monkeypatch.setattr(ungraded, "_SAID", set())
    return registry


@pytest.mark.parametrize(
    ("organism", "graded", "said"),
    [
        (UNFINISHED, None, f"{UNFINISHED}: {GAP}. Leave those"),
        (
            UNFINISHED,
            True,
            f"{GAP}. Leave those organisms out, or run without grades: graded=false",
        ),
        (UNTOLD, True, f"{UNTOLD}: its card has no truth"),
        ([PLANTED, UNTOLD, UNFINISHED], None, GAP),
        (PLANTED, "yes", "graded was given as 'yes'"),
        (PLANTED, 0, "graded was given as 0"),
    ],
)
def test_grades_that_cannot_be_given_are_refused(
    organism: str | list[str], graded: bool | None, said: str, own: Registry
) -> None:
    with pytest.raises(DiffgaugeError) as caught:
        cell(organism=organism, graded=graded)
    assert said in str(caught.value)


def test_each_sample_says_whether_it_is_graded(own: Registry) -> None:
    chosen = cell(organism=[PLANTED, UNTOLD])
    told = {card.id: factors(chosen, card) for card in chosen.organisms}
    assert (told[PLANTED]["graded"], told[PLANTED]["truth"]) == (True, "complete")
    assert (told[UNTOLD]["graded"], told[UNTOLD]["truth"]) == (False, "none")
    without = cell(organism=[PLANTED, UNFINISHED], graded=False)
    assert not any(factors(without, card)["graded"] for card in without.organisms)
    assert cell_id(cell(organism=PLANTED)) != cell_id(cell(organism=PLANTED, graded=False))


def test_a_grid_passes_it_on(own: Registry) -> None:
    spec = GridSpec(organisms=(UNFINISHED,), agents=("blackbox",), graded=False)
    assert [one.graded for row in grid_cells(spec) for one in row] == [False]


def test_what_is_not_graded_is_said_once(own: Registry, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "diffgauge.evals.ungraded"):
        for _ in range(2):
            blackbox(organism=[PLANTED, UNTOLD])
        blackbox(organism=UNFINISHED, graded=False)
    said = [one.message for one in caplog.records if one.name == ungraded.__name__]
    assert len(said) == 1 and UNTOLD in said[0] and PLANTED not in said[0]


def test_an_untold_pair_is_investigated_and_every_scorer_says_why_not_graded(
    own: Registry, tmp_path: Path
) -> None:
    log = ran(
        blackbox(organism=UNTOLD, budget=4),
        saying([ASK], [SUBMIT]),
        tmp_path,
        model_roles={"grader": "diffgauge/lexical"},
    )
    sample = the_sample(log)
    assert sample.metadata["graded"] is False
    assert sample.scores is not None
    assert set(sample.scores) == set(SCORERS)
    tested = sample.scores.pop("replication")
    assert tested.reason == "no findings", "it needs no truth, only something to test"
    assert {score.reason for score in sample.scores.values()} == {"not graded"}
    assert {score.explanation for score in sample.scores.values()} == {"The pair has no truth."}
    assert "grader" not in sample.role_usage, "no grader is paid for what is not graded"
