"""What became of each sample, what it took, and who refused."""

from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import EvalLog, read_eval_log, write_eval_log
from inspect_ai.model import ModelOutput, ModelUsage, StopReason

from diffgauge.records.rows import Row
from diffgauge.records.stored import USAGE_KEY
from diffgauge.stats.accounting import accounting_table, cost_table
from diffgauge.stats.cells import cells, false_positive_rate, sensitivity, top1
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.logs import read_logs
from diffgauge.stats.rows import rows_of
from diffgauge.stats.sample_rows import NO_CONTACT
from tests.graders.runs import NOTHING, ScriptedGrader, report
from tests.stats.cells import FAILS, UNPARSABLE, Given, run_cell

pytestmark = pytest.mark.unit

FOUND = report("lobster claw trap shell")
EVERYTHING: list[tuple[str, Given | list[Given]]] = [
    ("mine/lobster", FOUND),
    ("mine/lobster-weak", None),
    ("mine/violin", None),
    ("mine/camel", UNPARSABLE),
    ("mine/encyclopedia", FAILS),
    ("mine/benign", NOTHING),
]


def changed(log: EvalLog, organism: str, **usage: Any) -> None:
    """Writes other usage, and an `output`, into one sample of a log."""
    held = read_eval_log(log.location)
    assert held.samples is not None
    [sample] = [one for one in held.samples if one.id == organism]
    output = usage.pop("output", None)
    sample.output = output or sample.output
    sample.store[USAGE_KEY] = dict(sample.store[USAGE_KEY]) | usage
    write_eval_log(held, log.location)


def said(text: str, stop_reason: StopReason = "stop") -> ModelOutput:
    return ModelOutput.from_content("anthropic/claude", text, stop_reason)


def by_organism(folder: Path) -> dict[str, Row]:
    return {row.organism: row for row in rows_of(read_logs([folder]))}


def test_who_would_not_go_on_is_told_from_who_did_not_finish(tmp_path: Path) -> None:
    log = run_cell(tmp_path, EVERYTHING)
    changed(log, "mine/violin", output=said("I'm sorry, but I can't help with that."))
    changed(log, "mine/lobster-weak", output=said("Filtered.", "content_filter"))
    found = by_organism(tmp_path)
    assert found["mine/violin"].outcome == found["mine/lobster-weak"].outcome == "refused"
    # A report was sent, and what it ended with is no refusal.
    assert found["mine/camel"].outcome == "unparsable"
    assert found["mine/lobster"].outcome == "scored"
    assert found["mine/encyclopedia"].outcome == "errored"


def test_the_columns_add_up_with_every_outcome_among_them(tmp_path: Path) -> None:
    log = run_cell(tmp_path, EVERYTHING)
    changed(log, "mine/violin", output=said("I must decline."))
    changed(log, "mine/benign", interactions=0)
    read = read_logs([tmp_path])
    [line] = accounting_table(rows_of(read), read).rows
    expected = {
        "refused": 1,
        "unsubmitted": 1,
        "unparsable": 1,
        "uncontacted": 1,
        "ungraded": 0,
        "unscored": 0,
        "scored": 1,
    }
    assert {name: line[name] for name in expected} == expected
    assert line["completed"] == sum(expected.values()) == 5
    assert line["attempted"] == 6 and line["errored"] == 1 and line["sums"] == "yes"


def test_a_refused_sample_widens_the_bounds_and_moves_no_share(tmp_path: Path) -> None:
    log = run_cell(tmp_path, [("mine/lobster", FOUND), ("mine/violin", None)])
    changed(log, "mine/violin", output=said("I must decline."))
    [cell] = cells(rows_of(read_logs([tmp_path])))
    for one in (sensitivity(cell), top1(cell)):
        assert (one.value, one.n, one.n_missing) == (1.0, 1, 1)
        assert (one.worst, one.best) == (0.5, 1.0)


@pytest.mark.parametrize(
    ("arm", "interactions", "given", "outcome"),
    [
        ("blackbox", 0, 7, "uncontacted"),
        ("blackbox", 4, 7, "scored"),
        ("adl:single_model", 0, 7, "uncontacted"),
        # Replies that were given up front are contact.
        ("adl:blackbox_matched", 0, 7, "scored"),
        ("adl:blackbox_matched", 0, 0, "uncontacted"),
        # The artifact is what these arms have.
        ("adl:method", 0, 7, "scored"),
        ("adl:method_only", 0, 0, "scored"),
        ("adl:sham", 0, 7, "scored"),
        # An old log that does not say is not blamed.
        ("blackbox", None, None, "scored"),
    ],
)
def test_a_report_on_nothing_is_not_scored_where_there_was_nothing_else(
    arm: str, interactions: int | None, given: int | None, outcome: str, tmp_path: Path
) -> None:
    log = run_cell(tmp_path, [("mine/lobster", FOUND)], arm_id=arm)
    changed(log, "mine/lobster", interactions=interactions, precompute_interactions=given)
    row = by_organism(tmp_path)["mine/lobster"]
    assert row.outcome == outcome
    assert row.no_subject_contact is (None if interactions is None else interactions == 0)


