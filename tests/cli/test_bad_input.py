"""Every command answers a mistake with one message and status 2, before anything is done."""

import sys
from pathlib import Path

import pytest

from diffgauge.cli.app import main

pytestmark = pytest.mark.unit

RUN = ("run", "--model", "diffgauge/scripted")


def told(
    arguments: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """Runs the command line; returns what it said, having checked how it ended."""
    monkeypatch.setattr(sys, "argv", ["diffgauge", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    shown = capsys.readouterr()
    assert ended.value.code == 2
    assert shown.out == ""
    assert "Traceback" not in shown.err
    return shown.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("organisms", "show", "zoo/submarin"), "Did you mean 'zoo/submarine'"),
        (("organisms", "show", "../etc/passwd"), "'../etc/passwd' is not an id"),
        (("organisms", "list", "nowhere"), "Unknown organism, family or suite 'nowhere'"),
        (("organisms", "list", ""), "No organism is named"),
        (("organisms", "check", "zoo/nope"), "Unknown organism, family or suite 'zoo/nope'"),
        (("organisms", "check", ""), "No organism is named"),
        (("organisms", "build", "zo"), "Unknown suite 'zo'. Allowed: zoo"),
        (("organisms", "build", "zoo", "--only", "submarin"), "Did you mean 'submarine'"),
        (("organisms", "build", "zoo", "--only", "cheese", "--out", "file"), "with --out"),
        (("organisms", "build", "zoo", "--seed", "3"), "Leave --seed out"),
        (("organisms", "build", "zoo/fresh"), "Give --seed N"),
        (("organisms", "build", "zoo/fresh", "--seed", "-1"), "The seed is -1. Allowed: 0 or more"),
        (("organisms", "build", "zoo/fresh", "--seed", "3", "--force"), "built as a whole"),
        (("organisms", "build", "zoo/fresh", "--seed", "3", "--out", "file"), "with --out"),
        (("organisms", "list", "zoo/fresh"), "build zoo/fresh --seed N"),
        (("organisms", "lst"), "No such command 'lst'"),
        (("methods", "lst"), "No such command 'lst'"),
        (("report", "nothere"), "There is no log at nothere"),
        (("report", "empty"), "There are no logs in empty. Run a task first"),
        (("report", "file"), "file cannot be read"),
        ((*RUN, "--methods", "adll"), "Did you mean 'adl'"),
        ((*RUN, "--agents", "blackbx"), "Did you mean 'blackbox'"),
        ((*RUN, "--organisms", "zoo/submarin"), "Did you mean 'zoo/submarine'"),
        ((*RUN, "--organisms", ""), "No organism is named"),
        ((*RUN, "--organisms", "../x"), "'../x' is not an id"),
        ((*RUN, "--organisms", "zoo/nope", "--dry-run"), "Unknown organism"),
        ((*RUN, "--budget", "-1"), "budget was given as -1"),
        ((*RUN, "--budget", "x"), "Invalid value for '--budget'"),
        ((*RUN, "--budgets", "0,ten"), "Allowed: whole numbers, separated by commas"),
        ((*RUN, "--budgets", "5,-1"), "budget was given as -1"),
        ((*RUN, "--agents", "blackbox,shamm"), "Did you mean 'sham'"),
        ((*RUN, "--money", "nan"), "money was given as nan"),
        ((*RUN, "--tokens", "3"), "tokens was given as 3"),
        ((*RUN, "--investigator", "nowhere/nobody"), "Unknown agent of Inspect"),
        ((*RUN, "--epochs", "0"), "0 epochs"),
        ((*RUN, "--corpus", "pile"), "Unknown corpus 'pile'"),
        ((*RUN, "--set", "layer=1"), "Did you mean 'layers'"),
        ((*RUN, "--set", "layers"), "Allowed: name=value"),
        ((*RUN, "--set", "kl.n_tokens=9"), "of a method that does not run here"),
        ((*RUN, "--texts", "hub:nothing"), "names no dataset"),
        ((*RUN, "--texts", "a.csv"), "is not there"),
        ((*RUN, "--model-role", "grader"), "Allowed: role=provider/model"),
        (("demo", "--organisms", "zoo/nope"), "Unknown organism"),
    ],
)
def test_a_mistake_is_said_in_one_message(
    arguments: tuple[str, ...],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("no log")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIFFGAUGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    assert said in told(arguments, capsys, monkeypatch)
    assert {path.name for path in tmp_path.iterdir()} <= {"empty", "file", "cache"}


def test_a_folder_of_cards_that_is_none_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIFFGAUGE_ORGANISMS", "/no/such/folder")
    assert "unset the variable" in told(("organisms", "list"), capsys, monkeypatch)


def test_what_a_user_typed_does_not_reach_the_terminal_raw(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = told(("organisms", "show", "zoo/\x1b[31mred"), capsys, monkeypatch)
    assert "\x1b" not in said
