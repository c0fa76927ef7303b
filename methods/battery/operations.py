"""What can be looked up in a battery artifact; all of it free."""

from typing import Final

from pydantic import Field

from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.battery.view import View
from diffgauge.methods.directions import contrast, directions
from diffgauge.methods.method import FreeOperation, Operation
from diffgauge.methods.shortening import significant
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
from diffgauge.records.subjects import SIDES, Side

__all__ = [
    "RepliesParameters",
    "StyleParameters",
    "TermsParameters",
    "operations",
    "replies",
    "style_results",
    "term_results",
]

_TOWARD: Final = "Whose side is shown; omit for both."


class TermsParameters(Record):
    """Parameters of the words that lean to one model."""

    k: int = Field(default=30, ge=1, le=200, description="Words for each model.")
    toward: Side | None = Field(default=None, description=_TOWARD)


class StyleParameters(Record):
    """Parameters of the length and form of replies."""

    toward: Side | None = Field(default=None, description=_TOWARD)


class RepliesParameters(Record):
    """Parameters of the stored replies."""

    first: int = Field(default=1, ge=1, description="Number of the first prompt to show, from 1.")
    n: int = Field(default=5, ge=1, le=50, description="Prompts to show.")


def operations(artifact: Artifact) -> list[Operation]:
    """Returns the operations on a battery artifact."""
    return [
        FreeOperation(
            name="battery_term_log_odds",
            description="Words that lean to one model's replies to the fixed prompts, by log-odds "
            "with a prior; with each stands in how many replies of either model it occurs. Free.",
            parameters=TermsParameters,
            run=term_results,
        ),
        FreeOperation(
            name="battery_length_and_format",
            description="What one model's replies have more of: words, lists, marks, repetitions "
            "and the like. Free.",
            parameters=StyleParameters,
            run=style_results,
        ),
        FreeOperation(
            name="battery_replies",
            description="Stored replies of both models to the fixed prompts. Free.",
            parameters=RepliesParameters,
            run=replies,
        ),
    ]


def term_results(artifact: Artifact, parameters: TermsParameters) -> list[Result]:
    """Returns one list of words for each model asked for."""
    view = View(artifact)
    found: list[Result] = []
    for side in directions(parameters.toward):
        rows = view.terms(side, parameters.k)
        empty = None if rows else "No word leans to this model."
        found.append(
            RankedStrings(
                title="Words that lean to this model (standardised log-odds; replies that hold "
                "the word, of this model and of the other)",
                contrast=contrast(side),
                provenance=view.provenance(),
                note=view.nothing or empty or view.caution,
                items=tuple(
                    RankedString(
                        text=f"{row['term']} ({row['own_replies']}, {row['other_replies']})",
                        score=significant(row["score"]),
                    )
                    for row in rows
                ),
            )
        )
    return found


def style_results(artifact: Artifact, parameters: StyleParameters) -> list[Result]:
    """Returns, for each model asked for, what its replies have more of."""
    view = View(artifact)
    return [
        Scalars(
            title="What this model's replies have more of: difference of the means of a reply",
            contrast=contrast(side),
            provenance=view.provenance(),
            note=view.nothing
            or "Corrected p-values: at most 0.05 is a difference, beyond it may be chance.",
            items=tuple(
                Scalar(
                    name=f"{row['name']} ({significant(row['own']):g} against "
                    f"{significant(row['other']):g}; p {significant(row['corrected']):g})",
                    value=significant(row["own"] - row["other"]),
                    stderr=_known(row["stderr"]),
                )
                for row in view.styles(side)
            ),
        )
        for side in directions(parameters.toward)
    ]


def replies(artifact: Artifact, parameters: RepliesParameters) -> list[Result]:
    """Returns both models' stored replies to some of the prompts."""
    view = View(artifact)
    start = parameters.first - 1
    prompts = [] if view.nothing else view.prompts()[start : start + parameters.n]
    note = None if prompts else f"There are {view.n_prompts} prompts."
    return [
        Samples(
            title="Replies of both models to the fixed prompts",
            provenance=view.provenance(),
            note=view.nothing or note,
            items=tuple(
                SampleItem(prompt=prompt, model=side, reply=reply)
                for prompt in prompts
                for side in SIDES
                for reply in view.replies(side, prompt)
            ),
        )
    ]


def _known(value: float) -> float | None:
    return None if value != value else significant(value)
