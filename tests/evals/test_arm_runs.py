"""Whole investigations in each arm: what is shown, what is charged, what is recorded."""

import json
from pathlib import Path
from typing import Any

import pytest
from inspect_ai._util.error import PrerequisiteError
from inspect_ai.agent import Agent, AgentState, agent
from inspect_ai.log import EvalSample
from inspect_ai.model import (
    Model,
    ModelCost,
    ModelInfo,
    ModelOutput,
    execute_tools,
    get_model,
    set_model_info,
)
from inspect_ai.tool import Tool

from diffgauge.evals import lease
from diffgauge.evals.arms import ARMS
from diffgauge.evals.tasks import adl, blackbox
from diffgauge.models.pool import PairPool
from diffgauge.records.results import Samples
from diffgauge.records.stored import ARTIFACT_KEY, BOARD_KEY, REPORT_KEY, USAGE_KEY
from diffgauge.records.tool_results import ToolResult
from diffgauge.tools.given import GivenCache
from tests.evals.runs import IDENTICAL, PLANTED, STANDS_IN, Registry, ran, the_sample
from tests.evals.scripted_model import (
    ASK,
    REPORT,
    SUBMIT,
    Turn,
    following,
    n_turns,
    output,
    saying,
)

pytestmark = pytest.mark.tiny

FAST = "n_prompts=2 max_new_tokens=8"
NOTED = ("hypothesis_board", {"action": "add", "text": "a boat", "confidence": 0.5})


def task(registry: Registry, arm: str, **more: Any) -> Any:
    asked = {"organism": PLANTED, "budget": 4, "set": FAST}
    asked |= {"texts": str(registry.texts), "n_texts": 40} | more
    return adl(agent=arm, **asked)


def results(sample: EvalSample, tool: str) -> list[ToolResult]:
    return [
        ToolResult.model_validate_json(m.text)
        for m in sample.messages
        if m.role == "tool" and m.function == tool and m.error is None
    ]


def tools_of(sample: EvalSample) -> set[str]:
    [first, *_] = [event for event in sample.events if event.event == "model"]
    return {tool.name for tool in first.tools}


@pytest.mark.parametrize("arm", ARMS)
def test_an_identical_pair_goes_through_every_arm(
    arm: str, two_families: Registry, pool: PairPool, tmp_path: Path
) -> None:
    """With a pool that holds one pair, so that a sham that held two would wait for ever."""
    budget = 0 if arm == "method_only" else 4
    made = task(two_families, arm, organism=IDENTICAL, budget=budget)
    sample = the_sample(ran(made, saying([NOTED, ASK], [SUBMIT]), tmp_path))
    usage = sample.store[USAGE_KEY]
    per_reply = {"method_only": 0, "single_model": 1}
    assert usage["interactions"] == per_reply.get(arm, 2)
    assert usage["ended"] == "submitted"
    assert sample.store[BOARD_KEY] == [
        {"id": 1, "text": "a boat", "confidence": 0.5, "status": "open", "reason": None}
    ]
    assert sample.scores is not None and sample.scores["identification"].metadata is not None
    assert sample.metadata["arm"] == arm
    assert json.loads(json.dumps(sample.store)) == sample.store
    assert not pool._queue and all(not one.n_leases for one in pool._entries.values())


def test_arms_share_their_tools_but_for_their_own(two_families: Registry, tmp_path: Path) -> None:
    seen = {}
    for arm in ARMS:
        budget = 0 if arm == "method_only" else 4
        made = task(two_families, arm, budget=budget)
        seen[arm] = tools_of(the_sample(ran(made, saying([SUBMIT]), tmp_path)))
    shared = {"ask_models", "hypothesis_board", "submit_report"}
    assert seen["blackbox"] == seen["single_model"] == shared
    assert seen["blackbox_matched"] - shared == {"replies_overview", "replies_page"}
    assert seen["method"] == seen["method_only"]
    own = seen["method"] - shared
    assert own and all(name.startswith("adl_") for name in own)
    assert seen["method"] - seen["sham"] == {"adl_steer"}, "what would sample is not offered"


def test_the_matched_baseline_is_given_what_the_artifact_was_built_from(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "_REPLIES", GivenCache(4))
    model = saying([("replies_page", {}), ASK], [SUBMIT])
    log = ran(task(registry, "blackbox_matched"), model, tmp_path, epochs=2)
    assert log.status == "success" and log.samples is not None
    built = {s.store[ARTIFACT_KEY]["precompute_interactions"] for s in log.samples}
    [n_built] = built
    assert n_built > 0
    for sample in log.samples:
        usage = sample.store[USAGE_KEY]
        assert usage["precompute_interactions"] == n_built + n_built % 2
        assert usage["interactions"] == 2, "what was given is no part of the budget"
        [page] = results(sample, "replies_page")
        assert page.results[0].model_dump_json() in _reread(sample.messages[0].text)
    first, second = (results(s, "replies_page")[0].results for s in log.samples)
    assert first != second, "another epoch is given others"
    again = ran(task(registry, "blackbox_matched", budget=2), model, tmp_path)
    assert results(the_sample(again), "replies_page")[0].results in (first, second)


