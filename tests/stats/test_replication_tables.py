"""Tested findings as rows and as a table: what holds, by kind of pair, and what was not tested."""

import math
from pathlib import Path

import pytest

from diffgauge.records.rows import Row
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.logs import read_logs
from diffgauge.stats.replication_tables import replication_table
from diffgauge.stats.report_contents import tables_of
from diffgauge.stats.rows import rows_of
from diffgauge.stats.tables import Table
from tests.graders.conftest import only_registry
from tests.graders.fresh import Saying, also, plain, predicted, reporting, run, samples
from tests.graders.runs import NOTHING
from tests.stats.cells import run_cell

pytestmark = pytest.mark.unit

SPEAKS = Saying(plain, also("lobster", "claw", "yeehaw"))
TRUE = predicted("Speaks of the lobster and its claw")
FALSE = predicted("Speaks of violins")
UNPLANTED = predicted("Says yeehaw")
UNTOLD = TRUE.model_copy(update={"prediction": ()})


@pytest.fixture(scope="module")
def logs(cards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logs")
    given = [
        ("mine/lobster", reporting(TRUE, FALSE, UNPLANTED, UNTOLD)),
        ("mine/violin", reporting(FALSE)),
        ("mine/camel", reporting(UNTOLD)),
        ("mine/benign", reporting(TRUE, FALSE)),
        ("mine/identical", reporting()),
    ]
    with only_registry(cards):
        run(folder, [(organism, report, samples(report, SPEAKS)) for organism, report in given])
    return folder


def _rows(logs: Path) -> dict[str, Row]:
    return {row.organism: row for row in rows_of(read_logs([str(logs)]))}


def _table(rows: list[Row]) -> Table:
    table = replication_table(rows)
    assert table is not None
    return table


def test_rows_hold_what_became_of_the_findings(logs: Path) -> None:
    rows = _rows(logs)
    lobster = rows["mine/lobster"]
    assert lobster.replicated == pytest.approx(2 / 3) and lobster.replication_reason is None
    counts = (lobster.n_tested, lobster.n_held, lobster.n_side_effects, lobster.n_false_findings)
    assert counts == (3, 2, 1, 1)
    assert lobster.replication_interactions == 80 and lobster.replication_judge == "offline"
    camel, identical = rows["mine/camel"], rows["mine/identical"]
    assert (camel.replicated, camel.replication_reason) == (None, "no prediction")
    assert (identical.replicated, identical.replication_reason) == (None, "no findings")
    assert camel.n_tested == 0 and camel.replication_interactions == 0


def test_the_table_keeps_kinds_of_pairs_apart_and_counts_what_was_not_tested(logs: Path) -> None:
    table = _table(list(_rows(logs).values()))
    [values] = table.rows
    planted, benign = values["held_none"], values["held_benign"]
    assert isinstance(planted, Estimate) and isinstance(benign, Estimate)
    assert planted.value == pytest.approx(0.5) and (planted.n, planted.n_organisms) == (4, 2)
    assert benign.value == pytest.approx(0.5) and benign.n == 2
    assert "held_identical" not in values, "nothing was tested there"
    assert (values["n_tested"], values["n_held"]) == (6, 3)
    assert (values["n_side_effects"], values["n_false_findings"]) == (2, 3)
    assert values["n_untested"] == 2
    assert values["without"] == "no findings: 1, no prediction: 1"
    assert {column.key for column in table.columns} >= set(values) - {"judge"}


def test_what_holds_on_one_model_twice_is_no_side_effect(tmp_path: Path) -> None:
    report = reporting(TRUE)
    run(tmp_path, [("mine/identical", report, samples(report, SPEAKS))])
    [values] = _table(list(_rows(tmp_path).values())).rows
    assert values["n_held"] == 1 and values["n_side_effects"] == 0
    held = values["held_identical"]
    assert isinstance(held, Estimate) and held.value == 1


def test_pairs_without_a_truth_stand_apart(tmp_path: Path) -> None:
    report = reporting(TRUE, FALSE)
    run(tmp_path, [("mine/mystery", report, samples(report, SPEAKS))], graded=False)
    [row] = _rows(tmp_path).values()
    assert row.n_side_effects is None and row.n_held == 1
    read = read_logs([str(tmp_path)])
    table = next(one for one in tables_of([row], read) if one.name == "replication")
    [values] = table.rows
    held = values["held_ungraded"]
    assert isinstance(held, Estimate) and held.value == 0.5 and "held_none" not in values


def test_logs_without_fresh_samples_have_no_table_and_no_value(tmp_path: Path) -> None:
    run_cell(tmp_path, [("mine/lobster", NOTHING)])
    [row] = _rows(tmp_path).values()
    assert row.replication_reason == "not sampled" and row.n_tested is None
    assert replication_table([row]) is None
    assert not math.isfinite(row.replicated or math.nan)
