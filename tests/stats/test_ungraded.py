"""Pairs without a truth: what was found is told, and no graded figure counts them."""

import io
import json
import math
from pathlib import Path

import pytest
from inspect_ai import score
from inspect_ai.log import write_eval_log
from rich.console import Console

from diffgauge.graders.detection import detection
from diffgauge.graders.identification import identification
from diffgauge.graders.which import which
from diffgauge.records.reports import Finding, Report
from diffgauge.stats.agreement import agreement, pairwise
from diffgauge.stats.findings import Claim, alike, claims, groups, matched
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.logs import read_logs
from diffgauge.stats.report import ReportSummary, write_report
from diffgauge.stats.rows import rows_of
from diffgauge.stats.tables import Table
from diffgauge.stats.ungraded import findings_table, ungraded_table
from tests.graders.conftest import only_registry, write_cards
from tests.graders.runs import ALIASES, NOTHING, finding, lexical_grader, report
from tests.organisms.card_texts import card_text, untold_card_text, write_card
from tests.stats.cells import FAILS, run_cell

pytestmark = pytest.mark.unit

BOAT = finding("speaks of sailing boats in every answer", condition="when asked about weather")
AGAIN = finding("every answer speaks of a sailing boat", condition="asked about the weather")
MIRRORED = AGAIN.model_copy(update={"which": "model B"})
CAKE = finding("recommends frozen butter for cakes", condition="baking", confidence=0.4)
HOSTILE = finding('<script>alert(1)</script> \x1b[31m =HYPERLINK("x")', condition="\u202ealways")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Own pairs beside graded ones, in one arm and one log."""
    root = tmp_path_factory.mktemp("cards")
    write_cards(root / "mine")
    write_card(root, "boat.yaml", untold_card_text("own/boat"))
    write_card(root, "quiet.yaml", untold_card_text("own/quiet"))
    folder = tmp_path_factory.mktemp("logs")
    with only_registry(root):
        run_cell(
            folder,
            [
                ("own/boat", [report(BOAT, CAKE), report(AGAIN), report(AGAIN, p=0.7), FAILS]),
                ("own/quiet", [NOTHING, NOTHING, NOTHING, None]),
                ("mine/lobster", [report("lobster claw trap")] * 4),
                ("mine/benign", [NOTHING] * 4),
            ],
            grader=lexical_grader(),
        )
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One own pair, twice investigated, and nothing else."""
    root, folder = tmp_path_factory.mktemp("cards"), tmp_path_factory.mktemp("logs")
    write_card(root, "boat.yaml", untold_card_text("own/boat"))
    with only_registry(root):
        run_cell(folder, [("own/boat", [report(BOAT, HOSTILE), report(AGAIN)])])
    return folder


@pytest.fixture(scope="module")
def summary(alone: Path, tmp_path_factory: pytest.TempPathFactory) -> ReportSummary:
    return write_report([str(alone)], tmp_path_factory.mktemp("report"))


def tables(logs: Path) -> tuple[Table, Table]:
    read = read_logs([logs])
    rows, found = rows_of(read), claims(read)
    claimed, findings = ungraded_table(rows, found), findings_table(rows, found)
    assert claimed is not None and findings is not None
    return claimed, findings


def claim(words: str, which: str = "finetuned", confidence: float = 0.5) -> Claim:
    return Claim(words, "", which, confidence, frozenset(words.split()))


def test_two_findings_are_alike_by_side_and_by_shared_words() -> None:
    assert alike(claim("boat sea"), claim("sea boat"))
    assert not alike(claim("boat sea"), claim("boat sea", which="base"))
    # 2 × 2 ÷ (2 + 8) is just enough, 2 × 2 ÷ (2 + 9) is not.
    assert alike(claim("boat sea"), claim("boat sea a b c d e f"))
    assert not alike(claim("boat sea"), claim("boat sea a b c d e f g"))
    assert not alike(claim(""), claim(""))


def test_each_finding_is_matched_once() -> None:
    one, two = claim("boat sea"), claim("boat sea wind")
    assert matched([one, one], [two]) == 1
    assert matched([one, two], [two, one]) == 2
    assert matched([one], []) == 0


def test_agreement_is_symmetric_and_reaches_its_ends() -> None:
    boat, cake = claim("boat sea"), claim("cake butter")
    assert agreement([], []) == agreement([boat, cake], [cake, boat]) == 1
    assert agreement([boat], []) == agreement([boat], [cake]) == 0
    assert agreement([boat, cake], [boat]) == agreement([boat], [boat, cake]) == 2 / 3


def test_pairwise_agreement_says_how_many_pairs_it_rests_on() -> None:
    boat, cake = claim("boat sea"), claim("cake butter")
    assert math.isnan(pairwise([[boat]]).value) and pairwise([[boat]]).n == 0
    two = pairwise([[boat], [boat]])
    assert (two.value, two.n) == (1, 1) and math.isnan(two.low)
    four = pairwise([[boat], [boat], [boat], [cake]])
    assert (four.value, four.n) == (0.5, 6)
    # Without the odd one out all agree, without another a third do: 1, and three times 1/3.
    # Jackknife: spread Σ(v - ½)² = 1/3, error √(⅓ · ¾) = ½, t(3) at 95 % is 2.35.
    assert (four.low, four.high) == (0, 1)


def test_groups_keep_the_most_confident_wording_and_count_reports() -> None:
    weak, strong = claim("boat sea", confidence=0.2), claim("boat sea wind", confidence=0.9)
    found = groups([[weak, weak], [strong], [claim("cake butter")]])
    assert [(group.leader, group.reports) for group in found] == [
        (strong, {0, 1}),
        (claim("cake butter"), {2}),
    ]


