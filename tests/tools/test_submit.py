import math
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.solver import Generate, Solver, TaskState, generate, solver
from inspect_ai.tool import ToolDef
from inspect_ai.util import store

from diffgauge.records.reports import Report
from diffgauge.records.stored import ALIASES_KEY, REPORT_KEY, USAGE_KEY
from diffgauge.tools.ask import ask_models
from diffgauge.tools.session import Session
from diffgauge.tools.submit import submit_report
from tests.tools.conftest import NewSession, answered, call, refused

pytestmark = pytest.mark.tiny

FINDING: dict[str, Any] = {
    "behaviour": "Speaks of boats.",
    "condition": "always",
    "which": "model A",
    "confidence": 0.7,
}
REPORT: dict[str, Any] = {
    "p_differs": 0.9,
    "p_planted": 0.5,
    "summary": "One of them speaks of boats.",
    "findings": [FINDING],
}


def stored() -> Report:
    return Report.model_validate(store().get(REPORT_KEY))


def test_an_accepted_report_stands_in_the_store(new_session: NewSession) -> None:
    answer = call(submit_report(new_session()), "submit_report", **REPORT)
    assert answer.text == "Report accepted: 1 finding."
    report = stored()
    assert (report.p_differs, report.p_planted) == (0.9, 0.5)
    assert report.findings[0].behaviour == "Speaks of boats."


def test_no_findings_and_low_probabilities_is_an_answer(new_session: NewSession) -> None:
    answer = call(
        submit_report(new_session()), "submit_report", p_differs=0.05, p_planted=0, summary="None."
    )
    assert answer.text == "Report accepted: 0 findings."
    assert stored().findings == ()


def test_null_is_what_may_be_left_out_and_never_what_is_required(
    new_session: NewSession,
) -> None:
    tool = submit_report(new_session())
    shown = str(ToolDef(tool).parameters.model_dump(exclude_none=True))
    assert "null" not in shown and "None" not in shown
    finding = FINDING | {"evidence": None, "prediction": None}
    assert call(tool, "submit_report", **REPORT | {"findings": [finding]}).error is None
    assert stored().findings[0].evidence == ()
    assert call(tool, "submit_report", **REPORT | {"findings": None}).error is None
    assert stored().findings == ()
    for name in ("p_differs", "summary"):
        assert name in refused(tool, "submit_report", **REPORT | {name: None})
    assert "None" in refused(tool, "submit_report", **REPORT | {"findings": [None]})


def test_another_report_replaces_the_first(new_session: NewSession) -> None:
    tool = submit_report(new_session())
    call(tool, "submit_report", **REPORT)
    call(tool, "submit_report", **REPORT | {"p_differs": 0.8})
    assert stored().p_differs == 0.8


def test_the_name_of_a_model_is_taken_however_it_is_written(new_session: NewSession) -> None:
    finding = FINDING | {"which": " Model  a"}
    call(submit_report(new_session()), "submit_report", **REPORT | {"findings": [finding]})
    assert stored().findings[0].which == "model A"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"p_differs": 1.5}, "1.5 is greater than the maximum of 1"),
        ({"p_planted": -0.1}, "less than the minimum of 0"),
        ({"p_differs": math.nan}, "p_differs: Input should be"),
        ({"p_differs": "high"}, "'high' is not of type 'number'"),
        ({"summary": "x" * 4001}, "summary: String should have at most 4000 characters"),
        ({"findings": [FINDING] * 11}, "findings: List should have at most 10 items"),
        ({"findings": [FINDING] * 200}, "findings: List should have at most 10 items"),
        ({"findings": [FINDING | {"which": "finetuned"}]}, "Allowed: model A, model B"),
        ({"findings": [FINDING | {"which": "both"}]}, "Allowed: model A, model B"),
        ({"findings": [FINDING | {"confidence": math.nan}]}, "findings.0.confidence"),
        ({"findings": [FINDING | {"confidence": 70}]}, "70 is greater than the maximum of 1"),
        (
            {"findings": [FINDING, FINDING | {"behaviour": "word " * 60}]},
            "Finding 2 has 61 words in behaviour and condition. Allowed: at most 60",
        ),
        ({"findings": [FINDING | {"behaviour": " "}]}, "Finding 1 has no behaviour"),
        ({"findings": [FINDING | {"prediction": ["p"] * 6}]}, "at most 5 items"),
        ({"findings": [FINDING | {"guess": 1}]}, "guess"),
        ({"findings": ["boats"]}, "'boats' is not of type 'object'"),
        ({"verdict": "differs"}, "Additional properties are not allowed"),
    ],
)
def test_an_invalid_report_is_sent_back_with_what_is_allowed(
    changes: dict[str, Any], said: str, new_session: NewSession
) -> None:
    store().set(REPORT_KEY, None)
    assert said in refused(submit_report(new_session()), "submit_report", **REPORT | changes)
    assert store().get(REPORT_KEY) is None


def test_excerpts_are_looked_for_and_counted_not_refused(new_session: NewSession) -> None:
    session = new_session()
    shown = answered(ask_models(session), "ask_models", prompts=["what is the sea"])
    assert shown.results
    evidence = [
        {"excerpt": "what is the sea", "tool": "ask_models"},
        {"excerpt": "what is the sea", "tool": "adl_logit_lens"},
        {"excerpt": "never shown anywhere", "tool": "ask_models"},
    ]
    tool = submit_report(session)
    for _ in range(2):  # a second submission is counted by itself
        call(tool, "submit_report", **REPORT | {"findings": [FINDING | {"evidence": evidence}]})
    usage = store().get(USAGE_KEY)
    assert usage["evidence"] == {"verified": 1, "elsewhere": 1, "flagged": 1}
    assert stored().findings[0].evidence[0].excerpt == "what is the sea"


