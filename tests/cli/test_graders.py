"""`diffgauge graders` and `diffgauge redteam`: what they write, print and refuse."""

import json
import sys
from pathlib import Path

import pytest

from diffgauge.cli.app import main
from diffgauge.graders import inflation
from diffgauge.graders.inflation import trials
from diffgauge.graders.validation import build, running, task
from diffgauge.graders.validation.examples import Example, as_lines, examples

pytestmark = pytest.mark.unit

FEW = ("zoo/volcano good words", "zoo/volcano empty", "zoo/benign-05 denial")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Example, ...]:
    """The validation set cut down to three reports, in a folder of its own."""
    held = {one.id: one for one in examples()}
    chosen = tuple(held[name] for name in FEW)
    for module in (running, task):
        monkeypatch.setattr(module, "examples", lambda *_: chosen)
    monkeypatch.chdir(tmp_path)
    return chosen


def ran(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """Runs the command line; returns if it ended well."""
    monkeypatch.setattr(sys, "argv", ["diffgauge", *arguments])
    try:
        main()
    except SystemExit as ended:
        assert ended.code in {0, None}, arguments


def test_a_validation_is_written_printed_and_can_be_read_by_scripts(
    few: tuple[Example, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran(monkeypatch, "graders", "validate", "--json")
    shown = json.loads(capsys.readouterr().out)
    assert shown == json.loads(Path("reports/validation/validation.json").read_text())
    assert shown["command"] == (
        "diffgauge graders validate --model-role grader=diffgauge/lexical --split test"
    )
    assert [row["grade"] for row in shown["rows"]] == [5, 1, 5]
    assert "labels: construction" in shown["evidence"]
    page = Path("reports/validation/validation.md").read_text()
    assert "no human gave them" in page and shown["command"] in page
    assert list(Path("logs/validation").glob("*.eval"))

    ran(monkeypatch, "graders", "validate", "--out", "elsewhere")
    printed = capsys.readouterr().out
    assert "Agreement with the labels" in printed and "\x1b" not in printed
    assert Path("elsewhere/validation.md").is_file()


def test_the_set_is_written_as_it_is_packaged(
    few: tuple[Example, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build, "built", lambda seed: few if seed == build.SEED else few[:1])
    ran(monkeypatch, "graders", "build", "--out", "set.jsonl")
    assert Path("set.jsonl").read_bytes() == as_lines(few)
    assert "3 reports: set.jsonl" in capsys.readouterr().out
    ran(monkeypatch, "graders", "build", "--out", "other.jsonl", "--seed", "1")
    assert Path("other.jsonl").read_bytes() == as_lines(few[:1])


def test_a_scorecard_of_graders_alone(
    few: tuple[Example, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    some = [one for one in trials(1) if one.attack in {"terminal_escapes", "verdict"}]
    monkeypatch.setattr(inflation, "trials", lambda *_: some)
    graders = ("lexical", "obedient-grader-inside")
    named = [part for name in graders for part in ("--grader", f"diffgauge/{name}")]
    ran(monkeypatch, "redteam", "--only", "graders", *named, "--reports", "1")
    printed = capsys.readouterr().out
    assert "Grade inflation" in printed and "\x1b" not in printed
    page = Path("reports/redteam/redteam.md").read_text()
    assert "\x1b" not in page and "--only graders --grader diffgauge/lexical" in page
    data = json.loads(Path("reports/redteam/redteam.json").read_text())
    by = {row["grader"]: row for row in data["tables"]["inflation"]["rows"]}
    lexical, obedient = (by[f"diffgauge/{name}"] for name in graders)
    assert lexical["raised"]["value"] == lexical["moved"]["value"] == 0
    assert obedient["raised"]["value"] >= 3
    assert data["about"].keys() == {"inflation"} and data["evidence"].endswith("+scripted")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("graders", "validate", "--split", "tset"), "Did you mean 'test'"),
        (("graders", "validate", "--model-role", "grader"), "Allowed: grader=provider/model"),
        (("graders", "validate", "--model-role", "trigger=a/b"), "Unknown model role 'trigger'"),
        (("graders", "validate", "--model-role", "grader=diffgauge/lexcal"), "'lexical'"),
        (("graders", "validate", "--human", "nothing.json"), "nothing.json cannot be read"),
        (("graders", "validate", "--display", "loud"), "Unknown display 'loud'"),
        (("graders", "validate", "--out", "file"), "Name another folder with --out"),
        (("graders", "build", "--out", "file/set.jsonl"), "Name another file with --out"),
        (("redteam", "--only", "grader"), "Did you mean 'graders'"),
        (("redteam", "--reports", "0"), "0 reports were asked for"),
        (("redteam", "--grader", "nowhere/x"), "cannot be made"),
        (("redteam", "--model", "diffgauge/scriptd"), "'scripted'"),
        (("redteam", "--pleas", "ple"), "Did you mean 'plea'"),
        (("redteam", "--pleas", ","), "--pleas names nothing"),
        (("redteam", "--organisms", "zoo/submarin"), "Did you mean 'zoo/submarine'"),
        (("redteam", "--organisms", "\x1b[2J"), r"\x1b[2J"),
        (("redteam", "--out", "file"), "Name another folder with --out"),
    ],
)
def test_mistakes_are_told_before_anything_is_spent(
    arguments: tuple[str, ...],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("")
    monkeypatch.setattr(sys, "argv", ["diffgauge", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    shown = capsys.readouterr()
    assert ended.value.code == 2 and shown.out == ""
    assert said in shown.err and "\x1b" not in shown.err and "Traceback" not in shown.err
    assert not list(tmp_path.rglob("*.eval"))
