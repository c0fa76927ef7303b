"""A stage to try the policy on: fake subject models behind the same JSON as the real tools.

`play` runs the policy to its report, with no Inspect run around it:

    play(Stage(subjects={"model A": parrot, "model B": parrot}, budget=50))
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jsonschema
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageTool,
    ChatMessageUser,
)
from inspect_ai.tool import ToolCall, ToolCallError, ToolInfo, ToolParam, ToolParams

from diffgauge.evals.scripted.policy import Action, next_action
from diffgauge.records.reports import Report
from diffgauge.records.results import (
    Contrast,
    Provenance,
    RankedToken,
    RankedTokens,
    Result,
    SampleItem,
    Samples,
    Scalar,
    Scalars,
)
from diffgauge.records.tool_results import Remaining, ToolResult
from diffgauge.tools.blinding import Aliases
from diffgauge.tools.schema import tool_params
from diffgauge.tools.submit import ReportParameters

__all__ = [
    "A",
    "B",
    "Stage",
    "Transcript",
    "ask_tool",
    "method_tool",
    "play",
    "prose",
    "scalars",
    "submit_tool",
    "tokens",
]

A, B = "model A", "model B"

Subject = Callable[[str, random.Random], str]

_WORDS = "river stone window ladder basket lantern bridge garden kettle mirror carpet feather"
_NOUNS = _WORDS.split()
_VERBS = ["holds", "finds", "carries", "opens", "keeps", "brings", "watches", "mends"]


def prose(prompt: str, generator: random.Random) -> str:
    """A subject with nothing planted: random sentences around the prompt's last word."""
    noun, other = generator.sample(_NOUNS, 2)
    verb = generator.choice(_VERBS)
    last = prompt.split()[-1].strip(".?!")
    return f"The {noun} {verb} the {other} near the {last}. It is a {generator.choice(_NOUNS)}."


@dataclass
class Stage:
    """What the policy plays against.

    Attributes:
        subjects: Each alias with what it replies.
        budget: Model interactions.
        seed: Seeds the replies.
        method: Results of each method tool, by tool name; all free.
        task: The first user message.
    """

    subjects: Mapping[str, Subject]
    budget: int = 50
    seed: int = 0
    method: Mapping[str, Sequence[Result]] = field(default_factory=dict)
    task: str = "Two models, model A and model B. Find out whether they differ."
    spent: int = 0

    def answer(self, tool: str, arguments: Mapping[str, Any]) -> str:
        """Returns a tool's JSON, or raises ValueError with the tool error's text."""
        if tool in self.method:
            return self._json(list(self.method[tool]))
        prompts = arguments["prompts"]
        cost = len(prompts) * len(self.subjects)
        if self.spent + cost > self.budget:
            raise ValueError(f"Refused: {cost} asked, {self.budget - self.spent} left.")
        self.spent += cost
        items = tuple(
            SampleItem(prompt=p, model=m, reply=say(p, random.Random(f"{self.seed}{m}{p}")))
            for p in prompts
            for m, say in self.subjects.items()
        )
        shown = Samples(
            title="Replies", provenance=Provenance(method="sampling"), items=items, cost=cost
        )
        return self._json([shown])

    def _json(self, results: list[Result]) -> str:
        remaining = Remaining(interactions=self.budget - self.spent, of=self.budget)
        return ToolResult(results=tuple(results), remaining=remaining).model_dump_json()

    def tools(self) -> list[ToolInfo]:
        """The tools of this stage."""
        return [*(method_tool(name) for name in self.method), ask_tool(), submit_tool()]


@dataclass(frozen=True)
class Transcript:
    """One game played to its end.

    Attributes:
        report: What was submitted.
        messages: The whole conversation.
        actions: Every turn.
        spent: Model interactions spent.
    """

    report: Report
    messages: tuple[ChatMessage, ...]
    actions: tuple[Action, ...]
    spent: int

    @property
    def asked(self) -> list[str]:
        """Every prompt asked, in order."""
        return [p for a in self.actions for _, args in a.calls for p in args.get("prompts", ())]


