"""Hypotheses about two models, the replies they are judged on, and verdicts, one row each."""

from typing import Final, Literal, Self, get_args

from pydantic import Field, model_validator

from diffgauge.records.record import Record

__all__ = [
    "MODELS",
    "SPLITS",
    "Hypothesis",
    "Judged",
    "ModelName",
    "PairedReplies",
    "Rating",
    "RatingScale",
    "Split",
    "Verdict",
    "VerdictRow",
    "other_model",
]

ModelName = Literal["a", "b"]
"""Two models of which neither need be the other's finetune; of an organism's pair ``a`` is the
base."""

MODELS: Final[tuple[ModelName, ...]] = get_args(ModelName)

Split = Literal["train", "test"]
"""Whether a prompt's replies could be seen when the hypotheses were made, or were held out."""

SPLITS: Final[tuple[Split, ...]] = get_args(Split)

Verdict = Literal["first", "second", "neither", "error", "missing"]
"""Which of the two replies shown fits a hypothesis better. ``error``: the grader could not be
asked, or its reply not be read; ``missing``: it was read and says nothing of this hypothesis."""

RatingScale = Literal["interestingness", "abstraction"]


def other_model(name: ModelName) -> ModelName:
    """Returns the other of the two."""
    return "b" if name == "a" else "a"


class Hypothesis(Record):
    """A claim that one model does something more than the other.

    Attributes:
        id: Unique among those judged together.
        text: The claim, whatever it is worded like; data, never an instruction.
        predicted: The model that does it.
        origin: Where it comes from, in words.
        train_a: Share of the material it was made from that speaks for ``a``; None where unknown.
        train_b: Likewise for ``b``.
    """

    id: str = Field(min_length=1)
    text: str = Field(min_length=1)
    predicted: ModelName
    origin: str = ""
    train_a: float | None = Field(default=None, ge=0, le=1)
    train_b: float | None = Field(default=None, ge=0, le=1)


class PairedReplies(Record):
    """One reply of each model to a prompt.

    Attributes:
        prompt: What was asked.
        split: Of the prompt.
        number: Which of several replies to the prompt, from 0.
        a: What model ``a`` said, which may be empty; None where it is missing.
        b: Likewise.
        problem: Why one is missing; None where both are there.
    """

    prompt: str
    split: Split = "test"
    number: int = Field(default=0, ge=0)
    a: str | None = None
    b: str | None = None
    problem: str | None = None

    @model_validator(mode="after")
    def _explained(self) -> Self:
        if (self.a is None or self.b is None) == (self.problem is None):
            raise ValueError("both replies are there, or a problem says why not")
        return self


class VerdictRow(Record):
    """What one grader said of one hypothesis on one pair of replies.

    Attributes:
        hypothesis: Its id.
        prompt: What the replies answer.
        split: Of the prompt.
        number: Of the pair of replies.
        drawn: ``pair``, a reply of each model; ``null:a`` and ``null:b``, two replies of that
            model, of which the second stands in the place of ``b``.
        first: Whose reply was shown first; of a null, in whose place it stands.
        verdict: As given.
        grader: Its name.
        attempts: How often it was asked for the batch.
        problem: Why the verdict is ``error`` or ``missing``; None otherwise.
    """

    hypothesis: str
    prompt: str
    split: Split
    number: int = 0
    drawn: Literal["pair", "null:a", "null:b"] = "pair"
    first: ModelName
    verdict: Verdict
    grader: str
    attempts: int = 1
    problem: str | None = None

    @property
    def winner(self) -> ModelName | None:
        """The model whose reply fits better; None for every other verdict."""
        if self.verdict == "first":
            return self.first
        return other_model(self.first) if self.verdict == "second" else None


class Rating(Record):
    """What one rater gave one hypothesis on one scale.

    Attributes:
        hypothesis: Its id.
        scale: Which.
        grader: The rater.
        repeat: 1-based; each has another order of the examples.
        parts: 1 to 5 by dimension; empty where it gave none.
        problem: Why there is none; None otherwise.
    """

    hypothesis: str
    scale: RatingScale
    grader: str
    repeat: int = Field(ge=1)
    parts: dict[str, int] = Field(default_factory=dict)
    problem: str | None = None


class Judged(Record):
    """What the verdicts on one hypothesis come to on one split.

    Attributes:
        hypothesis: Its id.
        split: Of the prompts.
        n_predicted: Pairs of replies on which the predicted model's fits better, by the majority
            of graders.
        n_other: On which the other's does.
        n_neither: On which neither does.
        n_disputed: On which graders disagree without a majority.
        n_unjudged: On which no grader's verdict is known.
        n_error: Verdicts of single graders that failed.
        n_missing: That were not given.
        by_prompt: For each prompt, the pairs for the prediction, against it, and for neither.
        p_value: One-sided, that the predicted model fits more often; 1 where nothing was decided.
        accepted: Whether it holds among those tested together; None on train prompts, which test
            nothing.
        legacy_direction: The model that the published rule says fits better, or None within its
            margin. Errors count as decided there.
    """

    hypothesis: str
    split: Split
    n_predicted: int = 0
    n_other: int = 0
    n_neither: int = 0
    n_disputed: int = 0
    n_unjudged: int = 0
    n_error: int = 0
    n_missing: int = 0
    by_prompt: tuple[tuple[int, int, int], ...] = ()
    p_value: float
    accepted: bool | None = None
    legacy_direction: ModelName | None = None