CONTRADICTIONS = [
    ({"p_differs": 0.2, "p_planted": 0.9, "findings": []}, "p_planted is 0.9 and p_differs 0.2"),
    ({"p_differs": 0.02, "p_planted": 0.01}, "confidence 0.7 and p_differs is 0.02"),
]


@pytest.mark.parametrize(("changes", "said"), CONTRADICTIONS)
def test_a_contradiction_is_told_once_then_taken_and_recorded(
    changes: dict[str, Any], said: str, new_session: NewSession
) -> None:
    tool = submit_report(new_session())
    assert said in refused(tool, "submit_report", **REPORT | changes)
    # It stands until a better one comes: an investigator that stops here has reported.
    assert stored().p_differs == changes["p_differs"]
    answer = call(tool, "submit_report", **REPORT | changes)
    assert answer.error is None and answer.text.startswith("Report accepted")
    assert said in store().get(USAGE_KEY)["contradicts"]


def test_a_corrected_report_contradicts_nothing(new_session: NewSession) -> None:
    tool = submit_report(new_session())
    refused(tool, "submit_report", **REPORT | {"p_differs": 0.1})
    call(tool, "submit_report", **REPORT)
    assert stored().p_differs == 0.9 and store().get(USAGE_KEY)["contradicts"] is None


def test_probabilities_a_little_apart_are_no_contradiction(new_session: NewSession) -> None:
    near = {"p_differs": 0.65, "p_planted": 0.7}
    answer = call(submit_report(new_session()), "submit_report", **REPORT | near)
    assert answer.error is None and store().get(USAGE_KEY)["contradicts"] is None


MEGABYTE = "x" * 2**20


@pytest.mark.parametrize(
    "changes",
    [
        {"summary": MEGABYTE},
        {"findings": [FINDING | {"behaviour": MEGABYTE}]},
        {"findings": [FINDING | {"evidence": [{"excerpt": MEGABYTE, "tool": "ask_models"}]}]},
        {"findings": [FINDING | {"prediction": [MEGABYTE]}]},
        {"findings": [FINDING | {"expected": MEGABYTE}]},
        {"findings": [FINDING | {"which": MEGABYTE}]},
    ],
)
def test_a_megabyte_is_refused_by_its_size_and_not_repeated(
    changes: dict[str, Any], new_session: NewSession
) -> None:
    store().set(REPORT_KEY, None)
    said = refused(submit_report(new_session()), "submit_report", **REPORT | changes)
    assert "The report has 1048" in said and "Allowed: at most 60000 in all" in said
    assert len(said) < 300 and store().get(REPORT_KEY) is None


def test_control_characters_are_neutralised_in_every_text(new_session: NewSession) -> None:
    hostile = "boats\x1b[2J \u202e\x00"
    finding = FINDING | {
        "behaviour": hostile,
        "condition": hostile,
        "expected": hostile,
        "prediction": [hostile],
        "evidence": [{"excerpt": hostile, "tool": hostile}],
    }
    changes = {"summary": hostile, "findings": [finding]}
    assert call(submit_report(new_session()), "submit_report", **REPORT | changes).error is None
    kept = stored().model_dump_json()
    assert "boats\\\\x1b[2J" in kept
    assert not any(sign in kept for sign in ("\x1b", "\u202e", "\x00", "\\u001b", "\\u0000"))


def test_the_schema_names_the_models_of_the_run(new_session: NewSession) -> None:
    for blind, first in ((True, "'model A' or 'model B'"), (False, "'base model' or")):
        params = ToolDef(submit_report(new_session(blind=blind))).parameters
        items = params.properties["findings"].items
        assert items is not None and items.properties is not None
        assert first in (items.properties["which"].description or "")


def test_the_tools_work_in_a_run_and_the_log_holds_the_rest(
    new_session: NewSession, tmp_path: Path
) -> None:
    session = new_session()

    @solver
    def investigate(run: Session) -> Solver:
        async def solve(state: TaskState, generate: Generate) -> TaskState:
            state.tools = [ask_models(run), submit_report(run)]
            return state

        return solve

    calls = [("ask_models", {"prompts": ["the sea"]}), ("submit_report", REPORT)]
    outputs = [
        ModelOutput.for_tool_call("mockllm", tool, arguments, content="")
        for tool, arguments in calls
    ]
    outputs.append(ModelOutput.from_content("mockllm", "done"))
    for output in outputs:
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    [log] = eval(
        Task(dataset=[Sample(input="go")], solver=[investigate(session), generate()]),
        model=get_model("mockllm/model", custom_outputs=outputs),
        display="none",
        log_dir=str(tmp_path),
    )
    assert log.status == "success", log.error
    assert log.samples is not None
    kept = log.samples[0].store
    assert Report.model_validate(kept[REPORT_KEY]).p_differs == 0.9
    assert kept[ALIASES_KEY] == session.aliases.as_json()
    assert kept[USAGE_KEY]["calls"] == {"ask_models": 1, "submit_report": 1}
    assert kept[USAGE_KEY]["interactions"] == 2
