"""The same task through Inspect's OpenAI and Anthropic providers, against a loopback server."""

from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval as inspect_eval
from inspect_ai.model import GenerateConfig, get_model

from diffgauge.evals.tasks import blackbox
from diffgauge.records.reports import Report
from diffgauge.records.stored import REPORT_KEY
from tests.evals.hosted.local_server import serving

pytestmark = pytest.mark.tiny

CANARY = "sk-canary-0123456789abcdef"


@pytest.mark.parametrize(
    ("name", "suffix", "arguments"),
    [
        ("openai/gpt-4o-mini", "/v1", {"responses_api": False}),
        ("anthropic/claude-local", "", {"streaming": False}),
    ],
)
def test_a_hosted_investigator_asks_and_submits(
    name: str, suffix: str, arguments: dict[str, Any], tmp_path: Path
) -> None:
    with serving() as (address, seen):
        model = get_model(
            name,
            config=GenerateConfig(max_tokens=1024),
            base_url=address + suffix,
            api_key=CANARY,
            memoize=False,
            **arguments,
        )
        [log] = inspect_eval(
            blackbox(organism="zoo/identical", budget=4),
            model=model,
            log_dir=str(tmp_path),
            display="none",
        )
    assert log.status == "success", log.error
    assert log.samples is not None
    [sample] = log.samples
    report = Report.model_validate(sample.store[REPORT_KEY])
    assert (report.p_differs, report.p_planted) == (0.25, 0.125)
    assert set(seen.keys) == {CANARY}
    assert all({"ask_models", "submit_report"} <= set(tools) for tools in seen.tools)
    assert len(seen.results) == 1
    assert "model A" in seen.results[0]
    assert all(CANARY.encode() not in path.read_bytes() for path in tmp_path.rglob("*.eval"))
    assert CANARY not in log.model_dump_json()


def test_a_missing_key_is_said_before_anything_is_spent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(Exception, match="OPENAI_API_KEY"):
        inspect_eval(
            blackbox(organism="zoo/identical"),
            model="openai/gpt-4o-mini",
            log_dir=str(tmp_path),
            display="none",
        )
    assert not list(tmp_path.rglob("*.eval"))
