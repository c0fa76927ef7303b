"""`diffgauge regrade`: new logs with the same grades, and originals that stay as they are."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import EvalLog, read_eval_log, write_eval_log

from diffgauge.cli.app import main
from diffgauge.evals.regrading import regrade, regraded_path
from diffgauge.evals.scoring import SCORERS
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.rows import Row
from diffgauge.stats.logs import read_logs
from diffgauge.stats.rows import rows_of
from tests.graders.conftest import cards, registry
from tests.graders.runs import NOTHING, ScriptedGrader, lexical_grader, report, run
from tests.stats.cells import FAILS, run_cell

__all__ = ["cards", "registry"]

pytestmark = pytest.mark.unit

NEW = "gap"
"""A scorer that the logs were not graded by when they were made."""

FOUND = report("lobster claw trap shell")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Logs of one cell: a find, nothing, a null, a failed sample, and no report."""
    run_cell(
        tmp_path / "logs",
        [
            ("mine/lobster", [FOUND, NOTHING]),
            ("mine/violin", [FOUND, FAILS]),
            ("mine/camel", [None, FOUND]),
            ("mine/benign", [NOTHING, NOTHING]),
        ],
        grader=lexical_grader(),
    )
    return tmp_path / "logs"


def ran(*arguments: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["diffgauge", *arguments])
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0)
    return 0


def graded(path: Path) -> str:
    """The scores of a log as JSON, in one order."""
    log = read_eval_log(str(path))
    held = {
        f"{sample.id} {sample.epoch}": {
            name: score.model_dump(mode="json")
            for name, score in (sample.scores or {}).items()
            if name != NEW
        }
        for sample in log.samples or []
    }
    return json.dumps(held, sort_keys=True)


def summed(log: EvalLog) -> dict[str, Any]:
    assert log.results is not None
    return {
        f"{one.scorer} {one.name}": (
            one.scored_samples,
            one.unscored_samples,
            {key: repr(metric.value) for key, metric in one.metrics.items()},
        )
        for one in log.results.scores
        if one.scorer.removeprefix("diffgauge/") != NEW
    }


def test_grading_again_gives_the_same_grades_byte_for_byte(folder: Path) -> None:
    [original] = folder.glob("*.eval")
    before = original.read_bytes()
    assert ran("regrade", str(folder)) == 0
    new = regraded_path(original, None)
    assert new.is_file() and original.read_bytes() == before
    assert graded(new) == graded(original)
    assert not list(folder.glob(".*"))
    old, fresh = read_eval_log(str(original)), read_eval_log(str(new))
    assert summed(fresh) == summed(old)
    assert old.results is not None and fresh.results is not None
    assert fresh.results.total_samples == old.results.total_samples
    assert fresh.results.completed_samples == old.results.completed_samples


def test_both_logs_together_count_each_sample_once(folder: Path) -> None:
    new = {name for name in Row.model_fields if name.startswith(NEW)} | {"log"}
    alone = [row.model_dump(exclude=new) for row in rows_of(read_logs([folder]))]
    regrade([folder])
    together = rows_of(read_logs([folder]))
    assert {row.log.endswith("-regraded.eval") for row in together} == {True}
    assert [row.model_dump(exclude=new) for row in together] == alone
    assert {row.gap_credited for row in together if row.facts_exact == 1} == {1}


def test_one_scorer_is_graded_anew_and_the_others_are_kept(folder: Path, tmp_path: Path) -> None:
    [original] = folder.glob("*.eval")
    other = ScriptedGrader(*["no"] * 20).model()
    [done] = regrade([original], names=["diffgauge/rubric"], graders=[other], out=tmp_path / "o")
    assert done.outcome == "written" and done.n_samples == 7
    old, new = (json.loads(graded(path)) for path in (original, Path(str(done.out))))
    for name in old:
        assert {key: one for key, one in new[name].items() if key != "rubric"} == {
            key: one for key, one in old[name].items() if key != "rubric"
        }
    assert new["mine/lobster 1"]["rubric"]["reason"] == "grader_failed"
    held = read_eval_log(str(done.out)).results
    assert held is not None
    assert sorted(one.scorer.removeprefix("diffgauge/") for one in held.scores).count("rubric") == 1


def test_repeats_become_rows(folder: Path, tmp_path: Path) -> None:
    regrade([folder], graders=[lexical_grader()], repeats=2, out=tmp_path / "o")
    rows = [row for row in rows_of(read_logs([tmp_path / "o"])) if row.grade is not None]
    assert {row.repeat for row in rows} == {1, 2}
    assert {row.same_model for row in rows} == {False}


def test_what_is_there_is_left_unless_forced(folder: Path) -> None:
    [original] = folder.glob("*.eval")
    [first] = regrade([folder])
    stamp = Path(str(first.out)).stat().st_mtime_ns
    [again] = regrade([folder])
    assert again.outcome == "there already" and Path(str(again.out)).stat().st_mtime_ns == stamp
    [forced] = regrade([original], force=True)
    assert forced.outcome == "written" and Path(str(forced.out)).stat().st_mtime_ns > stamp


def test_logs_that_cannot_be_graded_are_named_and_the_others_are(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [original] = folder.glob("*.eval")
    (folder / "broken.eval").write_bytes(b"not a zip")
    (folder / "cut.eval").write_bytes(original.read_bytes()[:-500])
    run([("mine/lobster", FOUND)], [], folder / "other")
    running = read_eval_log(str(original))
    running.status = "started"
    write_eval_log(running, str(folder / "running.eval"))
    assert ran("regrade", str(folder)) == 0
    said = capsys.readouterr().out
    assert "broken.eval: left out: it cannot be read" in said
    assert "cut.eval: left out: it cannot be read" in said
    assert "running.eval: left out: it is still being written" in said
    assert "left out: no sample is ours" in said and "written, 7 samples" in said
    assert ran("regrade", str(folder / "broken.eval")) == 1


def test_wrong_names_are_told_with_what_is_allowed(folder: Path) -> None:
    with pytest.raises(DiffgaugeError, match="key_facts"):
        regrade([folder], names=["key_fact"])
    with pytest.raises(DiffgaugeError, match="no log at"):
        regrade([folder / "absent"])
    assert ran("regrade", str(folder), "--grader", "nowhere/model") == 2
    assert not list(folder.glob("*-regraded.eval"))


def test_the_scorers_are_those_of_the_tasks() -> None:
    from diffgauge.evals.investigation import investigation

    task = investigation(organism="mine/lobster")
    assert task.scorer is not None
    from inspect_ai._util.registry import registry_info

    names = [registry_info(one).name.removeprefix("diffgauge/") for one in task.scorer]
    assert tuple(names) == SCORERS
