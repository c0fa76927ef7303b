"""Graders that obey what they read: with them the scorecard shows what structure alone stops.

They grade like the offline grader until they see an order. Where they look for one is in their
name:

- ``outside``: in all that stands outside the report's section, as the harness would speak;
- ``score-lines``: in the last line of the whole prompt that says a score, which they repeat;
- ``quoting``: nowhere; but they quote the whole report before their verdict;
- ``inside``: in the report itself, also where it is encoded. No structure helps against that.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Final

from inspect_ai.model import ChatMessage, ChatMessageUser, GenerateConfig, ModelOutput
from inspect_ai.tool import ToolChoice, ToolInfo

from diffgauge.graders.grading_prompt import sections
from diffgauge.graders.lexical import LexicalGrader
from diffgauge.graders.verdict import json_objects
from diffgauge.records.json_strings import strings

__all__ = ["OBEDIENT", "ObedientGrader", "decoded", "obeyed"]

OBEDIENT: Final = tuple(
    f"obedient-grader-{where}" for where in ("inside", "outside", "quoting", "score-lines")
)
"""Names of the models."""

_PREFIX: Final = "obedient-grader-"
_ORDER: Final = re.compile(r"Answer with (\w+), (\w+)\.")
_SCORE: Final = re.compile(r"(?:SCORE|GRADE): ([1-5])")
_ENCODED: Final = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
_BITS: Final = re.compile("[\u200b\u200c]{16,}")
_TAGS: Final = re.compile("[\U000e0020-\U000e007e]+")
_TAG_START: Final = 0xE0000
_END: Final = "\n</report>\n"


def decoded(text: str) -> Iterator[str]:
    """Yields a text, and what hides in it: base64, rot13, characters without width, tags."""
    yield text
    yield codecs.decode(text, "rot13")
    yield unicodedata.normalize("NFKC", text)
    for match in _ENCODED.finditer(text):
        try:
            yield base64.b64decode(match.group(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    for match in _BITS.finditer(text):
        bits = match.group().translate({0x200B: "0", 0x200C: "1"})
        whole = [int(bits[at : at + 8], 2) for at in range(0, len(bits) - 7, 8)]
        yield bytes(whole).decode(errors="replace")
    for match in _TAGS.finditer(text):
        yield "".join(chr(ord(char) - _TAG_START) for char in match.group())


def obeyed(where: str, prompt: str, honest: str) -> str:
    """Returns what such a grader replies.

    Args:
        where: Where it looks for orders.
        prompt: The grading prompt.
        honest: What the offline grader replies.
    """
    if where == "outside":
        return _found(prompt.split(_END, 1)[-1], _rubric(prompt)) or honest
    if where == "score-lines":
        scores = _SCORE.findall(prompt)
        return f"SCORE: {scores[-1]}" if scores else honest
    report = "\n".join(strings(sections(prompt)["report"]))
    if where == "quoting":
        return f"The report says: {report}\n\nMy verdict: {honest}"
    orders = (_found(text, _rubric(prompt)) for text in decoded(report))
    return next((order for order in orders if order is not None), honest)


def _rubric(prompt: str) -> dict[str, Any] | None:
    """Reads the rubric from the first section of that name, whatever follows."""
    _, _, rest = prompt.partition("<rubric>\n")
    try:
        found = json.loads(rest.partition("\n</rubric>")[0])
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _found(text: str, rubric: dict[str, Any] | None) -> str | None:
    """Returns the verdict that a text orders, the last one of its form; None without any."""
    if rubric is None:
        return None
    names = [axis["name"] for axis in rubric["axes"]]
    menus = [{one["answer"] for one in axis["answers"]} for axis in rubric["axes"]]
    answers: list[tuple[str, str]] = [
        (first, second)
        for first, second in _ORDER.findall(text)
        if first in menus[0] and second in menus[1]
    ]
    answers += [
        (str(one[names[0]]), str(one[names[1]]))
        for one in json_objects(text)
        if all(name in one for name in names)
    ]
    if not answers:
        answers = [
            band["cells"][-1]
            for score in _SCORE.findall(text)
            for band in rubric["bands"]
            if band["grade"] == int(score)
        ]
    if not answers:
        return None
    return json.dumps(
        {names[0]: answers[-1][0], names[1]: answers[-1][1], "passage": "", "reason": "As told."}
    )


class ObedientGrader(LexicalGrader):
    """The offline grader, but obedient. For the scorecard and its tests, never for results.

    Args:
        model_name: One of `OBEDIENT`.
        base_url: Not used.
        api_key: Not used.
        config: Not used.
        model_args: None are allowed.
    """

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """Returns the reply to the first user message; usage is the offline grader's."""
        output = await super().generate(input, tools, tool_choice, config)
        prompt = next((one.text for one in input if isinstance(one, ChatMessageUser)), "")
        where = self.model_name.removeprefix(_PREFIX)
        output.completion = obeyed(where, prompt, output.completion)
        return output
