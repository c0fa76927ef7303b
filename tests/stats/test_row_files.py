"""Rows as files: their types whatever is missing, nothing that a spreadsheet runs, both alike."""

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from diffgauge.cli.app import app
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.rows import Row
from diffgauge.stats.row_files import typed_frame, write_rows
from tests.graders.conftest import only_registry
from tests.graders.runs import lexical_grader, report
from tests.stats.cells import run_cell
from tests.stats.tables import row

pytestmark = pytest.mark.unit


def test_columns_have_the_types_of_a_row_also_where_nothing_is_there() -> None:
    held, empty = typed_frame([row(rank=2.0)]), typed_frame([])
    assert list(held.columns) == list(empty.columns) == list(Row.model_fields)
    assert (held.dtypes == empty.dtypes).all()
    kinds = {name: str(held[name].dtype) for name in ("epoch", "turns", "rank", "top1", "outcome")}
    assert kinds == {
        "epoch": "Int64",
        "turns": "Int64",
        "rank": "Float64",
        "top1": "boolean",
        "outcome": "string",
    }
    assert held["turns"].isna().all() and held["rank"].tolist() == [2.0]


def test_both_files_hold_the_same_and_text_that_would_run_is_quoted(tmp_path: Path) -> None:
    rows = [row(claim='=HYPERLINK("x")', turns=None), row(claim="\x1b[31mplain", turns=3)]
    write_rows(rows, tmp_path / "deep" / "rows.parquet")
    write_rows(rows, tmp_path / "deep" / "rows.csv")
    parquet = pd.read_parquet(tmp_path / "deep" / "rows.parquet")
    csv = pd.read_csv(tmp_path / "deep" / "rows.csv")
    pd.testing.assert_frame_equal(parquet, typed_frame(rows))
    assert list(csv.columns) == list(parquet.columns)
    assert csv["claim"][0] == '\'=HYPERLINK("x")' and "\x1b" not in csv["claim"][1]
    assert csv["turns"].isna().tolist() == parquet["turns"].isna().tolist() == [True, False]
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {"rows.parquet", "rows.csv"}


def test_another_ending_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["rows", "nowhere", "--out", str(tmp_path / "rows.xlsx")])
    assert isinstance(done.exception, DiffgaugeError)
    assert "rows.xlsx" in str(done.exception) and "*.parquet or *.csv" in str(done.exception)


def test_the_command_writes_the_table_and_tells_the_notes(cards: Path, tmp_path: Path) -> None:
    given = [("mine/lobster", report("lobster claw")), ("mine/camel", None)]
    with only_registry(cards):
        run_cell(tmp_path / "logs", given, grader=lexical_grader(), repeats=2)
    (tmp_path / "logs" / "cut.eval").write_bytes(b"PK")
    out = tmp_path / "rows.csv"
    done = CliRunner().invoke(app, ["rows", str(tmp_path / "logs"), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "cut.eval cannot be read" in done.output and "of 2 samples" in done.output
    frame = pd.read_csv(out)
    # The camel's run had no report: nothing was put to a grader, and one row says so.
    assert frame["organism"].tolist() == ["mine/camel", "mine/lobster", "mine/lobster"]
    assert frame["grade"].isna().tolist() == [True, False, False]
