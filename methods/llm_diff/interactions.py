"""What an investigator can have both models do: fresh pairs of replies, and tests of claims."""

import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.directions import contrast
from diffgauge.methods.given_prompts import MAX_PROMPTS, GivenPrompts, given_prompts
from diffgauge.methods.llm_diff.tables import SIDE_OF, compared
from diffgauge.methods.llm_diff.verifying import Bounds, Fits, counted, fits
from diffgauge.methods.llm_diff.view import View
from diffgauge.methods.method import Outcome
from diffgauge.methods.paired_replies import sample
from diffgauge.methods.shortening import significant
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.record import Record
from diffgauge.records.results import (
    RankedString,
    RankedStrings,
    Result,
    SampleItem,
    Samples,
    Scalar,
    Scalars,
)
from diffgauge.records.subjects import SIDES, Side, other_side

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = [
    "PairsParameters",
    "VerifyParameters",
    "generate_pairs",
    "pairs_cost",
    "verify",
    "verify_cost",
]

_STORED: Final = 2
"""Prompts that a bare call asks."""

_LISTED: Final = 20
_SHOWN: Final = 3
"""Prompts whose replies are shown beside a test."""

_LONGEST: Final = 500


class PairsParameters(Record):
    """Parameters of fresh pairs of replies."""

    prompts: tuple[str, ...] = Field(
        default=(),
        max_length=MAX_PROMPTS,
        description=f"What is asked, at most {MAX_PROMPTS} prompts; omit for stored ones.",
    )
    n: int = Field(default=1, ge=1, le=8, description="Replies for each prompt and model.")


class VerifyParameters(Record):
    """Parameters of the test of a claim."""

    text: str = Field(
        default="",
        max_length=_LONGEST,
        description="What the model does, in words that its replies would hold, or a form; omit "
        "for the first cluster and its model.",
    )
    model: Side | None = Field(
        default=None, description="The model that is claimed to do it; needed with a text."
    )
    n: int = Field(default=8, ge=1, le=64, description="Held-out prompts.")


@dataclass(frozen=True)
class _Asking:
    n_replies: int
    max_new_tokens: int
    batch_prompts: int


def pairs_cost(artifact: Artifact, parameters: PairsParameters) -> int:
    """Returns the replies that are sampled."""
    return len(SIDES) * parameters.n * len(_prompts(View(artifact), parameters))


def generate_pairs(
    pair: "ModelPair", artifact: Artifact, parameters: PairsParameters, seed: int
) -> Outcome:
    """Samples replies of both models and says what tells them apart."""
    view = View(artifact)
    prompts = _prompts(view, parameters)
    rows = _sampled(pair, view, prompts, parameters.n, seed, "generate_pairs")
    seen = Counter(
        (SIDE_OF[one.model], one.text) for pairs in compared(rows) for one in pairs.properties
    )
    results: list[Result] = [_replies(view, rows, "Fresh replies of both models", len(rows))]
    for side in SIDES:
        mine = sorted((-n, text) for (of, text), n in seen.items() if of == side)
        results.append(
            RankedStrings(
                title="What this model's fresh replies do that the other's do not (pairs)",
                contrast=contrast(side),
                provenance=view.provenance(),
                note=None if mine else "Nothing was seen.",
                items=tuple(RankedString(text=text, score=-n) for n, text in mine[:_LISTED]),
            )
        )
    return Outcome(results, subject_tokens=_tokens(rows))


def verify_cost(artifact: Artifact, parameters: VerifyParameters) -> int:
    """Returns the replies that are sampled.

    Raises:
        DiffgaugeError: There is no claim, nobody it is about, or too few held-out prompts.
    """
    view = View(artifact)
    _claim(view, parameters)
    if parameters.n > len(view.held_out):
        raise DiffgaugeError(
            f"{parameters.n} held-out prompts were asked for.", allowed=f"1 to {len(view.held_out)}"
        )
    return len(SIDES) * parameters.n


