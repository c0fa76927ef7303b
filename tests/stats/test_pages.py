import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from diffgauge.stats.drawing import Drawn
from diffgauge.stats.evidence import mark
from diffgauge.stats.logs import Logs, read_logs
from diffgauge.stats.markdown import in_markdown, page_in_markdown, table_markdown
from diffgauge.stats.method_pages import method_pages
from diffgauge.stats.page_html import page_html
from diffgauge.stats.parts import Chapter, Links, Listing, Page, Picture, Words
from diffgauge.stats.rendering import cut
from diffgauge.stats.report import ReportSummary
from diffgauge.stats.report_contents import chapters_of
from diffgauge.stats.report_json import report_json
from diffgauge.stats.rows import rows_of
from diffgauge.stats.tables import Column, Table, Value
from tests.graders.conftest import only_registry
from tests.stats.cells import artifact, run_cell
from tests.stats.grids import LOBSTER

pytestmark = pytest.mark.unit

EVIL = "<b onclick=x> ![x](http://evil.example/i.png) [y](javascript:z) | `c` ``` www.evil.example"
MARK = "evidence: zoo+scripted"


def a_table(n: int = 1, doubt: str = "") -> Table:
    rows: tuple[dict[str, Value], ...] = tuple({"said": f"{EVIL} {at}"} for at in range(n))
    return Table("t", "Title", EVIL, (Column("said", "said", EVIL),), rows, MARK, doubt)


def a_page(doubt: str = "") -> Page:
    picture = Picture("drawn", lambda: Drawn("<svg/>", b"png", b"pdf"), EVIL, EVIL, MARK, doubt)
    parts = (Words((EVIL,), lead=EVIL), picture, a_table(doubt=doubt), Listing(EVIL, f"{EVIL}\n"))
    links = Links((("adl", "methods/adl.html", EVIL),))
    return Page(EVIL, EVIL, MARK, EVIL, (Chapter("a", EVIL, parts), Chapter("b", "B", (links,))))


