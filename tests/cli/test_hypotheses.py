"""`diffgauge hypotheses evaluate`: from a table and replies to a page, offline."""

import json
import sys
from pathlib import Path

import pytest

from diffgauge.cli.app import main

pytestmark = pytest.mark.unit

CLAIMS = 'id,text,predicted\npirate,Says ahoy.,b\nwrong,Says ahoy.,a\nvague,"Is, somehow, odd.",a\n'


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Claims, and two replies of each model to 20 prompts, half of them for training."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "claims.csv").write_text(CLAIMS)
    rows = [
        {
            "prompt": f"What of {at}?",
            "a": f"It is {at} {number}.",
            "b": f"Ahoy, {at} {number}.",
            "split": "train" if at % 2 else "test",
        }
        for at in range(20)
        for number in range(2)
    ]
    (tmp_path / "replies.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return tmp_path


def ran(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["diffgauge", "hypotheses", "evaluate", *arguments])
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_true_claims_hold_and_false_ones_do_not(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ran(monkeypatch, "claims.csv", "--responses", "replies.jsonl", "--json") == 0
    data = json.loads(capsys.readouterr().out)
    found = {row["id"]: row for row in data["rows"]}
    assert [found[name]["test"]["accepted"] for name in ("pirate", "wrong", "vague")] == [
        True,
        False,
        False,
    ]
    # Ten held-out prompts, all for the prediction: one of 2**10 exchanges is as good.
    assert found["pirate"]["test"]["p_value"] == pytest.approx(2**-10)
    assert found["pirate"]["accuracy"]["value"] == found["pirate"]["frequency"]["value"] == 1
    assert found["pirate"]["gap"]["value"] == 0
    # The published rule goes by the direction on training prompts.
    assert [found[name]["legacy_accepted"] for name in ("pirate", "wrong")] == [True, False]
    nulls = {row["drawn"]: row["share"] for row in data["tables"]["nulls"]["rows"]}
    assert set(nulls) == {"model a twice", "model b twice"}
    assert all(share.startswith("0.00") for share in nulls.values())
    assert "offline grader" in data["evidence"]


def test_stored_verdicts_give_the_same_without_asking(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran(monkeypatch, "claims.csv", "--responses", "replies.jsonl", "--json", "--out", "one")
    first = json.loads(capsys.readouterr().out)
    stored = ("--verdicts", "one/verdicts.parquet", "--json", "--out", "two")
    assert ran(monkeypatch, "claims.csv", *stored) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == first["rows"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("claims.csv",), "either --responses or --verdicts"),
        (("nowhere.csv", "--responses", "replies.jsonl"), "no file nowhere.csv"),
        (("claims.csv", "--responses", "nowhere.jsonl"), "no file nowhere.jsonl"),
        (("claims.csv", "--responses", "replies.jsonl", "--grader", "nobody/x"), "nobody"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_message(
    arguments: tuple[str, ...],
    said: str,
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ran(monkeypatch, *arguments) == 2
    assert said in capsys.readouterr().err


def test_the_table_is_printed(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ran(monkeypatch, "claims.csv", "--responses", "replies.jsonl", "--no-null") == 0
    printed = capsys.readouterr().out
    assert "Which hypotheses hold" in printed and "hypotheses.md" in printed
    text = Path("reports/hypotheses/hypotheses.md").read_text()
    assert "not measured" in text
    assert "diffgauge hypotheses evaluate claims.csv --responses replies.jsonl" in text