def _reread(text: str) -> list[str]:
    shown = ToolResult.model_validate_json(text.split("```json\n")[1].removesuffix("\n```"))
    return [result.model_dump_json() for result in shown.results]


def test_arms_draw_the_same_names_and_replies(two_families: Registry, tmp_path: Path) -> None:
    model = saying([ASK], [SUBMIT])
    told = {}
    for arm in ("blackbox", "blackbox_matched", "method", "sham"):
        sample = the_sample(ran(task(two_families, arm), model, tmp_path))
        told[arm] = results(sample, "ask_models")[0].results
    assert all(one == told["blackbox"] for one in told.values())


def test_one_model_says_what_it_says_to_who_asks_both(registry: Registry, tmp_path: Path) -> None:
    model = saying([ASK], [SUBMIT])
    alone = the_sample(ran(task(registry, "single_model"), model, tmp_path))
    both = the_sample(ran(task(registry, "blackbox", blind=False), model, tmp_path))
    [of_one], [of_both] = (results(s, "ask_models")[0].results for s in (alone, both))
    assert isinstance(of_one, Samples) and isinstance(of_both, Samples)
    assert of_one.items == tuple(i for i in of_both.items if i.model == "finetuned model")
    assert alone.store[USAGE_KEY]["interactions"] == 1
    assert "out of reach" in alone.messages[0].text


def test_a_sham_shows_another_organism_and_counts_who_follows_it(
    two_families: Registry, tmp_path: Path
) -> None:
    claim = {"behaviour": "speaks of the lamp", "condition": "always", "which": "model A"}
    report = REPORT | {"p_planted": 0.9, "findings": [claim | {"confidence": 0.9}]}
    model = saying([("adl_logit_lens", {}), ASK], [("submit_report", report)])
    sample = the_sample(ran(task(two_families, "sham"), model, tmp_path))
    own = the_sample(ran(task(two_families, "method", organism=STANDS_IN), model, tmp_path))
    shown, right = (one.store[ARTIFACT_KEY]["inputs"] for one in (sample, own))
    assert shown == right, "the other's artifact, whole"
    assert sample.metadata["organism"] == PLANTED
    assert sample.metadata["shown_organism"] == sample.metadata["shown_truth_id"] == STANDS_IN
    assert sample.scores is not None
    held = sample.scores["identification"].metadata
    assert held is not None and held["true_id"] == PLANTED and not held["top1"]
    assert (held["shown_truth_id"], held["sham_rank"], held["sham_top1"]) == (STANDS_IN, 1, True)
    assert own.scores is not None and own.scores["identification"].metadata is not None
    assert "sham_rank" not in own.scores["identification"].metadata


def test_nothing_tells_a_sham_from_a_method(two_families: Registry, tmp_path: Path) -> None:
    """Names of either organism are stopped, and the first message is a method's to the letter."""
    model = saying([("adl_overview", {}), ("adl_logit_lens", {}), ASK], [SUBMIT])
    sample = the_sample(ran(task(two_families, "sham"), model, tmp_path))
    method = the_sample(ran(task(two_families, "method"), model, tmp_path))
    heads = [s.messages[0].text.split("# Overview")[0] for s in (sample, method)]
    assert heads[0] == heads[1]
    shown = "\n".join(m.text for m in sample.messages).casefold()
    for secret in (PLANTED, STANDS_IN, "lamp-seven", "planted-boat", "sham", "secretweights"):
        assert secret.casefold() not in shown