def test_what_is_not_scored_for_want_of_contact_is_missing_everywhere(tmp_path: Path) -> None:
    log = run_cell(tmp_path, [("mine/lobster", FOUND), ("mine/benign", FOUND)])
    for organism in ("mine/lobster", "mine/benign"):
        changed(log, organism, interactions=0)
    rows = rows_of(read_logs([tmp_path]))
    row = rows[-1]
    assert row.identification_reason == row.which_reason == NO_CONTACT
    names = ("identification", "top1", "rank", "which", "p_differs", "p_planted", "brier_planted")
    assert [getattr(row, name) for name in names] == [None] * len(names)
    # What it said still stands, to be read.
    assert row.claim == "lobster claw trap shell" and row.n_findings == 1
    [cell] = cells(rows)
    assert (sensitivity(cell).n, sensitivity(cell).n_missing) == (0, 1)
    benign = false_positive_rate(cell.samples, "benign")
    assert (benign.worst, benign.best) == (1.0, 0.0)


def test_refusals_of_investigator_subjects_and_graders_are_counted_apart(tmp_path: Path) -> None:
    log = run_cell(tmp_path, [("mine/lobster", FOUND), ("mine/violin", FOUND)])
    changed(log, "mine/lobster", refusals=2, subject_refusals=5)
    changed(log, "mine/violin", refusals=0, subject_refusals=1)
    read = read_logs([tmp_path])
    [line] = accounting_table(rows_of(read), read).rows
    assert (line["hesitant"], line["subject_refusals"], line["scored"]) == (1, 6, 2)


@pytest.mark.parametrize(
    ("says", "refused"), [("I'm sorry, but I can't help with that.", 1), ("Five of five!", 0)]
)
def test_a_grader_that_refuses_is_told_from_one_that_cannot_be_read(
    says: str, refused: int, tmp_path: Path
) -> None:
    grader = ScriptedGrader(says, says)
    run_cell(tmp_path, [("mine/lobster", FOUND)], grader=grader.model())
    read = read_logs([tmp_path])
    [line] = accounting_table(rows_of(read), read).rows
    assert (line["grader_refusals"], line["grader_failed"]) == (refused, 1)


def test_logs_that_say_nothing_of_refusals_count_none_and_not_zero(tmp_path: Path) -> None:
    run_cell(tmp_path, [("mine/lobster", FOUND)])
    read = read_logs([tmp_path])
    [line] = accounting_table(rows_of(read), read).rows
    assert line["hesitant"] is line["subject_refusals"] is line["grader_refusals"] is None


def priced(log: EvalLog, **costs: float | None) -> None:
    """Writes a cost, or none, beside the usage of a log's models."""
    held = read_eval_log(log.location)
    assert held.samples is not None
    for sample in held.samples:
        sample.model_usage[held.eval.model].total_cost = costs["investigator"]
        for role, name in (("grader", "graders"), ("subject", "tools")):
            if name in costs:
                sample.role_usage[role] = ModelUsage(total_tokens=9, total_cost=costs[name])
    write_eval_log(held, log.location)


def test_money_is_told_apart_and_missing_without_a_price(tmp_path: Path) -> None:
    log = run_cell(tmp_path / "priced", [("mine/lobster", FOUND), ("mine/violin", FOUND)])
    priced(log, investigator=0.5, graders=0.25, tools=0.125)
    row = by_organism(tmp_path / "priced")["mine/lobster"]
    assert (row.cost_investigator, row.cost_graders, row.cost_tools) == (0.5, 0.25, 0.125)
    [line] = cost_table(rows_of(read_logs([tmp_path / "priced"]))).rows
    money = line["money"]
    assert isinstance(money, Estimate) and (money.value, money.n) == (0.5, 2)

    log = run_cell(tmp_path / "free", [("mine/lobster", FOUND)])
    priced(log, investigator=None, graders=None)
    row = by_organism(tmp_path / "free")["mine/lobster"]
    assert (row.cost_investigator, row.cost_graders, row.cost_tools) == (None, None, None)


def test_a_model_that_also_grades_is_charged_for_each_part_once(tmp_path: Path) -> None:
    grader = ScriptedGrader("no", "no")
    log = run_cell(tmp_path, [("mine/lobster", FOUND)], grader=grader.model())
    priced(log, investigator=0.75, graders=0.25)
    row = by_organism(tmp_path)["mine/lobster"]
    assert row.cost_investigator == 0.5 and row.cost_graders == 0.25


def test_seconds_of_investigator_and_graders_stand_beside_those_of_tools(tmp_path: Path) -> None:
    log = run_cell(tmp_path, [("mine/lobster", FOUND)])
    changed(log, "mine/lobster", investigator_seconds=1.5, grader_seconds=0.25)
    [line] = cost_table(rows_of(read_logs([tmp_path]))).rows
    values = [line[f"{part}_seconds"] for part in ("investigator", "tool", "grader")]
    assert [one.value for one in values if isinstance(one, Estimate)] == [1.5, 0.5, 0.25]
