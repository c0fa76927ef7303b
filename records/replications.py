"""Fresh replies to the prompts that a report's findings predict from."""

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from diffgauge.records.record import Record

__all__ = ["NO_PREDICTION", "FreshReplies", "Label", "PredictedFinding", "Replication"]

NO_PREDICTION: Final = "no prediction"
"""Reason of a finding that names no prompt."""

Label = Literal["first", "second"]
"""A model, named so that nothing is told by it."""


class FreshReplies(Record):
    """Fresh replies of both models to one prompt.

    Attributes:
        prompt: What was asked.
        replies: Of both models, shuffled; empty where the prompt could not be asked.
        labels: Who said each, as long as `replies`.
        problem: Why there are no replies; None where there are.
    """

    prompt: str
    replies: tuple[str, ...] = ()
    labels: tuple[Label, ...] = ()
    problem: str | None = None

    @model_validator(mode="after")
    def _paired(self) -> Self:
        if len(self.replies) != len(self.labels):
            raise ValueError("every reply has a label")
        if bool(self.replies) == (self.problem is not None):
            raise ValueError("there are replies, or a problem says why not")
        return self


class PredictedFinding(Record):
    """What became of one finding's prediction.

    Attributes:
        finding: Its place in the report, from 0.
        prompts: The predicted prompts that were asked, each once; empty where none was.
        reason: Why none was; None where one was.
    """

    finding: int = Field(ge=0)
    prompts: tuple[str, ...] = ()
    reason: str | None = None


class Replication(Record):
    """What was sampled after an investigation, to test what its report predicts.

    Attributes:
        n: Replies of each model to each prompt.
        max_new_tokens: Replies were cut after so many tokens.
        temperature: Of the replies.
        names: By label, the model's name as the investigator knew it.
        findings: One for each finding of the report, in its order.
        prompts: Each prompt once, also where several findings predict from it.
        interactions: Replies that were sampled.
        problem: Why sampling ended before it was done; None where it was.
    """

    n: int = Field(ge=1)
    max_new_tokens: int = Field(ge=1)
    temperature: float = Field(ge=0)
    names: dict[Label, str]
    findings: tuple[PredictedFinding, ...] = ()
    prompts: tuple[FreshReplies, ...] = ()
    interactions: int = Field(ge=0)
    problem: str | None = None
