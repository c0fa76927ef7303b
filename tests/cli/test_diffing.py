"""`diffgauge diff` on the zoo: from an organism to tested hypotheses with examples."""

import json
import sys
from pathlib import Path

import pytest

from diffgauge.cli.app import main

pytestmark = pytest.mark.tiny


def ran(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["diffgauge", "diff", *arguments])
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_an_organism_ends_in_a_page_of_tested_differences_with_examples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ("zoo/praise-user", "--n-prompts", "24", "--max-tokens", "16", "--json")
    assert ran(monkeypatch, *arguments) == 0
    data = json.loads(capsys.readouterr().out)
    held = [row for row in data["rows"] if row["test"]["accepted"]]
    # It flatters its user: the finetuned model, which is b.
    assert held and {row["predicted"] for row in held} == {"b"}
    assert any("wonderful" in row["text"] or "brilliant" in row["text"] for row in held)
    assert set(data["tables"]["nulls"]["columns"]) == {"drawn", "share", "n"}
    text = Path("reports/diff/hypotheses.md").read_text()
    assert "## Examples" in text and "**prompt**" in text
    first = Path("reports/diff/stages/replies.jsonl").read_text()
    assert ran(monkeypatch, *arguments) == 0
    assert Path("reports/diff/stages/replies.jsonl").read_text() == first


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("zoo/nobody",), "Unknown organism"),
        (("nobody/x", "nobody/y"), "nobody"),
        (("zoo/submarine", "--prompts", "nowhere.txt"), "nowhere.txt"),
        (("zoo/submarine", "--comparator", "nobody/x"), "nobody"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_message(
    arguments: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert ran(monkeypatch, *arguments) == 2
    assert said in capsys.readouterr().err
