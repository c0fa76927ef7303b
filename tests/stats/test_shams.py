"""Who was shown another organism's artifact, and how often that one was named."""

from pathlib import Path
from typing import Any

import pytest

from diffgauge.stats.cells import cells
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.logs import read_logs
from diffgauge.stats.report import write_report
from diffgauge.stats.report_contents import tables_of
from diffgauge.stats.rows import rows_of
from diffgauge.stats.shams import sham_table
from tests.graders.conftest import only_registry
from tests.graders.runs import NOTHING, report
from tests.stats.cells import run_cell

pytestmark = pytest.mark.unit

SHOWN = "mine/violin"
FOLLOWS = report("violin bow string")
RIGHT = report("lobster claw trap")


@pytest.fixture(scope="module")
def logs(cards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logs")
    with only_registry(cards):
        run_cell(
            folder,
            [
                ("mine/lobster", [FOLLOWS, RIGHT, FOLLOWS, None]),
                ("mine/camel", [FOLLOWS, NOTHING, NOTHING, NOTHING]),
                ("mine/benign", [FOLLOWS, NOTHING, NOTHING, NOTHING]),
            ],
            arm_id="adl:sham",
            more={"shown_organism": SHOWN, "shown_truth_id": SHOWN},
        )
        run_cell(
            folder,
            [("mine/lobster", RIGHT)],
            arm_id="adl:method",
            more={
                "shown_truth_id": "none",
                "token_budget": 5000,
                "money_budget": 1.5,
                "turns": 12,
                "agent_name": "else/where",
            },
        )
    return folder


def test_rows_say_what_was_shown_and_where_it_came(logs: Path) -> None:
    rows = rows_of(read_logs([logs]))
    of_sham = [row for row in rows if row.arm == "sham"]
    assert len(of_sham) == 12 and {row.shown_truth_id for row in of_sham} == {SHOWN}
    followed = [row.sham_top1 for row in of_sham]
    assert followed.count(True) == 4 and followed.count(None) == 1
    assert [row.sham_rank for row in of_sham if row.sham_top1] == [1] * 4
    [other] = [row for row in rows if row.arm == "method"]
    assert other.shown_truth_id is None and other.sham_rank is None and other.sham_top1 is None
    assert (other.token_budget, other.money_budget, other.turn_budget) == (5000, 1.5, 12)
    assert other.agent_name == "else/where"
    assert of_sham[0].token_budget is None, "a log that does not say is not read as a default"


def test_the_wrong_organism_is_counted_apart_on_nulls_and_missing_ones_bound_it(
    logs: Path,
) -> None:
    table = sham_table(rows_of(read_logs([logs])))
    assert table is not None
    [line] = table.rows
    assert line["arm"] == "adl:sham"
    found = {name: line[name] for name in ("followed", "followed_null", "right", "claims_null")}
    assert all(isinstance(one, Estimate) for one in found.values())
    # Of 8 planted samples 7 have a report: 3 name the wrong one, 1 the right one.
    assert line["followed"].value == pytest.approx(3 / 7)  # type: ignore[union-attr]
    assert line["followed"].worst == pytest.approx(4 / 8)  # type: ignore[union-attr]
    assert line["followed"].best == pytest.approx(3 / 8)  # type: ignore[union-attr]
    assert line["followed_null"].value == pytest.approx(1 / 4)  # type: ignore[union-attr]
    assert line["claims_null"].value == pytest.approx(1 / 4)  # type: ignore[union-attr]
    assert line["right"].value == pytest.approx(1 / 7)  # type: ignore[union-attr]


def test_the_report_has_the_table_where_there_is_a_sham_and_nowhere_else(
    logs: Path, cards: Path, tmp_path: Path
) -> None:
    read = read_logs([logs])
    assert "sham" in [table.name for table in tables_of(rows_of(read), read)]
    page = write_report([str(logs)], tmp_path / "out").page.read_text()
    assert "Shown another organism" in page
    run_cell(tmp_path / "plain", [("mine/lobster", RIGHT)])
    plain = read_logs([tmp_path / "plain"])
    assert sham_table(rows_of(plain)) is None


def test_other_agents_and_limits_are_not_pooled_with_the_usual_ones(
    cards: Path, tmp_path: Path
) -> None:
    usual = {"agent_name": "diffgauge/react", "token_budget": 2_000_000, "turns": 30}
    changes: list[dict[str, Any]] = [
        {},
        usual,
        {"agent_name": "a/b"},
        {"token_budget": 9},
        {"money_budget": 0.5},
    ]
    for at, more in enumerate([*changes, {"turns": 9}]):
        run_cell(tmp_path / str(at), [("mine/lobster", RIGHT)], more=more)
    found = cells(rows_of(read_logs([tmp_path / str(at) for at in range(6)])))
    told = sorted(cell.investigator.removeprefix("mockllm/model") for cell in found)
    assert told == ["", " ($0.5)", " (9 tokens)", " (9 turns)", " (agent a/b)"]
    assert max(len(cell.rows) for cell in found) == 2
