import shutil
from pathlib import Path

import pandas as pd
import pytest
from inspect_ai.log import read_eval_log, write_eval_log

from diffgauge.records.errors import DiffgaugeError
from diffgauge.stats.logs import command_of, read_logs
from diffgauge.stats.rows import rows, rows_of
from tests.graders.conftest import only_registry
from tests.graders.runs import NOTHING, ScriptedGrader, lexical_grader, report, run
from tests.stats.cells import FAILS, UNPARSABLE, Given, run_cell

pytestmark = pytest.mark.unit

FOUND = report("lobster claw trap shell")
EVERYTHING: list[tuple[str, Given | list[Given]]] = [
    ("mine/lobster", FOUND),
    ("mine/violin", None),
    ("mine/camel", UNPARSABLE),
    ("mine/encyclopedia", FAILS),
    ("mine/benign", NOTHING),
    ("mine/identical", NOTHING),
]


@pytest.fixture(scope="module")
def logs(cards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cell in which everything happens once, without a grader."""
    folder = tmp_path_factory.mktemp("logs")
    with only_registry(cards):
        run_cell(folder, EVERYTHING)
    return folder


def test_a_row_holds_factors_grades_and_what_it_took(tmp_path: Path) -> None:
    run_cell(tmp_path / "logs", EVERYTHING, arm_id="adl:method", grader=lexical_grader())
    frame = rows([tmp_path / "logs"]).set_index("organism")
    found = frame.loc["mine/lobster"]
    assert found["arm_id"] == "adl:method" and found["diff_method"] == "adl"
    assert found["identification"] == 1 and found["top1"] and found["which"] == 1
    assert found["brier_planted"] == pytest.approx(0.01)
    assert found["grade"] == 5 and found["grader"] == "offline_test/lexical"
    assert found["interactions"] == 20 and found["precompute_interactions"] == 7
    assert found["tokens_investigator"] == 15 and found["tokens_graders"] > 100
    assert found["claim"] == "lobster claw trap shell" and found["flagged_excerpts"] == 2
    assert found["preflight"] == "VALID" and found["seconds"] > 0
    assert found["repeat"] == 1 and found["same_model"] == False  # noqa: E712  a numpy value
    assert found["grader_mode"] == "lexical"
    assert (found["facts_exact"], found["facts_abstract"]) == (1, 1)
    assert found["trigger_behaviour"] == 1 and found["any_of_k"] == 1
    assert found["any_of_k_weighted"] == pytest.approx(2 * 0.9 - 0.81)


def test_every_sample_has_one_outcome_and_missing_is_never_zero(logs: Path) -> None:
    frame = rows([logs]).set_index("organism")
    assert frame["outcome"].to_dict() == {
        "mine/lobster": "scored",
        "mine/violin": "unsubmitted",
        "mine/camel": "unparsable",
        "mine/encyclopedia": "errored",
        "mine/benign": "scored",
        "mine/identical": "scored",
    }
    missing = frame.loc["mine/violin"]
    names = ("identification", "top1", "which", "p_planted", "brier_planted", "grade")
    scales = ("facts_exact", "facts_abstract", "trigger_behaviour", "any_of_k", "any_of_k_weighted")
    for name in (*names, *scales):
        assert bool(frame[name].isna()["mine/violin"])
    assert missing["identification_reason"] == "no_response" and missing["out_of_budget"]
    assert frame.loc["mine/benign"]["which_reason"] == "null organism"
    for name in ("facts_reason", "trigger_behaviour_reason", "any_of_k_reason"):
        assert missing[name] == "no_response"
        assert frame.loc["mine/benign"][name] == "null organism"
    assert "the pair" in str(frame["error"]["mine/encyclopedia"])
    assert set(frame["grade_reason"]) == {"not requested"}


def test_rows_need_no_cards(logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = rows([logs])
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("DIFFGAUGE_ORGANISMS", str(empty))
    pd.testing.assert_frame_equal(rows([logs]), before)


def test_each_grader_is_a_row_and_a_failed_one_says_so(tmp_path: Path) -> None:
    log = run_cell(tmp_path, [("mine/lobster", FOUND)], grader=lexical_grader())
    broken = ScriptedGrader("no", "no")
    run_cell(tmp_path, [("mine/camel", FOUND)], grader=broken.model())
    frame = rows([tmp_path]).set_index("organism")
    assert frame.loc["mine/camel"]["grade_reason"] == "grader_failed"
    assert log.status == "success"


def test_each_repeat_is_a_row_of_its_own(tmp_path: Path) -> None:
    run_cell(tmp_path, [("mine/lobster", FOUND)], grader=lexical_grader(), repeats=3)
    frame = rows([tmp_path])
    assert list(frame["repeat"]) == [1, 2, 3] and list(frame["grade"]) == [5, 5, 5]


def test_a_failed_model_grade_keeps_its_mode(tmp_path: Path) -> None:
    broken = ScriptedGrader(*["no"] * 8)
    run_cell(tmp_path, [("mine/camel", FOUND)], grader=broken.model())
    [row] = rows_of(read_logs([tmp_path]))
    assert row.grader_mode == "model" and row.facts_exact is None
    assert row.facts_reason == row.any_of_k_reason == "grader_failed"


def test_retries_keep_the_newest_good_copy(tmp_path: Path) -> None:
    log = run_cell(tmp_path, [("mine/lobster", FAILS), ("mine/camel", FOUND)])
    old = read_eval_log(log.location)
    repaired = run_cell(tmp_path / "elsewhere", [("mine/lobster", FOUND), ("mine/camel", FAILS)])
    new = read_eval_log(repaired.location)
    new.eval.task_id = old.eval.task_id
    write_eval_log(new, str(tmp_path / "retry.eval"))
    shutil.rmtree(tmp_path / "elsewhere")
    read = read_logs([tmp_path])
    assert read.n_copies == 2 and {row.outcome for row in rows_of(read)} == {"scored"}
    assert len(read.samples) == 2 and sum(read.n_planned.values()) == 2
    assert any("retries" in note for note in read.notes)


def test_runs_of_a_model_repeat_and_those_of_a_fixed_policy_do_not(tmp_path: Path) -> None:
    for number in range(2):
        log = run_cell(tmp_path / "model", [("mine/lobster", FOUND)])
        held = read_eval_log(log.location)
        held.eval.model = "diffgauge/scripted"
        write_eval_log(held, str(tmp_path / "fixed" / f"{number}.eval"))
    assert len(read_logs([tmp_path / "model"]).samples) == 2
    fixed = read_logs([tmp_path / "fixed"])
    assert len(fixed.samples) == 1 and fixed.n_repeats == 1
    assert sum(fixed.n_planned.values()) == 1


def test_a_fixed_policys_runs_under_two_versions_are_no_repeats_and_are_said_to_be_mixed(
    tmp_path: Path,
) -> None:
    log = run_cell(tmp_path / "run", [("mine/lobster", FOUND)])
    held = read_eval_log(log.location)
    held.eval.model = "diffgauge/scripted"
    for version in ("1.0", "2.0"):
        held.eval.packages, held.eval.task_id = {"diffgauge": version}, version
        write_eval_log(held, str(tmp_path / "two" / f"{version}.eval"))
    read = read_logs([tmp_path / "two"])
    assert [row.diffgauge_version for row in rows_of(read)] == ["1.0", "2.0"]
    assert read.n_repeats == 0
    assert any(
        "versions of diffgauge: 1.0 in 1 log (1.0.eval); 2.0 in 1 log (2.0.eval)" in note
        for note in read.notes
    )


def test_what_was_planned_and_not_run_is_counted(tmp_path: Path) -> None:
    log = run_cell(tmp_path, EVERYTHING, arm_id="adl:method")
    held = read_eval_log(log.location)
    assert held.samples is not None
    held.samples = held.samples[:2]
    held.status = "cancelled"
    write_eval_log(held, log.location)
    read = read_logs([tmp_path])
    assert read.n_not_run == {("adl:method", "mockllm/model"): 4}
    assert any("cancelled" in note and "eval-retry" in note for note in read.notes)


def test_a_log_still_being_written_is_said(tmp_path: Path) -> None:
    log = run_cell(tmp_path, [("mine/lobster", FOUND)])
    held = read_eval_log(log.location)
    held.status = "started"
    write_eval_log(held, log.location)
    assert any("still running or was killed" in note for note in read_logs([tmp_path]).notes)


def test_logs_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(DiffgaugeError, match="no log at"):
        rows([tmp_path / "absent"])
    with pytest.raises(DiffgaugeError, match="no logs in"):
        rows([tmp_path])
    (tmp_path / "broken.eval").write_bytes(b"not a zip")
    with pytest.raises(DiffgaugeError, match=r"broken\.eval cannot be read"):
        rows([tmp_path])
    run([("mine/lobster", FOUND)], [], tmp_path / "other")
    with pytest.raises(DiffgaugeError, match="another task"):
        rows([tmp_path / "other"])
    run_cell(tmp_path, [("mine/lobster", FOUND)])
    assert len(rows([tmp_path])) == 1


def test_a_command_to_repeat_a_run_is_rebuilt(tmp_path: Path) -> None:
    run_cell(tmp_path, [("mine/lobster", [FOUND, NOTHING])], grader=lexical_grader())
    [run_] = read_logs([tmp_path]).runs
    run_.header.eval.task_args_passed = {"organism": ["a", "b"], "note": "two words"}
    assert command_of(run_) == (
        "inspect eval cell -T 'note=two words' -T organism=a,b --model mockllm/model "
        "--model-role grader=offline_test/lexical --epochs 2"
    )


def test_a_solver_in_the_models_place_is_named_as_who_investigated(tmp_path: Path) -> None:
    log = run_cell(tmp_path, [("mine/lobster", FOUND)])
    held = read_eval_log(log.location)
    for solver, expected in (
        (None, "mockllm/model"),
        ("diffgauge/investigator", "mockllm/model"),
        ("diffgauge/oracle", "diffgauge/oracle"),
        ("theirs/agent", "theirs/agent on mockllm/model"),
    ):
        held.eval.solver = solver
        write_eval_log(held, log.location)
        read = read_logs([tmp_path])
        assert {row.investigator for row in rows_of(read)} == {expected}
        assert list(read.n_planned) == [("blackbox", expected)]
