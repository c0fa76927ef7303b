"""The task without an agent: its report follows from the artifact by fixed rules."""

import math
from pathlib import Path

import pytest

from diffgauge.evals.battery import evidence_for
from diffgauge.evals.open_prompts import built_in_prompts
from diffgauge.evals.tasks import battery
from diffgauge.records.counted import words
from diffgauge.records.stored import ALIASES_KEY, ARTIFACT_KEY, REPORT_KEY
from tests.evals.runs import ran

pytestmark = pytest.mark.tiny


def test_the_built_in_prompts_are_two_hundred_over_twenty_topics_in_many_forms() -> None:
    prompts = built_in_prompts()
    assert len(prompts) == len({one.text for one in prompts}) == 200
    topics = {one.topic for one in prompts}
    assert len(topics) == 20
    assert {one.topic for one in prompts[:60]} == topics
    assert len({one.form for one in prompts[:60]}) >= 10
    assert all(one.text == one.text.strip() and len(one.text) > 5 for one in prompts)


def test_a_p_value_becomes_a_probability() -> None:
    shares = [evidence_for(p) for p in (1e-4, 0.01, 0.05, 0.5, 0.9989, 0.9991, 1.0)]
    assert shares == sorted(shares, reverse=True)
    # The integral of ξ p^(ξ-1) over (0, 1), by a fine sum.
    for p in (0.01, 0.3):
        factor = sum((k + 0.5) / 1e5 * p ** ((k + 0.5) / 1e5 - 1) for k in range(10**5)) / 1e5
        assert evidence_for(p) == pytest.approx(factor / (1 + factor), rel=1e-6)
    assert evidence_for(1.0) == pytest.approx(1 / 3)
    assert math.isclose(evidence_for(0.9989), evidence_for(0.9991), abs_tol=1e-4)


def test_the_report_names_words_of_a_planted_pair_and_nothing_of_an_identical_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIFFGAUGE_CACHE", str(tmp_path))
    task = battery(
        organism=["zoo/sea-pirate", "zoo/identical"], set="max_new_tokens=24", replicate=2
    )
    log = ran(task, "none/none", tmp_path)
    assert log.status == "success", log.error
    by_id = {sample.id: sample for sample in log.samples or []}
    planted, same = by_id["zoo/sea-pirate"], by_id["zoo/identical"]
    assert planted.metadata["arm_id"] == "battery" and planted.metadata["budget"] == 0
    # 60 prompts, a reply of each model.
    assert planted.store[ARTIFACT_KEY]["precompute_interactions"] == 120
    report = planted.store[REPORT_KEY]
    assert report["p_differs"] > 0.9 and report["p_planted"] == report["p_differs"]
    [first, *_] = report["findings"]
    assert {"ahoy", "matey"} <= set(words(first["behaviour"]))
    assert first["which"] == planted.store[ALIASES_KEY]["finetuned"]
    assert planted.scores is not None
    assert planted.scores["which"].value == 1
    assert (planted.scores["replication"].metadata or {})["n_tested"] == 1
    assert same.store[REPORT_KEY]["findings"] == []
    assert same.store[REPORT_KEY]["p_differs"] == pytest.approx(1 / 3)
