import io
import json
import math
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from diffgauge.records.errors import DiffgaugeError
from diffgauge.stats.accounting import accounting_table, claims_table
from diffgauge.stats.cells import cells, false_positive_rate, sensitivity, top1
from diffgauge.stats.engines import choice
from diffgauge.stats.evidence import DOMAIN, caution, mark
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.logs import read_logs
from diffgauge.stats.rendering import terminal_table
from diffgauge.stats.report import ReportSummary, write_report
from diffgauge.stats.rows import rows_of
from diffgauge.stats.tables import rubric_table
from tests.graders.runs import NOTHING
from tests.stats.cells import run_cell
from tests.stats.draws import known

pytestmark = pytest.mark.unit


def test_what_was_found_and_falsely_claimed_by_arm_and_kind_of_null(two_arms: Path) -> None:
    rows = rows_of(read_logs([two_arms]))
    blackbox, method = cells(rows)
    assert (blackbox.arm_id, method.arm_id) == ("blackbox", "adl:method")
    # Doses share a truth: six planted samples of two organisms.
    assert (sensitivity(blackbox).value, sensitivity(blackbox).n) == (1 / 6, 6)
    assert sensitivity(blackbox).n_organisms == 2
    found = sensitivity(method)
    assert (found.value, found.n, found.n_missing) == (1.0, 5, 1)
    assert (found.worst, found.best) == (5 / 6, 1.0)
    assert top1(method).value == 4 / 5 and top1(method).chance == pytest.approx(1 / 25)
    benign = false_positive_rate(method.samples, "benign")
    assert (benign.value, benign.n, benign.n_missing) == (1 / 3, 3, 1)
    # A missing report about a null is at worst a false claim.
    assert (benign.worst, benign.best) == (0.5, 0.25)
    identical = false_positive_rate(method.samples, "identical")
    assert (identical.value, identical.n) == (0.5, 2)
    assert math.isnan(false_positive_rate(method.samples, "reserved").value)


def test_grades_of_samples_that_failed_are_missing_not_absent(two_arms: Path) -> None:
    table = rubric_table(rows_of(read_logs([two_arms])))
    assert table is not None
    method = next(row for row in table.rows if row["arm"] == "adl:method")
    planted, benign = method["grade_none"], method["grade_benign"]
    assert isinstance(planted, Estimate) and isinstance(benign, Estimate)
    assert (planted.n, planted.n_missing) == (5, 1) and (benign.n, benign.n_missing) == (3, 1)
    assert planted.worst == pytest.approx((planted.value * 5 + 1) / 6)


def test_accounting_adds_up_and_would_show_when_it_did_not(two_arms: Path) -> None:
    read = read_logs([two_arms])
    rows = rows_of(read)
    by_arm = {row["arm"]: row for row in accounting_table(rows, read).rows}
    assert by_arm["adl:method"]["attempted"] == 12 and by_arm["adl:method"]["scored"] == 10
    assert by_arm["adl:method"]["errored"] == by_arm["adl:method"]["unsubmitted"] == 1
    assert {row["sums"] for row in by_arm.values()} == {"yes"}
    lost = accounting_table(rows[1:], read).rows
    assert "NO" in {row["sums"] for row in lost}


def test_suspect_pairs_are_counted_and_named(two_arms: Path) -> None:
    read = read_logs([two_arms])
    rows = rows_of(read)
    assert "Suspect" not in accounting_table(rows, read).text
    suspected = [
        row.model_copy(update={"preflight": "SUSPECT"}) if row.organism == "mine/camel" else row
        for row in rows
    ]
    table = accounting_table(suspected, read)
    assert "Suspect pairs, run by leave: mine/camel;" in table.text
    assert sum(int(str(row["suspect"])) for row in table.rows) == sum(
        row.organism == "mine/camel" for row in rows
    )


@pytest.mark.parametrize(
    ("organism", "investigator", "expected"),
    [
        ("zoo/a", "diffgauge/scripted", "evidence: zoo+scripted"),
        ("zoo/a", "anthropic/x", "evidence: zoo+model"),
        ("mine/a", "diffgauge/scripted", "evidence: organisms+scripted"),
        ("mine/a", "anthropic/x", "evidence: organisms+model"),
    ],
)
def test_the_mark_says_what_figures_are_evidence_of(
    two_arms: Path, organism: str, investigator: str, expected: str
) -> None:
    row = rows_of(read_logs([two_arms]))[0]
    changed = row.model_copy(update={"organism": organism, "investigator": investigator})
    assert mark([changed]) == expected
    with_domain = [changed, changed.model_copy(update={"domain_data": True})]
    assert mark(with_domain) == f"{expected}; {DOMAIN}"
    assert bool(caution([changed])) == (expected != "evidence: organisms+model")
    mixed = mark([changed, row.model_copy(update={"organism": "zoo/b"})])
    assert mixed.startswith("evidence: zoo") and mixed.endswith(
        "scripted" if "scripted" in expected else "model"
    )


