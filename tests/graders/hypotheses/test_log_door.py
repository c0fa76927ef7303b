"""Findings of an Inspect log's reports come in as hypotheses."""

from pathlib import Path

import pytest
from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalSample, EvalSpec, write_eval_log

from diffgauge.graders.hypotheses.material import read_hypotheses
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.reports import Finding, Report
from diffgauge.records.stored import ALIASES_KEY, REPORT_KEY

pytestmark = pytest.mark.unit

ALIASES = {"base": "model B", "finetuned": "model A"}


def written(folder: Path, samples: list[EvalSample]) -> Path:
    spec = EvalSpec(
        created="2026-01-01T00:00:00+00:00",
        task="blackbox",
        dataset=EvalDataset(),
        model="none/none",
        config=EvalConfig(),
    )
    path = folder / "log.eval"
    write_eval_log(EvalLog(eval=spec, status="success", samples=samples), str(path))
    return path


def sample(name: str, epoch: int, *which: str) -> EvalSample:
    findings = tuple(
        Finding(behaviour=f"Says {at}.", condition="always", which=one, confidence=0.5)
        for at, one in enumerate(which, 1)
    )
    report = Report(p_differs=0.5, p_planted=0.5, summary="", findings=findings)
    store = {REPORT_KEY: report.model_dump(mode="json"), ALIASES_KEY: ALIASES}
    return EvalSample(id=name, epoch=epoch, input="", target="", store=store)


def test_findings_become_hypotheses_about_the_model_behind_the_alias(tmp_path: Path) -> None:
    unfinished = EvalSample(id="cut off", epoch=1, input="", target="")
    samples = [
        sample("x", 1, "model A", " Model  b", "both"),
        sample("x", 2, "model B"),
        unfinished,
    ]
    found = read_hypotheses(written(tmp_path, samples))
    # Who is meant by "both" is not known: no hypothesis.
    assert {(one.id, one.predicted) for one in found} == {
        ("x 1 1", "b"),
        ("x 1 2", "a"),
        ("x 2 1", "a"),
    }
    [first, *_] = [one for one in found if one.id == "x 1 1"]
    assert first.text == "Says 1. When: always" and first.origin == "log.eval"


def test_a_log_without_findings_and_no_log_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DiffgaugeError, match="no hypothesis"):
        read_hypotheses(written(tmp_path, [sample("x", 1)]))
    with pytest.raises(DiffgaugeError, match="no log"):
        read_hypotheses(tmp_path / "other.eval")
