"""Whole investigations on random weights: every arm, what is stored, and what is graded."""

from pathlib import Path

import pytest

from diffgauge.evals.tasks import adl, blackbox, investigate
from diffgauge.records.reports import Report
from diffgauge.records.stored import (
    ALIASES_KEY,
    ARTIFACT_KEY,
    PREFLIGHT_KEY,
    REPORT_KEY,
    USAGE_KEY,
)
from diffgauge.records.tool_results import ToolResult
from tests.evals.runs import IDENTICAL, OTHER, PLANTED, Registry, ran, the_sample
from tests.evals.scripted_model import ASK, REPORT, SUBMIT, Call, saying

pytestmark = pytest.mark.tiny

FINDING = {
    "behaviour": "mentions the boat",
    "condition": "always",
    "which": "model A",
    "confidence": 0.5,
}


def test_blackbox_from_question_to_grade(registry: Registry, tmp_path: Path) -> None:
    report = REPORT | {"p_planted": 0.75, "findings": [FINDING]}
    model = saying([ASK], [("submit_report", report)])
    sample = the_sample(ran(blackbox(organism=PLANTED, budget=4), model, tmp_path))
    assert Report.model_validate(sample.store[REPORT_KEY]).findings[0].which == "model A"
    assert set(sample.store[ALIASES_KEY].values()) == {"model A", "model B"}
    assert sample.store[PREFLIGHT_KEY]["verdict"] == "VALID"
    assert ARTIFACT_KEY not in sample.store
    usage = sample.store[USAGE_KEY]
    assert (usage["interactions"], usage["budget"], usage["ended"]) == (2, 4, "submitted")
    assert usage["precompute_interactions"] == 0
    assert sample.scores is not None
    assert next(iter(sample.scores)) == "identification"
    assert "rubric" not in sample.scores, "no grader is bound, so no rubric grade is requested"
    assert sample.scores["which"].value == float(
        sample.store[ALIASES_KEY]["finetuned"] == "model A"
    )


def test_the_method_arm_begins_with_the_overview(registry: Registry, tmp_path: Path) -> None:
    model = saying([("adl_overview", {}), ("adl_logit_lens", {})], [ASK], [SUBMIT])
    task = adl(organism=PLANTED, budget=4, texts=str(registry.texts), n_texts=40)
    sample = the_sample(ran(task, model, tmp_path))
    first = sample.messages[0].text
    assert first.startswith(str(sample.input))
    shown = ToolResult.model_validate_json(first.split("```json\n")[1].removesuffix("\n```"))
    again = next(m for m in sample.messages if m.role == "tool" and m.function == "adl_overview")
    assert ToolResult.model_validate_json(again.text).results == shown.results
    assert sample.store[ARTIFACT_KEY]["inputs"]["method"] == "adl"
    usage = sample.store[USAGE_KEY]
    header = sample.store[ARTIFACT_KEY]
    assert usage["precompute_interactions"] == header["precompute_interactions"] > 0
    assert usage["interactions"] == 2, "what the artifact took is counted apart"
    assert any(event.event == "info" and event.source == "adl" for event in sample.events)
    tools = {
        call.function
        for m in sample.messages
        if m.role == "assistant"
        for call in m.tool_calls or ()
    }
    assert "adl_logit_lens" in tools
    assert all(m.error is None for m in sample.messages if m.role == "tool")


def test_any_method_runs_through_the_generic_task(registry: Registry, tmp_path: Path) -> None:
    task = investigate(
        method="adl", organism=OTHER, budget=2, texts=str(registry.texts), n_texts=40
    )
    sample = the_sample(ran(task, saying([SUBMIT]), tmp_path))
    assert sample.metadata["arm_id"] == "adl:method"
    assert "# Overview" in sample.messages[0].text


@pytest.mark.parametrize("arm", ["blackbox", "method"])
def test_an_identical_pair_goes_through_every_arm(
    arm: str, registry: Registry, tmp_path: Path
) -> None:
    task = adl(organism=IDENTICAL, agent=arm, budget=4, texts=str(registry.texts), n_texts=40)
    lens: list[Call] = [("adl_logit_lens", {})] if arm == "method" else []
    sample = the_sample(ran(task, saying([*lens, ASK], [SUBMIT]), tmp_path))
    assert sample.scores is not None
    differs = sample.scores["detection"].value
    assert isinstance(differs, dict)
    assert differs["differs"] == REPORT["p_differs"] ** 2
    assert sample.scores["identification"].metadata is not None
    assert sample.scores["identification"].metadata["top1"] is True
    if arm == "method":
        assert "exactly zero" in sample.messages[0].text


def test_the_offline_models_investigate_and_grade(registry: Registry, tmp_path: Path) -> None:
    log = ran(
        adl(organism=PLANTED, budget=8, texts=str(registry.texts), n_texts=40),
        "diffgauge/scripted",
        tmp_path,
        model_roles={"grader": "diffgauge/lexical"},
    )
    sample = the_sample(log)
    assert sample.store[USAGE_KEY]["ended"] == "submitted"
    assert sample.store[USAGE_KEY]["interactions"] <= 8
    assert sample.scores is not None
    assert sample.scores["rubric"].value in (1, 2, 3, 4, 5)
    assert log.eval.task == "adl" or log.eval.task == "diffgauge/adl"


def test_arms_and_repeats_share_names_and_draws(registry: Registry, tmp_path: Path) -> None:
    model = saying([ASK], [SUBMIT])
    both = [
        ran(blackbox(organism=PLANTED, budget=4), model, tmp_path, epochs=3),
        ran(
            adl(organism=PLANTED, budget=4, texts=str(registry.texts), n_texts=40),
            model,
            tmp_path,
            epochs=3,
        ),
    ]
    replies = []
    for log in both:
        assert log.status == "success" and log.samples is not None
        samples = sorted(log.samples, key=lambda sample: sample.epoch)
        assert [sample.epoch for sample in samples] == [1, 2, 3]
        replies.append(
            [
                (
                    sample.store[ALIASES_KEY],
                    next(
                        ToolResult.model_validate_json(m.text).results
                        for m in sample.messages
                        if m.role == "tool" and m.function == "ask_models"
                    ),
                )
                for sample in samples
            ]
        )
    assert replies[0] == replies[1], "both arms draw alike in each repeat"
    assert replies[0][0][1] != replies[0][1][1], "repeats draw afresh"


def test_unblinded_runs_name_the_sides(registry: Registry, tmp_path: Path) -> None:
    task = blackbox(organism=PLANTED, budget=4, blind=False)
    sample = the_sample(ran(task, saying([ASK], [SUBMIT]), tmp_path))
    assert sample.store[ALIASES_KEY] == {"base": "base model", "finetuned": "finetuned model"}
    assert sample.metadata["sides_known"] is True
    assert "finetuned model" in next(m.text for m in sample.messages if m.role == "tool")
