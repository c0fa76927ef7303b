"""An investigator that grades itself is warned of before anything is spent, once."""

import logging
from pathlib import Path

import pytest
from inspect_ai import eval

from diffgauge.cli.app import main
from diffgauge.evals import self_grading
from diffgauge.evals.grid import GridSpec, planned
from diffgauge.evals.self_grading import graders_in
from diffgauge.evals.tasks import blackbox

pytestmark = pytest.mark.tiny

SCRIPTED = "diffgauge/scripted"
LEXICAL = "diffgauge/lexical"


@pytest.fixture(autouse=True)
def nothing_said() -> None:
    self_grading._warn.cache_clear()


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    name = self_grading.__name__
    return [record.getMessage() for record in caplog.records if record.name == name]


@pytest.mark.parametrize(
    ("grader", "warned"),
    [(SCRIPTED, True), (f"{LEXICAL},{SCRIPTED}", True), (LEXICAL, False), (None, False)],
)
def test_a_plan_says_so(grader: str | None, warned: bool, caplog: pytest.LogCaptureFixture) -> None:
    roles = {"grader": grader} if grader else {}
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            planned(GridSpec(organisms=("zoo/cheese",)), model=SCRIPTED, model_roles=roles)
    assert len(said(caplog)) == warned


def test_the_command_plans_with_its_roles(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = f"diffgauge run --model {SCRIPTED} --organisms zoo/cheese --dry-run"
    monkeypatch.setattr("sys.argv", [*typed.split(), "--model-role", f"grader={SCRIPTED}"])
    with caplog.at_level(logging.WARNING), pytest.raises(SystemExit):
        main()
    assert "investigates and grades" in said(caplog)[0]


def test_a_task_says_so_where_its_models_are_known(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Inspect binds models before it makes a task that it was given by name."""
    with caplog.at_level(logging.WARNING), pytest.raises(Exception, match="Dry run"):
        eval(
            "diffgauge/blackbox",
            task_args={"organism": "zoo/cheese", "dry_run": True},
            model=SCRIPTED,
            model_roles={"grader": SCRIPTED},
            log_dir=str(tmp_path),
        )
    assert len(said(caplog)) == 1
    blackbox(organism="zoo/cheese")
    assert len(said(caplog)) == 1


def test_graders_are_named_however_they_are_given() -> None:
    assert graders_in({}) == []
    assert graders_in({"grader": "a/b,c/d"}) == ["a/b", "c/d"]
    assert graders_in({"grader": ["a/b"]}) == ["a/b"]
