"""Stored steered replies, and steering of an investigator's own."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from diffgauge.methods.adl.steering import Sampler, Steered
from diffgauge.methods.adl.view import LAYER, POSITION, View
from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.directions import contrast, directions
from diffgauge.methods.given_prompts import (
    MAX_REPLIES,
    GivenPrompts,
    directed_replies,
    given_prompts,
)
from diffgauge.methods.method import Outcome
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.record import Record
from diffgauge.records.results import Contrast, Result, SampleItem, Samples
from diffgauge.records.subjects import SIDES, Side

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = [
    "SteerParameters",
    "SteeredSamplesParameters",
    "samples_result",
    "steer",
    "steer_cost",
    "steered_samples",
    "stored_item",
    "told_coherence",
]

_STORED_PROMPTS = 2
"""Asked by a bare call."""


class SteeredSamplesParameters(Record):
    """Parameters of the cached steered samples."""

    layer: int | None = Field(default=None, description=LAYER)
    position: int | str | None = Field(default=None, description=POSITION)
    n: int = Field(default=3, ge=1, le=20, description="Prompts to show.")


class SteerParameters(GivenPrompts):
    """Parameters of a steering of one's own."""

    layer: int | None = Field(default=None, description=LAYER)
    position: int | str | None = Field(default=None, description=POSITION)
    strength: float | None = Field(
        default=None,
        gt=0,
        le=8,
        description="Size of what is added, in expected activation norms; omit for the largest "
        "at which most stored replies held together, in each direction its own.",
    )
    n: int = Field(
        default=1,
        ge=1,
        le=MAX_REPLIES,
        description="Replies for each prompt, model, direction.",
    )
    toward: Side | None = Field(
        default=None, description="Steer only toward this model; omit for both directions."
    )
    model: Side | None = Field(
        default=None, description="Steer only this model; omit for both models."
    )


def steered_samples(artifact: Artifact, parameters: SteeredSamplesParameters) -> list[Result]:
    """Returns the stored replies to the first n prompts, one result for each direction.

    Raises:
        DiffgaugeError: No such layer or position, or nothing was sampled there.
    """
    view = View(artifact)
    layer, position = view.slot(parameters.layer, parameters.position, steered=True)
    prompts = view.prompts()[: parameters.n]
    rows = [row for row in view.samples(layer, position) if row["prompt"] in prompts]
    if not any(row["toward"] is not None for row in rows):
        note = view.nothing(layer, position) or "No steered replies were sampled."
        return [samples_result(view, layer, position, None, [], note=note)]
    return [
        samples_result(
            view,
            layer,
            position,
            toward,
            _prompt_by_prompt(rows, toward),
            note=told_coherence(view, layer, position, toward),
        )
        for toward in SIDES
    ]


def stored_item(row: Mapping[str, Any]) -> SampleItem:
    """Returns a row of the table of samples as it is shown."""
    return SampleItem(
        prompt=row["prompt"],
        model=row["model"],
        reply=row["reply"],
        condition=_condition(row["strength"]),
    )


def _prompt_by_prompt(rows: Sequence[Mapping[str, Any]], toward: Side) -> list[SampleItem]:
    """Unsteered replies beside those steered toward one model."""
    prompts = list(dict.fromkeys(row["prompt"] for row in rows))
    return [
        stored_item(row)
        for prompt in prompts
        for row in rows
        if row["prompt"] == prompt and row["toward"] in {None, toward}
    ]


def told_coherence(view: View, layer: int, position: str, toward: Side) -> str:
    """Returns in words how many of the stored steered replies held together."""
    strengths = view.strengths(layer, position, toward)
    if not strengths:
        return "At no strength tried did enough replies hold together."
    shares = [(one, *view.coherent(layer, position, toward, one)) for one in strengths]
    told = ", ".join(
        f"{share:.0%} of {n} at strength {strength:g}" for strength, share, n in shares
    )
    return f"Replies that held together: {told}."


def steer_cost(artifact: Artifact, parameters: SteerParameters) -> int:
    """Returns the model interactions that `steer` would take.

    Raises:
        DiffgaugeError: No such layer or position, nothing to steer with, or prompts that are
            too many, too long or empty.
    """
    return len(_plan(View(artifact), parameters, seed=0))


def steer(pair: "ModelPair", artifact: Artifact, parameters: SteerParameters, seed: int) -> Outcome:
    """Samples replies of both models under the vector, in both directions unless told otherwise.

    Each reply has a seed of its own: replies of the two models are independent.

    Raises:
        DiffgaugeError: As `steer_cost`, or a prompt that does not fit the models.
    """
    view = View(artifact)
    plan = _plan(view, parameters, seed)
    layer, position = view.slot(parameters.layer, parameters.position)
    sampler = Sampler(pair, {(layer, position): view.vector(layer, position)}, view.settings)
    replies = sampler.sample(plan)
    results: list[Result] = []
    for toward in directions(parameters.toward):
        items = [
            SampleItem(
                prompt=one.prompt,
                model=one.model,
                reply=sampler.text(one),
                condition=_condition(one.strength),
            )
            for one in plan
            if one.toward == toward
        ]
        results.append(samples_result(view, layer, position, toward, items, cost=len(items)))
    return Outcome(results, subject_tokens=sum(len(said.token_ids) for said in replies))


def samples_result(
    view: View,
    layer: int,
    position: str,
    toward: Side | None,
    items: Sequence[SampleItem],
    *,
    cost: int = 0,
    note: str | None = None,
) -> Samples:
    """Returns replies steered toward one model (None: toward neither) as a result."""
    title = "Replies with the mean activation difference added, toward this model"
    return Samples(
        title=title if toward is not None or not items else "Replies as they are",
        contrast=Contrast() if toward is None else contrast(toward),
        provenance=view.provenance(layer, position),
        cost=cost,
        note=note,
        items=tuple(items),
    )


def _plan(view: View, parameters: SteerParameters, seed: int) -> list[Steered]:
    layer, position = view.slot(parameters.layer, parameters.position)
    if (note := view.nothing(layer, position)) is not None:
        usable = view.usable()
        raise DiffgaugeError(
            f"There is nothing to steer with at layer {layer}, position {position}. {note}",
            allowed="nothing: no layer and position has a difference above its floor"
            if not usable
            else "; ".join(f"layer {at} position {label}" for at, label in usable),
        )
    prompts = given_prompts(parameters, view.prompts()[:_STORED_PROMPTS])
    return [
        Steered(
            layer,
            position,
            one.toward,
            parameters.strength or view.strength(layer, one.toward),
            one.model,
            one.prompt,
            one.seed,
        )
        for one in directed_replies(parameters, parameters.toward, prompts, seed, "adl")
    ]


def _condition(strength: float) -> str:
    return f"steered, strength {strength:g}" if strength else "unsteered"
