import json
from typing import Any, ClassVar

import pytest
from inspect_ai.tool import Tool, ToolCall, ToolDef
from pydantic import Field

from diffgauge.evals.laws.bench import bench_of
from diffgauge.evals.laws.subjects import IDENTICAL, subject
from diffgauge.methods import registry
from diffgauge.methods.adl.method import ADL
from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.method import FreeOperation, Method, Operation, Outcome, PaidOperation
from diffgauge.models.pair import ModelPair
from diffgauge.organisms.nulls import harmless
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.record import Record
from diffgauge.records.results import FreeText, Provenance, RankedTokens, Result, Samples
from diffgauge.tools.ask import ask_models
from diffgauge.tools.board import hypothesis_board
from diffgauge.tools.calling import view_of
from diffgauge.tools.guard import LeakError, LeakGuard
from diffgauge.tools.method_tools import method_tools
from diffgauge.tools.submit import submit_report
from tests.tools.conftest import NewSession, answered, call, refused

pytestmark = pytest.mark.tiny

NAMES = registry.names()
SECRET = "zoo/submarine"


@pytest.mark.parametrize("name", NAMES)
def test_what_tools_say_quotes_no_harmless_instruction(name: str, new_session: NewSession) -> None:
    """Else the guard would end every sample of the null that is given such a system prompt."""
    texts = {harmless(str(at), base).text for at in range(200) for base in ("zoo:base", "a/b")}
    assert len(texts) > 6
    bench = bench_of(name)
    for organism in (bench.planted, IDENTICAL):
        session = new_session(
            service=subject(organism).service, guard=LeakGuard(quotes=tuple(texts))
        )
        shown = method_tools(session, bench.method, bench.artifact(organism))
        tools = [*shown, ask_models(session), hypothesis_board(session)]
        for definition in map(ToolDef, tools):
            call(tools, definition.name)
            refused(tools, definition.name, nothing_of_that_name=1)
        submit_report(session)


def test_directions_are_shown_under_the_names_of_the_run(
    new_session: NewSession, artifact: Artifact
) -> None:
    for material in map(str, range(6)):
        session = new_session(material)
        tools = method_tools(session, ADL(), artifact)
        shown = answered(tools, "adl_logit_lens").results
        assert [result.contrast.toward for result in shown] == ["model A", "model B"]
        for result in shown:
            assert isinstance(result, RankedTokens)
            planted = session.aliases.side(result.contrast.toward or "") == "finetuned"
            assert (result.items[0].token == "boat") == planted
        planted_name = session.aliases.finetuned
        [one] = answered(tools, "adl_logit_lens", toward=planted_name, k=3).results
        assert isinstance(one, RankedTokens)
        assert (one.contrast.toward, len(one.items)) == (planted_name, 3)


def test_a_paid_tool_is_charged_before_it_runs(new_session: NewSession, artifact: Artifact) -> None:
    session = new_session(budget=9)
    tools = method_tools(session, ADL(), artifact)
    result = answered(tools, "adl_steer")
    assert result.remaining.interactions == 1
    assert sum(one.cost for one in result.results) == 8
    assert session.usage.subject_tokens >= 8
    said = refused(tools, "adl_steer")
    assert "costs 8 model interactions and 1 of 9 are left" in said
    assert session.budget.spent == 8


def test_paid_samples_are_fresh_each_time_and_repeat_with_the_run(
    new_session: NewSession, artifact: Artifact
) -> None:
    def told(seed: int) -> list[Any]:
        tools = method_tools(new_session(seed=seed), ADL(), artifact)
        return [answered(tools, "adl_steer").results for _ in range(2)]

    first, again, other = told(0), told(0), told(1)
    assert first == again
    assert first[0] != first[1]
    assert first != other


def test_paid_tools_can_be_left_out(new_session: NewSession, artifact: Artifact) -> None:
    tools = method_tools(new_session(), ADL(), artifact, paid=False)
    assert {ToolDef(tool).name for tool in tools} == {
        "adl_overview",
        "adl_logit_lens",
        "adl_patchscope",
        "adl_steered_samples",
    }


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("adl_logit_lens", {"layer": 7}, "Layer 7 was not read. Allowed: layer 1."),
        ("adl_logit_lens", {"position": "x"}, "Allowed: position 0, 1, 2, 3, 4, 1-4, turn"),
        ("adl_logit_lens", {"k": 1000}, "1000 is greater than the maximum of 100"),
        (
            "adl_logit_lens",
            {"toward": "finetuned"},
            "'finetuned' is not one of ['model A', 'model B']",
        ),
        ("adl_logit_lens", {"of": "everything"}, "is not one of ['difference', 'own_mean']"),
        ("adl_logit_lens", {"layers": 1}, "Additional properties are not allowed"),
        ("adl_steered_samples", {"position": 2}, "has no stored replies"),
        ("adl_steer", {"prompts": ["x"] * 9}, "at most 8 items"),
        ("adl_steer", {"prompts": [""]}, "1 to 2000 characters"),
        ("adl_steer", {"prompts": ["x" * 1999]}, "context of 128 tokens"),
        ("adl_steer", {"strength": 0}, "strength: Input should be greater than 0"),
        ("adl_steer", {"strength": 1e300}, "greater than the maximum of 8"),
        ("adl_overview", {"x": 1}, "Additional properties are not allowed"),
    ],
)
def test_bad_arguments_say_what_is_allowed_and_cost_nothing(
    tool: str,
    arguments: dict[str, Any],
    said: str,
    new_session: NewSession,
    artifact: Artifact,
) -> None:
    session = new_session()
    assert said in refused(method_tools(session, ADL(), artifact), tool, **arguments)
    assert session.budget.spent == 0


