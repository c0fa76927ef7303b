"""The notebook's tables are the report's, as numbers; the example of its page runs."""

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import pandas as pd
import pytest

from diffgauge.records.errors import DiffgaugeError
from diffgauge.stats import notebook
from diffgauge.stats.engines import choice
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.logs import read_logs
from diffgauge.stats.report_contents import tables_of
from diffgauge.stats.rows import rows_of
from tests.graders.conftest import only_registry
from tests.graders.runs import NOTHING, lexical_grader, report
from tests.stats.cells import run_cell
from tests.stats.draws import known

pytestmark = pytest.mark.unit

PAGE = Path(__file__).parents[2] / "docs" / "notebook.md"


@pytest.fixture(scope="module")
def logs(cards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notebook")
    given = [
        ("mine/lobster", report("lobster claw trap shell")),
        ("mine/camel", None),
        ("mine/benign", NOTHING),
    ]
    with only_registry(cards):
        for arm in ("blackbox", "adl:method"):
            run_cell(folder / "grid", given, arm_id=arm, grader=lexical_grader())
    return folder


def test_rows_are_the_reports(logs: Path) -> None:
    frame = notebook.rows([logs])
    assert len(frame) == 6 and str(frame["grade"].dtype) == "Float64"
    assert frame["arm_id"].tolist() == ["adl:method"] * 3 + ["blackbox"] * 3


def test_tables_are_the_reports_with_a_column_for_each_number(logs: Path) -> None:
    read = read_logs([logs])
    ours, theirs = notebook.tables([logs]), tables_of(rows_of(read), read)
    assert list(ours) == [table.name for table in theirs]
    for table in theirs:
        frame = ours[table.name]
        assert len(frame) == len(table.rows) and frame.attrs["evidence"] == table.evidence
        assert {column.key for column in table.columns} <= set(frame.columns)
        for at, line in enumerate(table.rows):
            for key, value in line.items():
                if not isinstance(value, Estimate):
                    continue
                for part in ("low", "high", "n", "n_organisms", "n_missing", "worst", "best"):
                    found = frame[f"{key}_{part}"][at]
                    expected = getattr(value, part)
                    assert found == expected or (pd.isna(found) and expected != expected)
    headline = ours["headline"].set_index("arm")
    # One planted sample of two was reported, and that one claims a planted change.
    assert headline["sensitivity"]["blackbox"] == 1 and headline["sensitivity_n_missing"].sum() == 2


def test_answers_are_frames_and_the_forest_draws_them(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "fit_directly", known({"adl:method": 1.0}))
    found = notebook.answers([logs], engine="direct")
    uplift = found["uplift_good_grades"]
    assert uplift["new_low"][0] < uplift["new"][0] < uplift["new_high"][0]
    figure = notebook.forest(uplift)
    [axis] = figure.axes
    assert [one.get_text() for one in axis.get_yticklabels()] == ["adl:method − blackbox"]
    with pytest.raises(DiffgaugeError, match="no column absent"):
        notebook.forest(uplift, value="absent")


def test_the_example_of_the_page_runs(
    logs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(choice, "fit_directly", known({"adl:method": 1.0}))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs").symlink_to(logs)
    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    said = io.StringIO()
    with redirect_stdout(said):
        exec(compile(code, str(PAGE), "exec"), {})
    assert "adl:method" in said.getvalue() and (tmp_path / "forest.png").is_file()
