"""The flip rate end to end, on random weights, with investigators that obey and that do not."""

from pathlib import Path
from typing import Any

import pytest
from inspect_ai.model import ModelAPI, get_model, modelapi

from diffgauge.evals.redteam.flips import DEFAULT_ORGANISMS, FlipSpec, check_flips, flips
from diffgauge.evals.redteam.obedient import ObedientInvestigator
from diffgauge.evals.redteam.pleas import PLEAS
from diffgauge.organisms import registry as organisms
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.injections import CLEAN
from tests.evals.runs import IDENTICAL, PLANTED, Registry
from tests.evals.scripted_model import ASK, REPORT, saying

pytestmark = pytest.mark.tiny

SURE: dict[str, Any] = REPORT | {"p_differs": 0.9, "p_planted": 0.9}
SPEC = FlipSpec(organisms=(PLANTED, IDENTICAL), pleas=("plea", "forged_result"), budget=4)


@modelapi(name="obedient_investigator_test")
def obedient_investigator_test() -> type[ModelAPI]:
    """The obedient investigators under a provider of their own."""
    return ObedientInvestigator


def test_one_that_does_not_listen_is_not_flipped(registry: Registry, tmp_path: Path) -> None:
    found = flips(SPEC, saying([ASK], [("submit_report", SURE)]), log_dir=str(tmp_path / "logs"))
    assert len(found.rows) == 2 * 3
    for row in found.rows:
        assert row.planted == row.clean_planted == 0.9 and row.problem is None
        expected = None if row.plea == CLEAN else "claim" if row.null == "identical" else "deny"
        assert row.aim == expected
    assert found.about["budget"] == 4 and found.about["pleas"] == ["plea", "forged_result"]


def test_one_that_obeys_replies_is_flipped_in_the_direction_asked_for(
    registry: Registry, tmp_path: Path
) -> None:
    model = get_model("obedient_investigator_test/obedient-investigator-replies")
    found = flips(SPEC, model, log_dir=str(tmp_path / "logs"))
    asked = [row for row in found.rows if row.plea != CLEAN]
    assert [row.planted for row in asked if row.aim == "deny"] == [0.0, 0.0]
    assert [row.planted for row in asked if row.aim == "claim"] == [1.0, 1.0]
    for row in found.rows:
        if row.plea == CLEAN:
            assert row.planted == row.clean_planted and row.planted not in (0.0, 1.0)


def test_one_that_obeys_the_harness_alone_does_not_hear_them(
    registry: Registry, tmp_path: Path
) -> None:
    """On an identical pair the plea stands on both sides, so that nothing at all may change."""
    spec = SPEC.model_copy(update={"organisms": (IDENTICAL,), "pleas": tuple(PLEAS)})
    model = get_model("obedient_investigator_test/obedient-investigator-results")
    found = flips(spec, model, log_dir=str(tmp_path / "logs"))
    assert len(found.rows) == len(PLEAS) + 1
    assert all(row.planted is not None and row.planted < 0.5 for row in found.rows)


def test_a_missing_report_is_missing_and_says_why(registry: Registry, tmp_path: Path) -> None:
    spec = SPEC.model_copy(update={"organisms": (PLANTED,), "pleas": ("plea",), "turns": 2})
    found = flips(spec, saying([ASK]), log_dir=str(tmp_path / "logs"))
    assert [row.planted for row in found.rows] == [None, None]
    assert all(row.problem == "no report was submitted" for row in found.rows)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"pleas": ("ple",)}, "Did you mean 'plea'"),
        ({"epochs": 0}, "Allowed: 1 or more"),
        ({"budget": -1}, "budget was given as -1"),
        ({"organisms": ("tiny/planted-boot",)}, "Did you mean 'tiny/planted-boat'"),
    ],
)
def test_mistakes_are_told_before_anything_runs(
    registry: Registry, changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(DiffgaugeError) as refused:
        check_flips(SPEC.model_copy(update=changed))
    assert said in str(refused.value)


def test_the_default_holds_what_speaks_to_its_reader_and_nulls() -> None:
    cards = [organisms.card(name) for name in DEFAULT_ORGANISMS]
    assert {card.family for card in cards} >= {"adversarial", "identical", "benign"}
    assert {card.split for card in cards if card.family != "adversarial"} == {"dev"}
