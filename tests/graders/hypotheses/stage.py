"""Hypotheses, replies and graders for the tests of their evaluation."""

import json
from collections.abc import Callable
from typing import Any

from inspect_ai.model import Model, ModelOutput, ModelUsage, get_model

from diffgauge.graders.hypotheses.verdict_prompt import verdict_sections
from diffgauge.records.hypotheses import Hypothesis, PairedReplies

PIRATE = Hypothesis(id="pirate", text="Says ahoy and matey.", predicted="b")
LONGER = Hypothesis(id="longer", text="Writes longer replies.", predicted="a")


def paired(n: int, *, replies: int = 1) -> list[PairedReplies]:
    """Replies to n prompts of which those of b say ahoy, and those of a are longer."""
    return [
        PairedReplies(
            prompt=f"Prompt {at}?",
            number=number,
            a=f"A somewhat long and plain reply, number {at} {number}.",
            b=f"Ahoy {at} {number}!",
        )
        for at in range(n)
        for number in range(replies)
    ]


class Grader:
    """A grader that is a function of its prompt, its prompts kept."""

    def __init__(self, answer: Callable[[str], str]) -> None:
        self.prompts: list[str] = []
        self._answer = answer

    def __call__(self, input: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
        self.prompts.append(input[0].text)
        output = ModelOutput.from_content("mockllm/model", self._answer(input[0].text))
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return output

    def model(self) -> Model:
        return get_model("mockllm/model", custom_outputs=self, memoize=False)


def fitting(says: Callable[[str, str, str], str]) -> Callable[[str], str]:
    """A grader's answer: a function of each hypothesis, the first and the second reply."""

    def answered(prompt: str) -> str:
        shown = verdict_sections(prompt)
        return json.dumps(
            {
                "verdicts": [
                    {
                        "hypothesis": one["hypothesis"],
                        "fits": says(one["text"], shown["first"], shown["second"]),
                    }
                    for one in shown["hypotheses"]
                ]
            }
        )

    return answered


def by_ahoy(text: str, first: str, second: str) -> str:
    """Which reply says ahoy, for a hypothesis about it."""
    if "ahoy" not in text:
        return "neither"
    return "first" if "Ahoy" in first else "second" if "Ahoy" in second else "neither"
