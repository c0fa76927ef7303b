"""The doors: what is read, what is kept with its problem, and what is refused in words."""

import json
from pathlib import Path

import pandas as pd
import pytest

from diffgauge.graders.hypotheses.material import read_hypotheses, read_replies, read_verdicts
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.hypotheses import VerdictRow

pytestmark = pytest.mark.unit

TABLE = 'id,text,predicted,train_b\nx,"Says\nahoy, twice.",b,0.75\n,Is longer.,A,\n'


def test_hypotheses_come_from_a_table(tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text(TABLE)
    first, second = read_hypotheses(tmp_path / "h.csv")
    assert (first.id, first.text, first.predicted) == ("x", "Says\nahoy, twice.", "b")
    assert (first.train_a, first.train_b) == (None, 0.75)
    assert (second.id, second.predicted) == ("2", "a")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("h.csv", "text,predicted\n", "no hypothesis"),
        ("h.csv", "text,predicted\nRhymes.,model A\n", "predicted"),
        ("h.csv", "text,predicted\n,a\n", "text"),
        ("h.csv", "id,text,predicted\n1,x,a\n1,y,b\n", "'1'"),
        ("h.jsonl", "not JSON\n", "no JSON"),
        ("h.txt", "x", "kind"),
        ("missing.csv", None, "no file"),
    ],
)
def test_what_is_no_hypothesis_is_refused_in_words(
    name: str, text: str | None, said: str, tmp_path: Path
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(DiffgaugeError, match=said):
        read_hypotheses(tmp_path / name)


def test_broken_rows_of_replies_are_kept_with_their_problem(tmp_path: Path) -> None:
    rows = [
        {"prompt": "p", "a": "x", "b": "y"},
        {"prompt": "p", "a": "", "b": "z", "split": "train"},
        {"prompt": "q", "a": "x", "b": None},
        {"prompt": "r", "a": 3, "b": "y"},
        {"prompt": "s", "a": "x", "b": "y", "split": "dev"},
        {"a": "x", "b": "y"},
        ["no object"],
    ]
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    (tmp_path / "r.jsonl").write_text(f"{lines}not JSON\n")
    found = read_replies([tmp_path / "r.jsonl"])
    assert len(found) == 8
    assert [one.number for one in found[:2]] == [0, 1]
    assert (found[0].split, found[1].split, found[1].a) == ("test", "train", "")
    told = [one.problem or "" for one in found[2:]]
    for said, problem in zip(
        ["model b is missing", "no text", "'dev'", "no prompt", "no JSON object", "no JSON"],
        told,
        strict=True,
    ):
        assert said in problem


def test_one_file_of_each_model_is_paired_by_prompt_and_order(tmp_path: Path) -> None:
    for name, replies in (("a", ["1", "2", "3"]), ("b", ["4", "5"])):
        frame = pd.DataFrame({"prompt": ["p", "p", "q"][: len(replies)], "reply": replies})
        frame.to_parquet(tmp_path / f"{name}.parquet")
    found = read_replies([tmp_path / "a.parquet", tmp_path / "b.parquet"])
    assert [(one.prompt, one.number, one.a, one.b) for one in found[:2]] == [
        ("p", 0, "1", "4"),
        ("p", 1, "2", "5"),
    ]
    assert found[2].problem == "the reply of model b is missing"
    with pytest.raises(DiffgaugeError, match="3 files"):
        read_replies([tmp_path / "a.parquet"] * 3)


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "csv"])
def test_stored_verdicts_are_a_door_of_their_own(kind: str, tmp_path: Path) -> None:
    rows = [
        VerdictRow(
            hypothesis="h", prompt="p", split="test", first="a", verdict="first", grader="g"
        ),
        VerdictRow(
            hypothesis="h",
            prompt="q",
            split="test",
            first="b",
            verdict="error",
            grader="g",
            problem="refused",
        ),
    ]
    frame, path = pd.DataFrame([row.model_dump() for row in rows]), tmp_path / f"v.{kind}"
    if kind == "parquet":
        frame.to_parquet(path)
    elif kind == "csv":
        frame.to_csv(path, index=False)
    else:
        path.write_text("".join(f"{row.model_dump_json()}\n" for row in rows))
    assert read_verdicts(path) == rows