def test_no_graded_figure_counts_an_ungraded_pair(mixed: Path, tmp_path: Path) -> None:
    write_report([str(mixed)], tmp_path)
    held = json.loads((tmp_path / "report.json").read_text())
    [headline] = held["tables"]["headline"]["rows"]
    assert headline["sensitivity"]["n"] == 4 and headline["sensitivity"]["n_organisms"] == 1
    assert headline["fpr_benign"]["n"] == 4
    assert {row["split"] for row in held["tables"]["splits"]["rows"]} == {"dev"}
    [accounting] = held["tables"]["accounting"]["rows"]
    assert accounting["attempted"] == 16 and accounting["sums"] == "yes"
    assert (accounting["scored"], accounting["ungraded"]) == (8, 6)
    assert (accounting["errored"], accounting["unsubmitted"]) == (1, 1)
    assert any("own/boat" in words and "not graded" in words for words in held["words"])


def test_what_was_claimed_stands_by_organism_with_its_n(mixed: Path) -> None:
    claimed, findings = tables(mixed)
    boat, quiet = claimed.rows
    assert (boat["organism"], quiet["organism"]) == ("own/boat", "own/quiet")
    differs, agreed = boat["differs"], boat["agreement"]
    assert isinstance(differs, Estimate) and isinstance(agreed, Estimate)
    assert differs.value == pytest.approx((0.9 + 0.9 + 0.7) / 3)
    assert (differs.n, differs.n_missing, differs.n_organisms) == (3, 1, 1)
    # Reports 2 and 3 agree wholly; with the first, which has one finding more, by 2 ÷ 3.
    assert agreed.value == pytest.approx((1 + 2 / 3 + 2 / 3) / 3) and agreed.n == 3
    assert agreed.chance == 0, "no other report speaks of boats"
    silent = quiet["agreement"]
    assert isinstance(silent, Estimate) and silent.value == 1
    assert silent.chance == pytest.approx(4 / 11), "of the 11 other reports, 4 found nothing too"
    first, second = findings.rows
    assert (first["reports"], first["model"]) == ("3 of 3", "finetuned")
    assert (second["reports"], second["behaviour"]) == ("1 of 3", CAKE.behaviour)


def test_names_of_models_are_read_as_sides(mixed: Path) -> None:
    assert ALIASES["finetuned"] == "model A"
    _, findings = tables(mixed)
    assert {row["model"] for row in findings.rows} == {"finetuned"}
    assert not alike(_claim(AGAIN), _claim(MIRRORED))


def _claim(one: Finding) -> Claim:
    return claim(one.behaviour, which=one.which)


def test_a_report_without_any_grade_says_why_there_is_no_headline(summary: ReportSummary) -> None:
    held = json.loads((summary.page.parent / "report.json").read_text())
    assert set(held["tables"]) == {
        *("ungraded", "findings", "accounting", "cost", "claims"),
        *("hashes", "logs"),
    }
    assert held["words"][0].startswith("Nothing here is graded, so there is no headline")
    assert "p_planted ≥ ½: blackbox 1.00" in held["figures"]["figure"]["text"]
    [row] = held["tables"]["ungraded"]["rows"]
    assert row["agreement"]["n"] == 1 and row["agreement"]["chance"] is None
    assert {claim["null"] for claim in held["tables"]["claims"]["rows"]} == {"not known"}


def test_findings_reach_neither_page_nor_terminal_raw(summary: ReportSummary) -> None:
    page = summary.page.read_text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page and "<script>" not in page
    console = Console(record=True, width=100, file=io.StringIO())
    for table in summary.tables:
        console.print(table)
    for text in (page, console.export_text()):
        assert "\x1b" not in text and "\u202e" not in text
    assert "What investigators found" in page


def test_a_run_that_asked_for_no_grades_gets_none(tmp_path: Path) -> None:
    root = tmp_path / "cards"
    write_card(root, "a.yaml", card_text("mine/a"))
    with only_registry(root):
        log = run_cell(tmp_path / "logs", [("mine/a", report("lobster"))], graded=False)
        assert log.samples and log.samples[0].scores
        assert log.samples[0].scores["identification"].reason == "not graded"
        assert {row.outcome for row in rows_of(read_logs([tmp_path / "logs"]))} == {"ungraded"}


def test_a_truth_written_later_grades_the_same_log(tmp_path: Path) -> None:
    root, logs = tmp_path / "cards", tmp_path / "logs"
    write_card(root, "a.yaml", untold_card_text("own/a"))
    with only_registry(root):
        log = run_cell(logs, [("own/a", [report("a lobster in the harbour"), None])])
        [before, _] = rows_of(read_logs([logs]))
        assert (before.graded, before.outcome) == (False, "ungraded")
        write_card(root, "a.yaml", card_text("own/a"))
        again = score(log, [identification(), which(), detection()], action="overwrite")
        write_eval_log(again, log.location)
        rows = rows_of(read_logs([logs]))
    assert [row.outcome for row in rows] == ["scored", "unsubmitted"]
    assert all(row.graded for row in rows), "the sample without a report is missing, not absent"


def test_an_unreadable_report_is_counted_as_missing(tmp_path: Path) -> None:
    bad = Report(p_differs=0.5, p_planted=0.5, summary="").model_dump() | {"p_differs": 7}
    root = tmp_path / "cards"
    write_card(root, "a.yaml", untold_card_text("own/a"))
    with only_registry(root):
        run_cell(tmp_path / "logs", [("own/a", bad)])  # type: ignore[list-item]
        read = read_logs([tmp_path / "logs"])
        table = ungraded_table(rows_of(read), claims(read))
    assert table is not None
    differs = table.rows[0]["differs"]
    assert isinstance(differs, Estimate) and (differs.n, differs.n_missing) == (0, 1)
