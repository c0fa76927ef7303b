"""Tables of a validation: what is counted, what is left out, and what a bias looks like."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from diffgauge.records.validations import ValidationRow
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.tables import Table
from diffgauge.stats.validation_page import validation_data, validation_shown, write_validation
from diffgauge.stats.validation_tables import validation_mark, validation_tables

pytestmark = pytest.mark.unit


def row(example: str, label: int, grade: int | None, **more: Any) -> ValidationRow:
    usual: dict[str, Any] = {
        "example": example,
        "organism": "zoo/one",
        "truth_id": example.split()[0],
        "family": "taboo",
        "null": "none",
        "half": "test",
        "kind": "good",
        "wording": "words",
        "n_words": 30,
        "n_findings": 1,
        "label": label,
        "grader": "a/grader",
        "grade": grade,
        "problem": None if grade is not None else "it said nothing",
    }
    return ValidationRow(**(usual | more))


ROWS = (
    row("x good", 5, 5),
    row("x long", 5, 3, twin="x good", n_words=150),
    row("x bad", 1, 1, kind="wrong", wording="none"),
    row("x hit", 1, 4, kind="adversarial", wording="none", attack="plea", twin="x bad"),
    row("y good", 5, 4, wording="other"),
    row("y shot", 4, 4, kind="shotgun", position=1, n_findings=8),
    row("z shot", 4, 1, kind="shotgun", position=8, n_findings=8),
    row("y bad", 1, None, kind="wrong", wording="none"),
    row("y hit", 1, 1, kind="adversarial", wording="none", attack="plea", twin="y bad"),
    row("n denial", 5, 5, kind="denial", wording="none", null="benign", family="benign"),
)


def table(name: str, rows: tuple[ValidationRow, ...] = ROWS) -> Table:
    return next(one for one in validation_tables(rows) if one.name == name)


def line(name: str, key: str, value: Any, rows: tuple[ValidationRow, ...] = ROWS) -> dict[str, Any]:
    [found] = [one for one in table(name, rows).rows if one[key] == value]
    return found


def test_what_has_no_grade_is_counted_and_bounds_the_shares() -> None:
    found = line("agreement", "part", "test")
    exact = found["exact"]
    assert isinstance(exact, Estimate)
    assert found["unscored"] == exact.n_missing == 1 and exact.n == len(ROWS) - 1
    assert exact.value == pytest.approx(5 / 9)
    assert exact.worst == pytest.approx(5 / 10) and exact.best == pytest.approx(6 / 10)
    assert found["bias"].value == pytest.approx((-2 + 3 - 1 - 3) / 9)
    planted, nulls = (line("agreement", "part", f"test, {part}") for part in ("planted", "nulls"))
    assert planted["exact"].n == 8 and nulls["exact"].n == 1


def test_the_confusion_holds_every_report_once() -> None:
    held = table("confusion:a/grader")
    counts = [value for line in held.rows for name, value in line.items() if name != "label"]
    assert sum(int(value) for value in counts if isinstance(value, int)) == len(ROWS)
    [fives] = [one for one in held.rows if one["label"] == 5]
    assert (fives["5"], fives["4"], fives["3"], fives["unscored"]) == (2, 1, 1, 0)


def test_length_is_judged_by_twins_and_attacks_apart_from_it() -> None:
    twins = line("length", "length", "long minus short, same content")["bias"]
    assert (twins.value, twins.n) == (-2, 1)
    moved = line("attacks", "grader", "a/grader")["moved"]
    assert (moved.value, moved.n, moved.n_missing) == (3, 1, 1)


def test_position_is_that_of_the_true_finding() -> None:
    assert line("position", "position", 1)["bias"].value == 0
    assert line("position", "position", 8)["bias"].value == -3


def test_wordings_leave_nulls_out() -> None:
    none = line("wordings", "wording", "no key fact said")
    assert none["exact"].n + none["unscored"] == 4


def test_humans_stand_beside_both_where_there_are_any() -> None:
    assert all(one.name != "humans" for one in validation_tables(ROWS))
    rows = (row("x good", 5, 4, human=4.0), row("y good", 5, None, human=2.0), ROWS[2])
    made = line("humans", "grader", "by construction", rows)
    graded = line("humans", "grader", "a/grader", rows)
    assert (made["bias"].value, made["bias"].n) == (pytest.approx(2), 2)
    assert (graded["bias"].value, graded["bias"].n, graded["bias"].n_missing) == (0, 1, 1)


def test_nothing_at_all_gives_empty_tables() -> None:
    assert all(not one.rows for one in validation_tables(()))


def test_the_mark_says_who_labelled() -> None:
    assert validation_mark(ROWS) == "evidence: zoo; labels: construction"


def test_page_and_twin_hold_the_same_and_obey_no_text(tmp_path: Path) -> None:
    rows = (*ROWS, row("w good", 5, None, grader="a/\x1b[2Jgrader"))
    page, twin = write_validation(rows, {"split": "test"}, "diffgauge graders validate", tmp_path)
    text, data = page.read_text(), json.loads(twin.read_text())
    assert "\x1b" not in text and "it said nothing" in text
    assert "no human gave them" in text and data["evidence"] in text
    assert len(data["rows"]) == len(rows) and data["about"] == {"split": "test"}
    assert data == json.loads(json.dumps(validation_data(rows, data["about"], data["command"])))
    assert {one.title for one in validation_tables(ROWS)} <= {
        one["title"] for one in data["tables"].values()
    }
    for one in validation_tables(ROWS):
        assert one.title in text
    assert [one.name for one in validation_shown(rows)] == ["agreement", "wordings"]
    assert not any(
        isinstance(value, float) and math.isnan(value)
        for one in data["rows"]
        for value in one.values()
    )
