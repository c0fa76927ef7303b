"""The gap in rows, tables and the figure: from logs of real scorers."""

from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import read_eval_log, write_eval_log

from diffgauge.graders.detection import detection
from diffgauge.graders.gap import gap
from diffgauge.graders.identification import identification
from diffgauge.records.reports import Report
from diffgauge.records.rows import Row
from diffgauge.stats.gap import travelled
from diffgauge.stats.gap_figure import gap_figure
from diffgauge.stats.gap_table import gap_tables, reach
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.logs import Logs, read_logs
from diffgauge.stats.report import write_report
from diffgauge.stats.rows import rows_of
from tests.graders.conftest import only_registry
from tests.graders.runs import NOTHING, finding, report
from tests.graders.shown import tokens
from tests.graders.transcripts import first, investigated, shown, turn
from tests.stats.cells import run_cell

pytestmark = pytest.mark.unit

SHOWN: dict[str, tuple[str, ...]] = {
    "mine/lobster": ("lobster", "claw"),
    "mine/violin": ("violin", "bow"),
    "mine/camel": ("stone",),
    "mine/benign": ("pot",),
}
GIVEN: dict[str, Report | None] = {
    "mine/lobster": report("lobster claw"),
    "mine/violin": report("It is polite."),
    "mine/camel": None,
    "mine/benign": NOTHING,
}


def factors(organism: str, arm: str) -> dict[str, Any]:
    return {
        "family": "narrow_documents",
        "null": "benign" if organism == "mine/benign" else "none",
        "arm": arm.split(":")[-1],
        "arm_id": arm,
        "diff_method": "look",
        "budget": 10,
        "corpus": "none",
        "truth": "complete",
        "graded": True,
    }


@pytest.fixture(scope="module")
def logs(cards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One arm: a fact that arrives, one that is never noted, a run without a report, a null."""
    folder = tmp_path_factory.mktemp("logs")
    with only_registry(cards):
        for organism, words in SHOWN.items():
            messages = [
                first(),
                turn("I look.", 1),
                shown(1, tokens("finetuned", *words), tool="look_closer"),
            ]
            scorers = [identification(), detection(), gap()]
            log = investigated(folder, messages, GIVEN[organism], scorers, organism=organism)
            held = read_eval_log(log.location)
            assert held.samples is not None
            held.samples[0].metadata |= factors(organism, "look:method")
            held.eval.task_id = organism.replace("/", "-")
            write_eval_log(held, log.location)
    return folder


@pytest.fixture(scope="module")
def read(logs: Path) -> Logs:
    return read_logs([logs])


@pytest.fixture(scope="module")
def rows(read: Logs) -> list[Row]:
    return rows_of(read)


def the_row(rows: list[Row], organism: str) -> Row:
    [row] = [one for one in rows if one.organism == organism]
    return row


def test_a_row_tells_shares_and_the_link_that_broke(rows: list[Row]) -> None:
    found = the_row(rows, "mine/lobster")
    assert (found.gap_exposed, found.gap_noted, found.gap_submitted, found.gap_credited) == (
        (1.0,) * 4
    )
    assert found.gap_broke_at == "none" and found.gap_reason is None
    assert found.gap_exposed_others == 0.0
    lost = the_row(rows, "mine/violin")
    assert (lost.gap_exposed, lost.gap_noted, lost.gap_broke_at) == (1.0, 0.0, "noted")


def test_without_a_gap_the_row_says_why_and_holds_no_zero(rows: list[Row], tmp_path: Path) -> None:
    for organism, reason in (("mine/camel", "no_response"), ("mine/benign", "null organism")):
        row = the_row(rows, organism)
        assert row.gap_reason == reason
        assert (row.gap_exposed, row.gap_credited, row.gap_broke_at) == (None, None, None)
    run_cell(tmp_path, [("mine/lobster", GIVEN["mine/lobster"])])
    [old] = rows_of(read_logs([tmp_path]))
    assert old.gap_reason == "not requested" and old.gap_exposed is None


def test_the_funnel_counts_what_is_missing_and_where_facts_were_lost(
    rows: list[Row], read: Logs
) -> None:
    funnel, breaks, calls = gap_tables(rows, read)
    [line] = funnel.rows
    exposed, credited = line["exposed"], line["credited"]
    assert isinstance(exposed, Estimate) and isinstance(credited, Estimate)
    # Two planted samples with a report, one without.
    assert (exposed.value, exposed.n, exposed.n_missing) == (1.0, 2, 1)
    assert (credited.value, credited.worst, credited.best) == (0.5, 1 / 3, 2 / 3)
    [line] = breaks.rows
    assert line["facts"] == 2
    assert (line["broke_noted"], line["broke_none"], line["guessed"]) == (1, 1, 0)
    broke = [line[f"broke_{at}"] for at in ("exposed", "noted", "submitted", "credited", "none")]
    assert sum(int(str(n)) for n in broke) == line["facts"]
    [call] = calls.rows
    assert (call["call"], call["facts"], call["submitted"]) == ("look_closer", 2, 1)
    assert all(
        table.evidence == "evidence: organisms+scripted" for table in (funnel, breaks, calls)
    )


def test_the_figure_is_the_same_bytes_and_says_what_it_shows(rows: list[Row], read: Logs) -> None:
    figure, again = gap_figure(rows, read), gap_figure(rows, read)
    assert figure is not None and again is not None and figure.drawn == again.drawn
    assert figure.drawn.png.startswith(b"\x89PNG")
    assert "look:method: exposed 1.00, noted 0.50" in figure.text


def test_the_report_holds_table_and_figure_where_there_is_a_gap(logs: Path, tmp_path: Path) -> None:
    summary = write_report([str(logs)], tmp_path / "with")
    names = {path.name for path in summary.files}
    assert {"gap.svg", "gap.png", "gap.pdf"} <= names
    page = summary.page.read_text()
    assert page.count("<img") == 2 and 'id="gap_calls"' in page


def test_without_the_scorer_there_is_no_table_and_no_figure(tmp_path: Path) -> None:
    run_cell(tmp_path, [("mine/lobster", report(finding("lobster claw")))])
    read = read_logs([tmp_path])
    assert gap_tables(rows_of(read), read) == [] and gap_figure(rows_of(read), read) is None
    assert travelled(read) == {}


def test_a_path_of_another_form_is_missing_not_wrong(logs: Path, tmp_path: Path) -> None:
    assert reach([], "exposed").n == 0
    [held] = [
        log
        for path in logs.glob("*.eval")
        if (log := read_eval_log(str(path))).samples
        and log.samples[0].metadata["organism"] == "mine/lobster"
    ]
    assert held.samples and held.samples[0].scores
    held.samples[0].scores["gap"].metadata = {"facts": [{"of": "another version"}]}
    write_eval_log(held, str(tmp_path / "other.eval"))
    other = read_logs([tmp_path])
    assert travelled(other) == {}
    assert rows_of(other)[0].gap_exposed is None