def test_the_guard_of_a_sham_knows_the_shown_organism(
    two_families: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test of the test: an overview that is made to name it ends the sample."""
    from diffgauge.methods.adl.method import ADL

    true = ADL.overview

    def telling(self: ADL, artifact: Any) -> Any:
        first, *rest = true(self, artifact)
        return [first.model_copy(update={"title": f"Read of {STANDS_IN}"}), *rest]

    monkeypatch.setattr(ADL, "overview", telling)
    log = ran(task(two_families, "sham"), saying([SUBMIT]), tmp_path)
    assert log.status == "error" and log.samples is not None and log.samples[0].error is not None
    assert "LeakError" in log.samples[0].error.traceback


@agent(name="tests/outsider")
def outsider(tools: list[Tool] | None = None, polite: bool = True) -> Agent:
    """A small agent of somebody else's: it goes on until it says something without a call."""

    async def execute(state: AgentState) -> AgentState:
        while True:
            state.output = await get_model().generate(state.messages, tools or [])
            state.messages.append(state.output.message)
            if not state.output.message.tool_calls:
                return state
            done = await execute_tools(state.messages, tools or [])
            state.messages += done.messages

    return execute


@agent(name="tests/needy")
def needy(tools: list[Tool], house: str) -> Agent:
    """An agent that nobody can make."""
    return outsider(tools)


def investigated(registry: Registry, model: Model, folder: Path, **more: Any) -> EvalSample:
    asked = {"organism": PLANTED, "budget": 4, "turns": 6, "investigator": "tests/outsider"}
    return the_sample(ran(blackbox(**(asked | more)), model, folder))


def test_an_agent_from_outside_investigates_with_our_tools(
    registry: Registry, tmp_path: Path
) -> None:
    sample = investigated(registry, saying([ASK], [SUBMIT], "Done."), tmp_path)
    assert sample.metadata["agent_name"] == "tests/outsider"
    assert sample.store[REPORT_KEY]["summary"] == REPORT["summary"]
    usage = sample.store[USAGE_KEY]
    assert (usage["interactions"], usage["turns"], usage["ended"]) == (2, 3, "submitted")
    assert tools_of(sample) == {"ask_models", "hypothesis_board", "submit_report"}


@pytest.mark.parametrize("talk", ["I am done.", [ASK]])
def test_an_agent_from_outside_is_asked_for_its_report_too(
    talk: Turn, registry: Registry, tmp_path: Path
) -> None:
    """One that ends without a report, and one that would go on for ever."""

    def policy(messages: object, tools: object) -> Turn:
        assert isinstance(messages, list)
        told = any(m.role == "user" and "last turn" in m.text for m in messages)
        return [SUBMIT] if told else talk

    sample = investigated(registry, following(policy), tmp_path, budget=100)
    assert sample.store[USAGE_KEY]["ended"] == "submitted"
    assert sample.limit is None
    assert sample.store[USAGE_KEY]["turns"] <= 6


def test_inspects_own_react_agent_ends_with_our_report(registry: Registry, tmp_path: Path) -> None:
    sample = investigated(registry, saying([ASK], [SUBMIT]), tmp_path, investigator="react")
    assert sample.store[USAGE_KEY]["ended"] == "submitted"
    assert tools_of(sample) == {"ask_models", "hypothesis_board", "submit_report"}


@pytest.mark.parametrize(
    ("name", "said"),
    [("tests/outsidr", "Did you mean 'tests/outsider'"), ("tests/needy", "needs house")],
)
def test_an_agent_that_cannot_be_made_is_refused_before_anything_runs(
    name: str, said: str, registry: Registry
) -> None:
    with pytest.raises(PrerequisiteError) as caught:
        blackbox(organism=PLANTED, investigator=name)
    assert said in str(caught.value.message)


def test_money_is_refused_where_no_price_is_known(registry: Registry, tmp_path: Path) -> None:
    made = blackbox(organism=PLANTED, money=0.5)
    with pytest.raises(PrerequisiteError, match="cost data for all models"):
        ran(made, saying([SUBMIT]), tmp_path)


def test_the_report_is_asked_for_before_the_money_is_gone(
    registry: Registry, tmp_path: Path
) -> None:
    """Each turn takes 100 tokens read and 10 written: 0.11 dollars at 1,000 a million."""
    cost = ModelCost(input=1000, output=1000, input_cache_write=0, input_cache_read=0)
    set_model_info("mockllm/priced", ModelInfo(cost=cost))

    def policy(messages: object, tools: object) -> Turn:
        assert isinstance(messages, list)
        told = any(m.role == "user" and "last turn" in m.text for m in messages)
        return [SUBMIT] if told else [ASK]

    def answer(input: Any, tools: Any, *_: Any) -> ModelOutput:
        return output(policy(input, tools), n_turns(input))

    model = get_model("mockllm/priced", custom_outputs=answer, memoize=False)
    made = blackbox(organism=PLANTED, budget=100, money=1.0)
    sample = the_sample(ran(made, model, tmp_path))
    assert sample.store[USAGE_KEY]["ended"] == "submitted"
    # Asked for once less than three turns' money is left: after 7 turns .23 are, so the 8th is it.
    assert sample.store[USAGE_KEY]["turns"] == 8
    assert sample.limit is None