class Tags(HTMLParser):
    """Collects tags with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.held.append((tag, dict(attrs)))


def test_no_text_becomes_markup_or_an_address_in_html() -> None:
    tags = Tags()
    tags.feed(page_html(a_page()))
    assert "b" not in {tag for tag, held in tags.held if "onclick" in held}
    assert not any(name.startswith("on") for _, held in tags.held for name in held)
    addresses = {value for _, held in tags.held for name, value in held.items() if name == "href"}
    assert addresses == {"#a", "#b", "methods/adl.html"}


def test_no_text_becomes_markup_or_an_address_in_markdown() -> None:
    text = page_in_markdown(a_page())
    inline = re.sub(r"(`{3,})\n.*?\n\1", "", text, flags=re.DOTALL)
    assert re.findall(r"(?<!\\)!\[", inline) == ["!["]
    assert re.findall(r"(?<!\\)\]\(([^)]*)\)", inline) == [
        "#a",
        "#b",
        "drawn.png",
        "methods/adl.html",
    ]
    assert "http://" not in inline and "www.evil" not in inline
    assert set(re.findall(r"(?<!\\)<[^>]*>", inline)) == {'<a id="a">', '<a id="b">', "</a>"}
    # Text with a fence in it stands in a longer one.
    assert re.search(r"^`{4}\n.*```.*\n\n?`{4}$", text, flags=re.DOTALL | re.MULTILINE)


def test_a_pipe_in_a_cell_opens_no_column() -> None:
    lines = table_markdown(a_table()).splitlines()
    [line] = [one for one in lines if one.startswith("| \\<b")]
    assert len(re.findall(r"(?<!\\)\|", line)) == 2
    assert in_markdown("blackbox_matched: 0.5") == "blackbox_matched: 0.5"
    assert in_markdown("_so_") == r"\_so\_"


def test_what_is_doubted_is_greyed_with_its_reason_in_every_twin() -> None:
    for doubt in ("", "R-hat is 1.3"):
        page = a_page(doubt)
        web, text = page_html(page), page_in_markdown(page)
        held = json.loads(report_json(page, {}, ("svg",)))
        n = 2 if doubt else 0
        assert web.count("Not to be believed: R-hat is 1.3.") == n
        assert text.count("**Not to be believed: R-hat is 1.3.**") == n
        assert len(re.findall(r'class="[a-z ]*doubted"', web)) == n
        told = held["tables"]["t"]["doubt"], held["figures"]["drawn"]["doubt"]
        assert told == (doubt or None, doubt or None)


def test_a_long_table_is_cut_on_pages_and_whole_in_json() -> None:
    table = a_table(450)
    rows, left_out = cut(table)
    assert len(rows) == 200 and "200 of 450" in left_out
    assert "200 of 450" in table_markdown(table)
    page = Page("p", "", MARK, "", (Chapter("a", "A", (table,)),))
    assert page_html(page).count("<tr>") == 1 + 200
    held = json.loads(report_json(page, {"more": {}}, ()))
    assert len(held["tables"]["t"]["rows"]) == 450 and held["more"] == {}


def test_the_markdown_twin_holds_what_the_page_does(summary: ReportSummary) -> None:
    out = summary.page.parent
    text = (out / "report.md").read_text()
    held = json.loads((out / "report.json").read_text())
    assert "\x1b" not in text and "<script" not in text.replace("\\<", "")
    for sentence in held["words"]:
        assert in_markdown(sentence) in text
    for table in held["tables"].values():
        assert f"### {in_markdown(table['title'])}\n" in text
    for figure in held["figures"]:
        assert f"]({figure}.png)" in text


def test_provenance_names_logs_prompts_rubrics_and_versions(
    summary: ReportSummary, two_arms: Path
) -> None:
    held = json.loads((summary.page.parent / "report.json").read_text())
    for path, row in zip(
        sorted(two_arms.glob("*.eval")),
        sorted(held["tables"]["logs"]["rows"], key=lambda row: str(row["log"])),
        strict=True,
    ):
        assert row["log"] == path.name and row["task_version"] == "0"
        assert hashlib.sha256(path.read_bytes()).hexdigest().startswith(row["digest"])
    kinds = [row["what"] for row in held["tables"]["hashes"]["rows"]]
    assert "rubric" in kinds and "grader's prompt" in kinds
    frame = pd.read_parquet(summary.page.parent / "rows.parquet")
    assert set(frame["rubric_hash"].dropna()) == {
        row["hash"] for row in held["tables"]["hashes"]["rows"] if row["what"] == "rubric"
    }
    assert held["versions"]["logs"]["inspect_ai"] and held["versions"]["report"]["diffgauge"]


def test_a_method_has_a_page_from_the_logs_alone(summary: ReportSummary) -> None:
    page = summary.page.parent / "methods" / "adl.html"
    text = page.read_text()
    assert page in summary.files and 'href="../index.html"' in text
    assert "seen first &lt;b&gt;\\x1b[31m" in text and "\x1b" not in text
    assert artifact("adl", "mine/lobster").inputs.key() in text
    assert "layers = [2]" in text and "method version = 3" in text
    for needed in ('id="headline"', 'id="families"', 'id="cost"', 'id="accounting"'):
        assert needed in text
    assert "The best graded on a planted organism: mine/lobster" in text
    assert "A false alarm" in text and "A null left alone" in text
    assert "claims" not in re.findall(r' id="([^"]*)"', text)


def test_a_methods_tables_hold_its_arms_and_plain_blackbox_alone(two_arms: Path) -> None:
    read = read_logs([two_arms])
    rows = rows_of(read)
    chapters = chapters_of(rows, read, None)
    other = next(
        table for chapter in chapters for table in chapter.parts if isinstance(table, Table)
    )
    foreign = ({**other.rows[0], "arm": "kl:method"}, *other.rows)
    found = Chapter("found", "Found", (replace(other, rows=foreign),))
    page = method_pages(rows, read, None, [found])["methods/adl.html"]
    [table] = [table for table in page.tables if table.name == other.name]
    assert table.rows == other.rows


@pytest.fixture(scope="module")
def sham(cards: Path, tmp_path_factory: pytest.TempPathFactory) -> Logs:
    """A log of the arm that shows another organism's artifact."""
    folder = tmp_path_factory.mktemp("sham")
    with only_registry(cards):
        run_cell(folder, [("mine/lobster", LOBSTER)], arm_id="adl:sham")
    return read_logs([folder])


@pytest.mark.parametrize("name", ["../../evil", "index.html", "a/b", ""])
def test_a_methods_page_stays_in_its_folder_whatever_the_method_is_called(
    name: str, sham: Logs
) -> None:
    rows = [row.model_copy(update={"diff_method": name}) for row in rows_of(sham)]
    [address] = method_pages(rows, sham, None, [])
    assert re.fullmatch(r"methods/[A-Za-z0-9_-]+\.html", address)


def test_without_its_own_artifact_shown_a_method_page_says_so(sham: Logs) -> None:
    rows = rows_of(sham)
    text = page_html(method_pages(rows, sham, None, [])["methods/adl.html"])
    for told in (
        "No log here holds an overview",
        "The logs name no artifact",
        "No report of this method was graded",
    ):
        assert told in text
    assert mark(rows) in text
