import json
from pathlib import Path

import pytest
from inspect_ai.model import get_model

from diffgauge.stats.intervals import Estimate
from diffgauge.stats.logs import read_logs
from diffgauge.stats.report import write_report
from diffgauge.stats.rows import rows_of
from diffgauge.stats.scales_table import scales_table
from diffgauge.stats.tables import Value, rubric_table
from tests.graders.conftest import cards, registry
from tests.graders.runs import NOTHING, ScriptedGrader, finding, lexical_grader, report
from tests.stats.cells import FAILS, run_cell

__all__ = ["cards", "registry"]

pytestmark = pytest.mark.unit

FOUND = report("lobster claw trap shell")


def estimate(values: dict[str, Value], name: str) -> Estimate:
    found = values[name]
    assert isinstance(found, Estimate)
    return found


def test_the_same_reports_stand_on_every_scale(tmp_path: Path) -> None:
    run_cell(
        tmp_path,
        [
            ("mine/lobster", FOUND),
            ("mine/violin", report("It names a bow.")),
            ("mine/camel", NOTHING),
            ("mine/encyclopedia", FAILS),
            ("mine/benign", FOUND),
        ],
        grader=lexical_grader(),
    )
    table = scales_table(rows_of(read_logs([tmp_path])))
    assert table is not None
    [values] = table.rows
    assert (values["mode"], values["grader"]) == ("lexical", "offline_test/lexical")
    # Grades 5, 2 and 1; the null stands in no column, the failed sample is missing in each.
    assert estimate(values, "grade").value == pytest.approx(8 / 3)
    assert estimate(values, "grade_2").value == pytest.approx(2 / 3)
    assert estimate(values, "grade_4").value == pytest.approx(1 / 3)
    assert estimate(values, "facts_exact").value == pytest.approx(1 / 3)
    assert estimate(values, "facts_abstract").value == pytest.approx(2 / 3)
    assert estimate(values, "trigger_behaviour").value == pytest.approx((1 + 0.75 + 0) / 3)
    assert estimate(values, "any_of_k").value == pytest.approx(1 / 3)
    # .99 for a hit at .9, -.81 for a miss at .9, 0 without findings.
    assert estimate(values, "any_of_k_weighted").value == pytest.approx((0.99 - 0.81) / 3)
    for name in ("grade", "grade_2", "facts_exact", "any_of_k", "any_of_k_weighted"):
        assert (estimate(values, name).n, estimate(values, name).n_missing) == (3, 1)
    assert estimate(values, "any_of_k_weighted").worst == pytest.approx((0.18 - 1) / 4)


def test_words_and_models_are_rows_apart(tmp_path: Path) -> None:
    run_cell(tmp_path, [("mine/lobster", FOUND)])
    verdicts = [
        {"facts": [{"fact": 1, "found": "abstract", "passage": ""}], "reason": ""},
        {"trigger": "absent", "behaviour": "exact", "passage": "", "reason": ""},
        {"findings": [{"finding": 1, "hit": False, "passage": ""}], "reason": ""},
        {"topic": "exact", "details": "some", "passage": "", "reason": ""},
    ]
    grader = ScriptedGrader(*map(json.dumps, verdicts))
    model = get_model("mockllm/judge", custom_outputs=grader, memoize=False)
    run_cell(tmp_path, [("mine/camel", FOUND)], grader=model)
    table = scales_table(rows_of(read_logs([tmp_path])))
    assert table is not None
    by_mode = {
        (values["mode"], values["grader"]): estimate(values, "facts_abstract")
        for values in table.rows
    }
    assert by_mode[("lexical", "none")].n == 1
    assert by_mode[("model", "mockllm/judge")].n == 1


def test_repeats_of_a_grader_are_averaged_before_anything_else(tmp_path: Path) -> None:
    def verdict(answer: str) -> str:
        return json.dumps({"topic": answer, "details": "some", "passage": "", "reason": ""})

    facts = {"facts": [{"fact": 1, "found": "exact", "passage": ""}], "reason": ""}
    both = {"trigger": "exact", "behaviour": "exact", "passage": "", "reason": ""}
    hits = {"findings": [{"finding": 1, "hit": True, "passage": ""}], "reason": ""}
    replies = [*map(json.dumps, (facts, both, hits)), verdict("exact"), verdict("absent")]
    grader = ScriptedGrader(*replies)
    run_cell(tmp_path, [("mine/lobster", FOUND)], grader=grader.model(), repeats=2)
    rows = rows_of(read_logs([tmp_path]))
    assert [row.grade for row in rows] == [4, 1]
    table, rubrics = scales_table(rows), rubric_table(rows)
    assert table is not None and rubrics is not None
    for values in (table.rows[0], rubrics.rows[0]):
        name = "grade" if "grade" in values else "grade_none"
        assert (estimate(values, name).value, estimate(values, name).n) == (2.5, 1)


def test_logs_from_before_the_scales_have_no_such_table(tmp_path: Path) -> None:
    run_cell(tmp_path, [("mine/benign", NOTHING)])
    assert scales_table(rows_of(read_logs([tmp_path]))) is None


def test_the_report_holds_the_table(tmp_path: Path) -> None:
    run_cell(tmp_path / "logs", [("mine/lobster", report(finding("lobster", confidence=0.2)))])
    summary = write_report([str(tmp_path / "logs")], tmp_path / "report")
    held = json.loads((tmp_path / "report" / "report.json").read_text())
    assert "scales" in held["tables"]
    assert "The same transcripts on four scales" in summary.page.read_text()