def verify(
    pair: "ModelPair", artifact: Artifact, parameters: VerifyParameters, seed: int
) -> Outcome:
    """Tests a claim on fresh replies to held-out prompts, drawn by the seed."""
    view = View(artifact)
    text, side = _claim(view, parameters)
    prompts = random.Random(seed).sample(view.held_out, parameters.n)
    rows = _sampled(pair, view, prompts, 1, seed, "verify")
    said = {(row["prompt"], row["model"]): row["reply"] for row in rows}
    verdicts = [
        fits(text, prompt, said[prompt, side], said[prompt, other_side(side)]) for prompt in prompts
    ]
    decided = [prompt for prompt, one in zip(prompts, verdicts, strict=True) if one != "neither"]
    shown = [row for row in rows if row["prompt"] in (decided or prompts)[:_SHOWN]]
    results: list[Result] = [
        _figures(view, text, side, verdicts),
        _replies(view, shown, "Some of the replies it was tested on", len(rows)),
    ]
    return Outcome(results, subject_tokens=_tokens(rows))


def _figures(view: View, text: str, side: Side, verdicts: Sequence[Fits]) -> Scalars:
    found = counted(verdicts)
    undecided = "No reply shows it, or both as much: accuracy is undefined. "
    return Scalars(
        title=f"Whether this model does it more than the other, on {found.n} held-out prompts: "
        f"{text}",
        contrast=contrast(side),
        provenance=view.provenance(),
        note=(undecided if math.isnan(found.accuracy) else "")
        + "Intervals are of 90 %. Verdicts go by words and forms alone: synonyms and denials are "
        "not understood.",
        items=(
            _scalar(
                "accuracy, share of decided prompts that fit; chance 0.5",
                found.accuracy,
                found.accuracy_bounds,
            ),
            _scalar("frequency, share of prompts decided", found.frequency, found.frequency_bounds),
            _scalar("effect, share for less share against", found.effect, found.effect_bounds),
            Scalar(name="p-value, one-sided sign test", value=significant(found.p_value)),
        ),
    )


def _scalar(name: str, value: float, bounds: Bounds) -> Scalar:
    if math.isnan(value):
        return Scalar(name=name, value=None)
    low, high = map(significant, bounds)
    return Scalar(name=f"{name} [{low:g}, {high:g}]", value=significant(value))


def _claim(view: View, parameters: VerifyParameters) -> tuple[str, Side]:
    """Returns what is tested, and of whom it is claimed."""
    text = " ".join(parameters.text.split())
    if text and parameters.model is not None:
        return text, parameters.model
    if text or not view.clusters:
        raise DiffgaugeError(
            "A claim and the model that it is about were not both given, and no cluster stands in.",
            allowed="a text together with a model; neither, where there are clusters",
        )
    first = view.clusters[0]
    return str(first["name"]), parameters.model or first["side"]


def _prompts(view: View, parameters: PairsParameters) -> list[str]:
    given = given_prompts(GivenPrompts(prompts=parameters.prompts), view.prompts()[:_STORED])
    return list(dict.fromkeys(given))


def _sampled(
    pair: "ModelPair", view: View, prompts: Sequence[str], n: int, seed: int, name: str
) -> list[dict[str, Any]]:
    asking = _Asking(n, view.settings.max_new_tokens, view.settings.batch_prompts)
    return sample(pair, prompts, asking, seed, f"llm_diff {name}")


def _replies(view: View, rows: Sequence[dict[str, Any]], title: str, cost: int) -> Samples:
    return Samples(
        title=title,
        provenance=view.provenance(),
        cost=cost,
        items=tuple(
            SampleItem(prompt=row["prompt"], model=row["model"], reply=row["reply"]) for row in rows
        ),
    )


def _tokens(rows: Sequence[dict[str, Any]]) -> int:
    return sum(int(row["n_tokens"]) for row in rows)