class Page(HTMLParser):
    """Collects tags, their addresses, and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        held = [str(value) for name, value in attrs if name in ("src", "href")]
        self.addresses += [one for one in held if one.startswith("data:")]
        self.links += [one for one in held if not one.startswith("data:")]
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_page_is_self_contained_marked_and_safe(summary: ReportSummary) -> None:
    text = summary.page.read_text()
    page = Page()
    page.feed(text)
    assert "script" not in page.tags and page.tags.count("img") == 1
    assert all(address.startswith("data:image/svg+xml;base64,") for address in page.addresses)
    assert len(page.addresses) == 1 and "methods/adl.html" in page.links
    anchors = set(re.findall(r' id="([^"]*)"', text))
    for link in page.links:
        beside = (summary.page.parent / link).is_file()
        assert (link[1:] in anchors) if link.startswith("#") else beside, link
    assert "\x1b" not in text and "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert text.count(summary.evidence) >= page.tags.count("table") + 2
    assert summary.evidence == "evidence: organisms+scripted"
    words = " ".join(page.words)
    for needed in (
        "inspect eval cell",
        "false positives: benign",
        "false positives: identical",
        "chance",
    ):
        assert needed in words


def test_the_files_agree_and_carry_the_mark(summary: ReportSummary) -> None:
    out = summary.page.parent
    assert set(summary.files) == {path for path in out.rglob("*") if path.is_file()}
    held = json.loads((out / "report.json").read_text())
    assert held["evidence"] == held["figures"]["figure"]["evidence"] == summary.evidence
    for figure in held["figures"].values():
        assert {Path(name).suffix for name in figure["files"]} == {".svg", ".png", ".pdf"}
        assert all((out / name).is_file() for name in figure["files"])
    assert all(table["evidence"] == summary.evidence for table in held["tables"].values())
    method = next(row for row in held["tables"]["headline"]["rows"] if row["arm"] == "adl:method")
    assert method["sensitivity"]["value"] == 1 and method["sensitivity"]["n_missing"] == 1
    parquet = pd.read_parquet(out / "rows.parquet")
    csv = pd.read_csv(out / "rows.csv.gz")
    assert len(parquet) == len(csv) == held["n_rows"] == 24
    assert list(parquet.columns) == list(csv.columns)
    assert parquet["identification"].isna().sum() == csv["identification"].isna().sum() == 2
    assert (out / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert summary.evidence.split(": ")[1] and "method" in held["figures"]["figure"]["text"]


def test_the_same_logs_give_the_same_bytes(
    two_arms: Path, summary: ReportSummary, tmp_path: Path
) -> None:
    again = write_report([str(two_arms)], tmp_path)
    for one, other in zip(summary.files, again.files, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_models_answer_in_the_page_and_its_twin_where_an_engine_is_named(
    two_arms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "fit_directly", known({"adl:method": 1.0}))
    told: list[str] = []
    summary = write_report([str(two_arms)], tmp_path, engine="direct", say=told.append)
    assert told and {"forest.svg", "forest.png", "forest.pdf"} <= {
        path.name for path in summary.files
    }
    text = summary.page.read_text()
    page = Page()
    page.feed(text)
    drawn = {path.stem for path in summary.files if path.suffix == ".svg"}
    parts = {"doses_good_grades", "costs_good_grades", "costs_claims_planted"}
    assert drawn == {"figure", "forest"} | parts
    assert "Does a method help, and how sure is that?" in text
    assert page.tags.count("img") == len(drawn)
    assert "script" not in page.tags and "\x1b" not in text
    assert text.count(summary.evidence) >= page.tags.count("table") + 2
    held = json.loads((tmp_path / "report.json").read_text())
    assert held["answers"]["engine"] == "NumPyro directly, as asked"
    [uplift] = held["tables"]["uplift_good_grades"]["rows"][:1]
    assert uplift["arm"] == "adl:method" and uplift["new"]["n_organisms"] == 2
    # No matched blackbox is among the logs: that is said, and plain blackbox stands in.
    assert "No matched blackbox ran" in " ".join(held["answers"]["notes"])
    assert any("P(uplift > 0)" in word for word in summary.answers)


def test_a_report_that_cannot_be_written_is_said(two_arms: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(DiffgaugeError, match="Name another folder with --out"):
            write_report([str(two_arms)], out)


def test_tables_fit_a_terminal_and_obey_no_text_in_them(
    two_arms: Path, summary: ReportSummary
) -> None:
    console = Console(record=True, width=80, file=io.StringIO())
    for table in summary.tables:
        console.print(table)
    console.print(terminal_table(claims_table(rows_of(read_logs([two_arms])))))
    shown = console.export_text()
    assert shown.count("evidence: organisms+scripted") >= len(summary.tables)
    assert "sensitivity" in shown and "1 missing: 0.83 … 1.00" in shown
    assert "\x1b" not in shown


def test_an_estimate_without_samples_is_no_number(tmp_path: Path) -> None:
    run_cell(tmp_path / "logs", [("mine/benign", NOTHING)])
    write_report([str(tmp_path / "logs")], tmp_path / "out")
    held = json.loads((tmp_path / "out" / "report.json").read_text())
    [row] = held["tables"]["headline"]["rows"]
    assert row["sensitivity"]["value"] is None and row["sensitivity"]["n"] == 0
    assert row["fpr_benign"]["value"] == 0 and row["fpr_benign"]["high"] == pytest.approx(0.95)


def test_statistics_import_neither_torch_nor_the_machinery() -> None:
    code = (
        "import sys, diffgauge.stats.report\n"
        "bad = ('torch', 'matplotlib', 'jax', 'numpyro', 'xarray', 'diffgauge.tools',"
        " 'diffgauge.methods', 'diffgauge.models',"
        " 'diffgauge.evals', 'diffgauge.graders', 'diffgauge.organisms')\n"
        "assert not [name for name in bad if name in sys.modules]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
