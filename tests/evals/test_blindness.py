"""What an investigator sees names no organism, no path and, blinded, no side; logs hold no key."""

import json
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import EvalSample

from diffgauge.evals.tasks import adl, blackbox
from diffgauge.records.results import Samples
from diffgauge.tools import ask
from tests.evals.runs import OTHER, PLANTED, Registry, ran, the_sample
from tests.evals.scripted_model import ASK, SUBMIT, Turn, saying

pytestmark = pytest.mark.tiny

CANARY = "sk-canary-0f1e2d3c4b5a"
MISTAKES: Turn = [
    ("adl_logit_lens", {"layer": 99}),
    ("adl_logit_lens", {"position": "nowhere"}),
    ("adl_logit_lens", {"toward": "base"}),
    ("adl_steer", {"n": 0}),
    ("ask_models", {"prompts": []}),
    ("submit_report", {"p_differs": 2}),
]
EVERYTHING: Turn = [
    ("adl_overview", {}),
    ("adl_logit_lens", {}),
    ("adl_logit_lens", {"of": "own_mean"}),
    ("adl_steered_samples", {}),
    ("adl_steer", {}),
    ASK,
]


def seen_by_investigator(sample: EvalSample) -> str:
    """Everything that went to the model: messages, tool errors, and the tools' descriptions."""
    parts = [str(sample.input)]
    for message in sample.messages:
        parts.append(message.text)
        if message.role == "tool" and message.error is not None:
            parts.append(message.error.message)
    for event in sample.events:
        if event.event == "model":
            parts += [tool.model_dump_json() for tool in event.tools]
    return "\n".join(parts)


@pytest.mark.parametrize("organism", [PLANTED, OTHER])
def test_nothing_shown_names_organism_path_or_side(
    organism: str, registry: Registry, tmp_path: Path
) -> None:
    task = adl(organism=organism, budget=40, texts=str(registry.texts), n_texts=40)
    sample = the_sample(ran(task, saying(EVERYTHING, MISTAKES, [SUBMIT]), tmp_path))
    shown = seen_by_investigator(sample).casefold()
    assert "adl_steer" in shown and "model a" in shown
    for secret in (
        organism,
        organism.split("/")[1],
        "tiny/",
        "secretweights",
        "plainfolder",
        "plantedfolder",
        "adapterfolder",
        str(registry.weights),
        str(tmp_path),
        "base model",
        "finetuned model",
        '"base"',
        '"finetuned"',
    ):
        assert secret.casefold() not in shown, secret


def test_the_guard_stops_a_planted_leak(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test of the test: a tool that is made to name the organism ends its sample."""
    monkeypatch.setattr(ask, "Samples", lambda **given: _titled(given, f"Replies of {PLANTED}"))
    log = ran(blackbox(organism=PLANTED, budget=4), saying([ASK], [SUBMIT]), tmp_path)
    assert log.status == "error"
    assert log.samples is not None and log.samples[0].error is not None
    assert "LeakError" in log.samples[0].error.traceback
    assert not log.samples[0].scores


def _titled(given: dict[str, Any], title: str) -> Samples:
    return Samples(**(given | {"title": title}))


def test_names_are_drawn_by_seed_and_both_ways(registry: Registry, tmp_path: Path) -> None:
    log = ran(blackbox(organism=PLANTED, budget=0), saying([SUBMIT]), tmp_path, epochs=12)
    assert log.status == "success" and log.samples is not None
    names = [sample.store["diffgauge:aliases"]["base"] for sample in log.samples]
    assert set(names) == {"model A", "model B"}


def test_no_key_reaches_a_log_an_artifact_or_a_message(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "HF_TOKEN"):
        monkeypatch.setenv(name, CANARY)
    task = adl(organism=PLANTED, budget=8, texts=str(registry.texts), n_texts=40)
    log = ran(task, saying(EVERYTHING, MISTAKES, [SUBMIT]), tmp_path)
    assert log.status == "success"
    assert CANARY not in log.model_dump_json()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.suffix == ".eval" for path in files)
    assert any(path.name == "header.json" for path in files)
    assert all(CANARY.encode() not in path.read_bytes() for path in files)


def test_the_store_holds_json_alone(registry: Registry, tmp_path: Path) -> None:
    sample = the_sample(ran(blackbox(organism=PLANTED, budget=0), saying([SUBMIT]), tmp_path))
    assert json.loads(json.dumps(sample.store)) == sample.store
