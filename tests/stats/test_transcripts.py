"""Two transcripts on one page: whole, inert, and only where there is exactly one of each."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import read_eval_log, write_eval_log
from inspect_ai.model import ChatMessage, ChatMessageUser
from typer.testing import CliRunner

from diffgauge.cli.app import app
from diffgauge.graders.gap import gap
from diffgauge.graders.which import which
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.reports import Report
from diffgauge.records.results import Contrast, FreeText, Provenance
from diffgauge.stats.shown_results import in_lines
from diffgauge.stats.transcripts_page import compare_transcripts
from tests.graders.conftest import only_registry
from tests.graders.runs import finding, report
from tests.graders.shown import replies, tokens
from tests.graders.transcripts import answer, failed, first, investigated, shown, turn

pytestmark = pytest.mark.unit

HOSTILE = '</pre><script>alert(1)</script><img src=x onerror=y> \x1b[31m & "$organism"'
ORGANISM = "mine/lobster"
TOLD = ChatMessageUser(content="This is your last turn.")


def written(folder: Path, arm: str, messages: list[ChatMessage], given: Report | None) -> str:
    log = investigated(folder, messages, given, [which(), gap()], organism=ORGANISM)
    held = read_eval_log(log.location)
    assert held.samples is not None
    held.samples[0].metadata |= {"arm_id": arm, "null": "none", "family": "narrow_documents"}
    held.eval.task_id = arm
    write_eval_log(held, log.location)
    return log.location


@pytest.fixture(scope="module")
def logs(cards: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """An arm whose every text is hostile, and one that ends without a report."""
    folder = tmp_path_factory.mktemp("logs")
    prose = FreeText(title=HOSTILE, provenance=Provenance(method="look"), text=HOSTILE)
    hostile: list[ChatMessage] = [
        first(prose),
        turn(HOSTILE, 1, "ask_models", prompts=[HOSTILE], n=2),
        shown(1, replies(Contrast(), ("finetuned", HOSTILE, None)), tokens("finetuned", "claw")),
        turn("Again.", 2),
        failed(2, HOSTILE),
        TOLD,
    ]
    with only_registry(cards):
        one = written(folder, "look:method", hostile, report(finding(HOSTILE), summary=HOSTILE))
        two = written(folder, "blackbox", [first(), turn("Only talk.", 1)], None)
    return one, two


@pytest.fixture(scope="module")
def page(logs: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("page") / "deep" / "page.html"
    return compare_transcripts(logs, ORGANISM, 1, out).read_text()


class Page(HTMLParser):
    """Collects tags and words, and refuses whatever could run or load."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert tag not in ("script", "img", "iframe", "object", "embed", "link", "form", "a")
        assert not any(name.startswith("on") or name in ("src", "href") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_whatever_was_said_is_shown_and_does_nothing(page: str) -> None:
    read = Page()
    read.feed(page)
    assert "\x1b" not in page and "default-src 'none'" in page
    # Prompt, reply, overview, error, report and text are all there, as text.
    words = "".join(read.words)
    assert words.count("<script>alert(1)</script>") >= 8
    # What looks like a slot of the page's template is not filled; folded lines are cut before it.
    assert words.count('"$organism"') >= 6


def test_both_arms_stand_with_turns_reports_grades_and_facts(page: str) -> None:
    read = Page()
    read.feed(page)
    words = " ".join(" ".join(read.words).split())
    for needed in (
        "look:method, turn 1",
        "blackbox, turn 1",
        "Only talk.",
        "This is your last turn.",
        "never answered",
        "No report was accepted.",
        "unscored: no_response",
        "✓ exposed look",
        "p_planted 0.9",
        "evidence: organisms+scripted",
    ):
        assert needed in words, needed
    # What the tools showed is folded away; no result is open from the start.
    assert "<details open" not in page and read.tags.count("details") >= 4


def test_answers_are_read_as_lines_and_other_text_as_it_stands() -> None:
    both = replies(Contrast(), ("base", "No.", None), ("finetuned", "Yes.", "steered"))
    summary, whole = in_lines(answer(both, tokens("finetuned", "claw")))
    assert summary == "submarine; submarine, toward model A, away from model B"
    assert "» submarine\n    model B: No." in whole and "model A (steered): Yes." in whole
    assert "'claw' 0" in whole and "left: 4 of 10 interactions" in whole
    assert in_lines("Report accepted.\nGood.") == ("Report accepted.", "Report accepted.\nGood.")
    assert in_lines('{"results": 3}') == ('{"results": 3}', '{"results": 3}')
    assert in_lines("") == ("", "")


def test_the_same_logs_give_the_same_page(logs: tuple[str, str], page: str, tmp_path: Path) -> None:
    again = compare_transcripts(logs, ORGANISM, 1, tmp_path / "page.html")
    assert again.read_text() == page


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"organism": "mine/camel"}, "no sample of 'mine/camel', epoch 1"),
        ({"epoch": 2}, "Allowed: mine/lobster 1"),
        ({"folder": True}, "Name one of the files"),
        ({"out": True}, "Name another file with --out"),
        ({"absent": True}, "no log at"),
    ],
)
def test_what_cannot_be_compared_is_said(
    change: dict[str, Any], told: str, logs: tuple[str, str], tmp_path: Path
) -> None:
    chosen = logs
    if "folder" in change:
        chosen = (str(Path(logs[0]).parent), logs[1])
    if "absent" in change:
        chosen = (str(tmp_path / "absent.eval"), logs[1])
    out = tmp_path if "out" in change else tmp_path / "page.html"
    with pytest.raises(DiffgaugeError, match=told):
        compare_transcripts(chosen, change.get("organism", ORGANISM), change.get("epoch", 1), out)


def test_the_command_writes_the_page(logs: tuple[str, str], tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    done = CliRunner().invoke(
        app, ["compare-transcripts", *logs, "--organism", ORGANISM, "--out", str(out)]
    )
    assert done.exit_code == 0 and str(out) in done.output and out.is_file()
