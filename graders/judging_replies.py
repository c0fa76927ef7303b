"""Two judges of fresh replies: a finding's own words, or the models bound to the role `grader`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from inspect_ai.model import Model, model_roles

from diffgauge.graders.asking import ask
from diffgauge.graders.lexical import LexicalGrader
from diffgauge.graders.replication_prompt import Verdicts, read_verdicts, replication_prompt
from diffgauge.graders.showing import readings
from diffgauge.records.replications import FreshReplies
from diffgauge.records.reports import Finding

__all__ = ["Judge", "JudgeName", "Shown", "judge_named"]

JudgeName = Literal["auto", "grader", "offline"]

Shown = Mapping[str, Sequence[bool | None]]
"""By reading, for each reply of one prompt whether it shows the finding; None where that is not
known."""

_GRADER_ROLE: Final = "grader"
_BATCH: Final = 40
"""Replies in one question: 20 of each model, the default."""


class Judge(Protocol):
    """Says which replies show a finding, without knowing who said them.

    Attributes:
        name: For the log: ``offline``, or the graders' names.
        n_unreadable: Questions that were not answered readably so far.
    """

    name: str
    n_unreadable: int

    async def shown(self, finding: Finding, fresh: FreshReplies) -> Shown:
        """Judges all replies to one prompt.

        Args:
            finding: Whose claim.
            fresh: The replies; their labels are not looked at.
        """
        ...


@dataclass
class _Offline:
    """The finding's own words and the styles they name."""

    name: str = "offline"
    n_unreadable: int = 0

    async def shown(self, finding: Finding, fresh: FreshReplies) -> Shown:
        return {one.name: one.shows(fresh.replies) for one in readings(finding, fresh.prompt)}


@dataclass
class _Graders:
    """Every model bound to the role: for each reply the majority of their verdicts."""

    models: Sequence[Model]
    name: str = field(init=False)
    n_unreadable: int = 0

    def __post_init__(self) -> None:
        self.name = ", ".join(map(str, self.models))

    async def shown(self, finding: Finding, fresh: FreshReplies) -> Shown:
        votes = [await self._votes(model, finding, fresh) for model in self.models]
        return {"grader": [_majority(of_one) for of_one in zip(*votes, strict=True)]}

    async def _votes(
        self, model: Model, finding: Finding, fresh: FreshReplies
    ) -> list[bool | None]:
        votes: list[bool | None] = []
        for start in range(0, len(fresh.replies), _BATCH):
            batch = fresh.replies[start : start + _BATCH]
            prompt = replication_prompt(finding, fresh.prompt, batch)
            answer = await ask(model, prompt, Verdicts, _reader(len(batch)))
            self.n_unreadable += answer.verdict is None
            votes += answer.verdict or [None] * len(batch)
        return votes


def judge_named(name: JudgeName) -> Judge | None:
    """Returns a judge.

    Args:
        name: ``auto`` takes the models bound to the role `grader` and, where there are none or
            only the offline one, which reads grading prompts alone, the finding's own words.

    Returns:
        The judge; None for ``grader`` where no model that can judge is bound.
    """
    bound = model_roles().get(_GRADER_ROLE)
    every = bound if isinstance(bound, list) else [] if bound is None else [bound]
    models = [model for model in every if not isinstance(model.api, LexicalGrader)]
    if name == "offline" or (name == "auto" and not models):
        return _Offline()
    return _Graders(models) if models else None


def _reader(n: int) -> Callable[[str], list[bool | None]]:
    return lambda text: read_verdicts(text, n)


def _majority(votes: Sequence[bool | None]) -> bool | None:
    yes, no = votes.count(True), votes.count(False)
    return None if yes == no else yes > no