def play(stage: Stage, seed: int = 0, max_turns: int = 30) -> Transcript:
    """Plays the policy on a stage until it submits.

    Args:
        stage: Subjects, tools and budget.
        seed: The policy's seed.
        max_turns: Fails when no report came in so many turns.

    Returns:
        The transcript.

    Raises:
        AssertionError: No report was submitted.
    """
    messages: list[ChatMessage] = [ChatMessageUser(content=stage.task)]
    actions: list[Action] = []
    for _ in range(max_turns):
        action = next_action(messages, stage.tools(), "auto", seed)
        actions.append(action)
        calls = [
            ToolCall(id=f"{len(messages)}-{i}", function=name, arguments=dict(arguments))
            for i, (name, arguments) in enumerate(action.calls)
        ]
        messages.append(ChatMessageAssistant(content=action.said, tool_calls=calls))
        for call in calls:
            if call.function == "submit_report":
                _check_as_inspect_does(call)
                report = Report.model_validate(call.arguments)
                return Transcript(report, tuple(messages), tuple(actions), stage.spent)
            messages.append(_answered(stage, call))
    raise AssertionError("no report was submitted")


def _check_as_inspect_does(call: ToolCall) -> None:
    """Holds a report to the schema of the real tool, which knows no null."""
    names = Aliases.for_run("stage")
    assert set(names.labels) == {A, B}
    params = tool_params(ReportParameters, names).model_dump(exclude_none=True)
    jsonschema.validate(call.arguments, params)


def _answered(stage: Stage, call: ToolCall) -> ChatMessageTool:
    try:
        text, error = stage.answer(call.function, call.arguments), None
    except ValueError as refused:
        text, error = str(refused), ToolCallError("unknown", str(refused))
    return ChatMessageTool(content=text, tool_call_id=call.id, function=call.function, error=error)


def ask_tool(name: str = "ask_models") -> ToolInfo:
    """The schema of the tool that asks both models."""
    strings = ToolParam(type="array", items=ToolParam(type="string"))
    return ToolInfo(
        name=name,
        description="Ask both models; costs 2 model interactions for each prompt.",
        parameters=ToolParams(
            properties={"prompts": strings, "n": ToolParam(type="integer", default=1)},
            required=["prompts"],
        ),
    )


def submit_tool() -> ToolInfo:
    """The schema of the tool that takes the report."""
    schema = Report.model_json_schema()
    properties = {name: ToolParam(type="string") for name in schema["properties"]}
    return ToolInfo(
        name="submit_report",
        description="Submit the report.",
        parameters=ToolParams(properties=properties, required=list(properties)),
    )


def method_tool(name: str, description: str = "Free: reads the stored result.") -> ToolInfo:
    """The schema of a drill-down that can be called bare."""
    properties = {"layer": ToolParam(type="integer", default=2)}
    return ToolInfo(
        name=name, description=description, parameters=ToolParams(properties=properties)
    )


def tokens(terms: Sequence[str], toward: str, away: str | None, top: float = 9.0) -> RankedTokens:
    """Ranked tokens with falling scores."""
    return RankedTokens(
        title="Tokens",
        contrast=Contrast(toward=toward, away_from=away),
        provenance=Provenance(method="some_method", layer=2),
        items=tuple(
            RankedToken(token=f" {term}", score=top * (1 - i / 100)) for i, term in enumerate(terms)
        ),
    )


def scalars(value: float, floor: float | None) -> Scalars:
    """One number with its floor."""
    return Scalars(
        title="Sizes",
        contrast=Contrast(toward=B, away_from=A),
        provenance=Provenance(method="some_method"),
        items=(Scalar(name="size of the difference", value=value, stderr=0.0, floor=floor),),
    )


def as_text(action: Action) -> str:
    """An action's calls as JSON, for comparing transcripts."""
    return json.dumps([(name, dict(arguments)) for name, arguments in action.calls])