class Leaking(Method):
    """A method that says what it was told to say."""

    name: ClassVar[str] = "leaking"
    version: ClassVar[int] = 1
    settings = ADL.settings
    leak: ClassVar[str] = ""
    where: ClassVar[str] = ""

    class Parameters(Record):
        k: int = Field(default=1, description="How many.")

    def compute(self, *args: Any, **kwargs: Any) -> Artifact:
        raise NotImplementedError

    def overview(self, artifact: Artifact) -> list[Result]:
        return [self._result("overview")]

    def operations(self, artifact: Artifact) -> list[Operation]:
        return [
            FreeOperation(
                name="leaking_look",
                description=self._said("description"),
                parameters=self.Parameters,
                run=lambda artifact, parameters: [self._result("result")],
            ),
            PaidOperation(
                name="leaking_error",
                description="Costs.",
                parameters=self.Parameters,
                cost=lambda artifact, parameters: 3,
                run=self._fail,
            ),
        ]

    def _said(self, where: str) -> str:
        return self.leak if where == self.where else "fine"

    def _result(self, where: str) -> Result:
        return FreeText(title="t", provenance=Provenance(method="m"), text=self._said(where))

    def _fail(self, pair: ModelPair, artifact: Artifact, parameters: Record, seed: int) -> Outcome:
        if self.where == "crash":
            raise ZeroDivisionError("a bug")
        raise DiffgaugeError(self._said("error"))


def leaking(where: str, leak: str) -> Leaking:
    made = type("Made", (Leaking,), {"where": where, "leak": leak})()
    assert isinstance(made, Leaking)
    return made


@pytest.mark.parametrize("leak", [f"as in {SECRET}", "/data/adapters/x", "the finetuned one"])
@pytest.mark.parametrize("where", ["description", "overview", "result", "error"])
def test_a_planted_leak_ends_the_sample_and_is_not_shown(
    where: str, leak: str, new_session: NewSession, artifact: Artifact
) -> None:
    guard = LeakGuard(forbidden=(SECRET, "/data/adapters"))
    session = new_session(guard=guard)
    tool = {"overview": "leaking_overview", "error": "leaking_error"}.get(where, "leaking_look")
    with pytest.raises(LeakError, match=f"tool {tool}"):
        call(method_tools(session, leaking(where, leak), artifact), tool)
    assert session.shown.verdict(leak, tool) == "flagged"
    # The same method without the leak: the guard stops leaks, not methods.
    clean = method_tools(new_session(guard=guard), leaking("nowhere", leak), artifact)
    assert "fine" in call(clean, "leaking_look").text


def test_a_refusal_after_the_charge_gives_it_back(
    new_session: NewSession, artifact: Artifact
) -> None:
    session = new_session()
    tools = method_tools(session, leaking("nowhere", ""), artifact)
    assert refused(tools, "leaking_error") == "fine"
    assert session.budget.spent == 0


def test_a_bug_is_no_tool_error(new_session: NewSession, artifact: Artifact) -> None:
    tools = method_tools(new_session(), leaking("crash", ""), artifact)
    with pytest.raises(ZeroDivisionError):
        call(tools, "leaking_error")


def test_a_method_that_cannot_hide_sides_is_refused_in_a_blind_run(
    new_session: NewSession, artifact: Artifact
) -> None:
    open_method = type("Open", (Leaking,), {"sides_known": True})()
    assert isinstance(open_method, Leaking)
    with pytest.raises(DiffgaugeError, match="runs that are not blinded"):
        method_tools(new_session(), open_method, artifact)
    assert method_tools(new_session(blind=False), open_method, artifact)


def test_large_results_are_cut_to_the_size_allowed(
    new_session: NewSession, artifact: Artifact
) -> None:
    tools = method_tools(new_session(max_chars=1200), ADL(), artifact)
    result = answered(tools, "adl_logit_lens", k=100)
    assert result.cut is not None
    assert all(one.truncated for one in result.results)
    assert len(call(tools, "adl_logit_lens", k=100).text) <= 1200


def test_calls_are_readable_in_the_viewer(new_session: NewSession, artifact: Artifact) -> None:
    tools = method_tools(new_session(), ADL(), artifact)
    steer: Tool = next(tool for tool in tools if ToolDef(tool).name == "adl_steer")
    viewer = ToolDef(steer).viewer
    assert viewer is view_of
    arguments = {"prompts": ["what is\n`the` sea", "\x1b[2J"], "n": 2}
    view = view_of(ToolCall(id="1", function="adl_steer", arguments=arguments)).call
    assert view is not None
    assert (view.title, view.format) == ("adl_steer", "markdown")
    assert view.content == (
        "- **prompts**: \n    - `what is 'the' sea`\n    - `\\x1b[2J`\n- **n**: `2`"
    )
    bare = view_of(ToolCall(id="1", function="adl_steer", arguments={})).call
    assert bare is not None and bare.content == "*(defaults)*"


def test_stored_replies_are_marked_as_obtained_in_a_special_way(
    new_session: NewSession, artifact: Artifact
) -> None:
    for name in ("adl_overview", "adl_steered_samples", "adl_steer"):
        for result in answered(method_tools(new_session(), ADL(), artifact), name).results:
            if isinstance(result, Samples):
                assert all(item.condition for item in result.items)
                assert json.dumps(result.provenance.method) == '"adl"'
