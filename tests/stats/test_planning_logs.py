"""Logs tell a plan where blackbox stands and what has been run."""

from pathlib import Path

import pytest

from diffgauge.records.errors import DiffgaugeError
from diffgauge.stats.engines import choice
from diffgauge.stats.planning_logs import seen
from tests.graders.conftest import only_registry
from tests.graders.runs import NOTHING, lexical_grader
from tests.stats.cells import run_cell
from tests.stats.draws import known
from tests.stats.grids import LOBSTER, write_two_arms

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws of a known level and spread, so that nothing is fitted."""
    monkeypatch.setattr(choice, "fit_directly", known({}))


def test_level_spreads_and_what_was_run_come_from_the_logs(cards: Path, tmp_path: Path) -> None:
    with only_registry(cards):
        write_two_arms(tmp_path)
        told = seen([str(tmp_path)], engine="direct")
    assert told.outcome == "good_grades"
    # The draws stand around a logit of 0, whatever the symmetric spread of organisms.
    assert told.level == pytest.approx(0.5, abs=0.03)
    assert told.organism == pytest.approx(0.5, abs=0.02)
    assert told.slope == pytest.approx(0.5, abs=0.02)
    # Two truths; lobster has a weaker dose, so that an arm ran 2 to 4 times on a truth.
    assert told.n_organisms == 2 and 2 <= told.n_epochs <= 4
    assert told.baseline.seconds > 0 and told.methods.seconds > 0
    assert any("2 organisms that every arm met" in one for one in told.words)


def test_logs_without_blackbox_are_refused(cards: Path, tmp_path: Path) -> None:
    with only_registry(cards):
        run_cell(
            tmp_path,
            [("mine/lobster", [LOBSTER]), ("mine/benign", [NOTHING])],
            arm_id="adl:method",
            grader=lexical_grader(),
        )
        with pytest.raises(DiffgaugeError, match="no graded sample of blackbox"):
            seen([str(tmp_path)], engine="direct")
