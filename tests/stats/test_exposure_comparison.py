"""Several methods' evaluations side by side."""

import json
import math
from pathlib import Path

import pytest

from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.exposures import ExposureRow
from diffgauge.stats.exposure_comparison import comparison_tables
from diffgauge.stats.exposure_comparison_figure import comparison_drawn
from diffgauge.stats.exposure_comparison_page import evaluated, write_comparison
from diffgauge.stats.exposure_page import write_exposure
from diffgauge.stats.intervals import Estimate
from tests.stats.test_exposure import ROWS

pytestmark = pytest.mark.unit


def as_method(name: str, gain: float = 0.0, **changed: object) -> list[ExposureRow]:
    return [
        one.model_copy(
            update={
                "method": name,
                "net": None if one.net is None else one.net + gain,
                **changed,
            }
        )
        for one in ROWS
    ]


BOTH = [*as_method("one"), *as_method("two", 0.1)]


def figure(table: str, part: str, method: str) -> Estimate:
    [found] = [one for one in comparison_tables(BOTH) if one.name == table]
    [row] = [one for one in found.rows if one["part"] == part]
    value = row[method]
    assert isinstance(value, Estimate)
    return value


def test_every_method_has_its_own_column_of_the_same_parts() -> None:
    for table in comparison_tables(BOTH):
        assert [column.key for column in table.columns] == ["part", "one", "two"]
        assert table.evidence == "evidence: zoo; corpus unrelated"
    # Two truths, .2 and .6; the diluted organism does not stand among the families.
    assert figure("auroc_by_family", "narrow_documents", "one").value == pytest.approx(0.4)
    assert figure("auroc_by_family", "narrow_documents", "two").value == pytest.approx(0.5)
    missing = figure("term_recall_by_family", "null: identical", "two")
    assert math.isnan(missing.value) and missing.n_missing == 1


def test_doses_are_those_of_the_ladder_alone() -> None:
    [table] = [one for one in comparison_tables(BOTH) if one.name == "auroc_by_dose"]
    assert [row["part"] for row in table.rows] == ["undiluted", "1:4"]
    assert figure("auroc_by_dose", "undiluted", "one").value == pytest.approx(0.6)
    without = [one for one in BOTH if one.dose == "undiluted"]
    assert {one.name for one in comparison_tables(without)} == {
        "auroc_by_family",
        "term_recall_by_family",
    }
    assert comparison_drawn(without)[1].startswith(b"\x89PNG")


def test_the_figure_is_the_same_bytes_for_the_same_rows() -> None:
    assert comparison_drawn(BOTH) == comparison_drawn(BOTH)


def test_other_organisms_or_one_method_twice_are_no_comparison(tmp_path: Path) -> None:
    fewer = [one for one in as_method("two") if one.organism != "zoo/a"]
    with pytest.raises(DiffgaugeError, match=r"two was not evaluated on 1 organisms.*zoo/a"):
        write_comparison([*as_method("one"), *fewer], [], tmp_path)
    with pytest.raises(DiffgaugeError, match="one was evaluated in 2 ways"):
        write_comparison([*BOTH, *as_method("one", seed=1)], [], tmp_path)
    assert not list(tmp_path.iterdir())


def test_evaluations_are_read_from_their_folders(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_exposure(as_method(name), {}, [], f"evaluate {name}", tmp_path / name)
    rows, commands = evaluated([tmp_path])
    assert rows == [*as_method("one"), *as_method("two")]
    assert commands == ["evaluate one", "evaluate two"]
    files = write_comparison(rows, commands, tmp_path)
    assert {file.name for file in files} == {
        f"comparison.{kind}" for kind in ("md", "json", "png", "svg")
    }
    data = json.loads((tmp_path / "comparison.json").read_text())
    assert data["methods"] == ["one", "two"] and data["commands"] == commands
    assert "evaluate two" in (tmp_path / "comparison.md").read_text()


@pytest.mark.parametrize("content", ["", "[]", '{"rows": [{}], "command": ""}', '{"rows": []}'])
def test_what_is_no_evaluation_is_told(tmp_path: Path, content: str) -> None:
    with pytest.raises(DiffgaugeError, match="holds no evaluation"):
        evaluated([tmp_path])
    (tmp_path / "exposure.json").write_text(content)
    with pytest.raises(DiffgaugeError, match="holds no evaluation that can be read"):
        evaluated([tmp_path])
