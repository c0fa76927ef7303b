"""What an investigator may do with an ADL artifact: two drill-downs and one interaction."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from diffgauge.methods.adl.lens import DIFFERENCE, OWN_MEAN
from diffgauge.methods.adl.settings import ADLSettings
from diffgauge.methods.adl.steering import Steered, sample
from diffgauge.methods.adl.view import View
from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.method import FreeOperation, Operation, Outcome, PaidOperation
from diffgauge.methods.seeds import derived_seed
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.record import Record
from diffgauge.records.results import (
    Contrast,
    RankedToken,
    RankedTokens,
    Result,
    SampleItem,
    Samples,
)
from diffgauge.records.subjects import SIDES, Reply, Side, other_side

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = [
    "LensParameters",
    "SteerParameters",
    "SteeredSamplesParameters",
    "lens_results",
    "operations",
    "samples_result",
    "stored_items",
]

_LAYER = "Block index whose output was read; omit for the default layer."
_POSITION = "Token position, or a range such as '1-4' averaged within each text."
_TOWARD = "Show only the direction toward this model; omit for both."
MAX_PROMPTS = 8
MAX_PROMPT_CHARS = 2000


class LensParameters(Record):
    """Parameters of the logit lens."""

    layer: int | None = Field(default=None, description=_LAYER)
    position: int | str | None = Field(default=None, description=_POSITION)
    k: int = Field(default=20, ge=1, le=100, description="Tokens for each direction.")
    toward: Side | None = Field(default=None, description=_TOWARD)
    of: Literal["difference", "own_mean"] = Field(
        default="difference",
        description="What is decoded: the mean difference, or each model's own mean activation "
        "as a reference.",
    )


class SteeredSamplesParameters(Record):
    """Parameters of the cached steered samples."""

    layer: int | None = Field(default=None, description=_LAYER)
    position: int | str | None = Field(default=None, description=_POSITION)
    n: int = Field(default=3, ge=1, le=20, description="Prompts to show.")


class SteerParameters(Record):
    """Parameters of a steering of one's own."""

    layer: int | None = Field(default=None, description=_LAYER)
    position: int | str | None = Field(default=None, description=_POSITION)
    strength: float = Field(
        default=0.5,
        gt=0,
        le=8,
        description="Size of what is added, in expected activation norms; replies fall apart "
        "somewhere above 0.5 to 2.",
    )
    prompts: tuple[str, ...] = Field(
        default=(),
        max_length=MAX_PROMPTS,
        description=f"What is asked, at most {MAX_PROMPTS} prompts; omit for two stored ones.",
    )
    n: int = Field(default=1, ge=1, le=8, description="Replies for each prompt, model, direction.")
    toward: Side | None = Field(
        default=None, description="Steer only toward this model; omit for both directions."
    )
    model: Side | None = Field(
        default=None, description="Steer only this model; omit for both models."
    )


def operations(artifact: Artifact) -> list[Operation]:
    """Returns the operations on an ADL artifact."""
    view, bare = View(artifact), SteerParameters()
    can_steer = view.nothing(*view.default()) is None and view.prompts()
    price = f" With its defaults it costs {steer_cost(artifact, bare)}." if can_steer else ""
    return [
        FreeOperation(
            name="adl_logit_lens",
            description="Tokens that the mean activation difference between the two models reads "
            "as at one layer and position, in both directions. Free.",
            parameters=LensParameters,
            run=lens_results,
        ),
        FreeOperation(
            name="adl_steered_samples",
            description="Stored replies of both models to open prompts, unsteered and with the "
            "mean activation difference added in either direction. Free.",
            parameters=SteeredSamplesParameters,
            run=steered_samples,
        ),
        PaidOperation(
            name="adl_steer",
            description="Samples replies while the mean activation difference is added to the "
            "activations. Costs one model interaction for each reply: prompts x n x directions "
            "x models." + price,
            parameters=SteerParameters,
            cost=steer_cost,
            run=steer,
        ),
    ]


def lens_results(artifact: Artifact, parameters: LensParameters) -> list[Result]:
    """Returns one list of tokens for each direction asked for (or each model's own mean).

    Raises:
        DiffgaugeError: No such layer or position.
    """
    view = View(artifact)
    layer, position = view.slot(parameters.layer, parameters.position)
    sides = SIDES if parameters.toward is None else (parameters.toward,)
    of = DIFFERENCE if parameters.of == "difference" else OWN_MEAN
    note = view.nothing(layer, position) if of == DIFFERENCE else None
    results: list[Result] = []
    for side in sides:
        rows = [] if note else view.lens(layer, position, of, side)[: parameters.k]
        if of == DIFFERENCE:
            title = "Logit lens of the mean activation difference, toward this model"
            contrast = Contrast(toward=side, away_from=other_side(side))
        else:
            title = "Logit lens of this model's own mean activation (a reference)"
            contrast = Contrast(toward=side)
        results.append(
            RankedTokens(
                title=title,
                contrast=contrast,
                provenance=view.provenance(layer, position),
                note=note,
                items=tuple(
                    RankedToken(token=row["token"], score=round(row["score"], 2)) for row in rows
                ),
            )
        )
    return results


def steered_samples(artifact: Artifact, parameters: SteeredSamplesParameters) -> list[Result]:
    """Returns the stored replies to the first n prompts, one result for each direction.

    Raises:
        DiffgaugeError: No such layer or position, or nothing was sampled there.
    """
    view = View(artifact)
    layer, position = view.slot(parameters.layer, parameters.position, steered=True)
    prompts = view.prompts()[: parameters.n]
    rows = [row for row in view.samples(layer, position) if row["prompt"] in prompts]
    results: list[Result] = [
        samples_result(view, layer, position, toward, stored_items(rows, toward))
        for toward in SIDES
        if rows
    ]
    if not results:
        note = view.nothing(layer, position) or "No replies were sampled for this artifact."
        empty = samples_result(view, layer, position, None, [])
        results.append(empty.model_copy(update={"note": note}))
    return results


def stored_items(rows: Sequence[dict[str, Any]], toward: Side) -> list[SampleItem]:
    """Returns unsteered replies beside those steered toward one model, prompt by prompt."""
    prompts = list(dict.fromkeys(row["prompt"] for row in rows))
    return [
        SampleItem(
            prompt=row["prompt"],
            model=row["model"],
            reply=row["reply"],
            condition=_condition(row["strength"]),
        )
        for prompt in prompts
        for row in rows
        if row["prompt"] == prompt and row["toward"] in {None, toward}
    ]


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
    vectors = {(layer, position): view.vector(layer, position)}
    settings = ADLSettings.model_validate(artifact.header.inputs.settings)
    replies = sample(pair, plan, vectors, settings)
    results: list[Result] = []
    for toward in SIDES:
        items = [
            _item(planned, reply)
            for planned, reply in zip(plan, replies, strict=True)
            if planned.toward == toward
        ]
        if items:
            results.append(samples_result(view, layer, position, toward, items, cost=len(items)))
    return Outcome(results, subject_tokens=sum(reply.n_tokens for reply in replies))


def samples_result(
    view: View,
    layer: int,
    position: str,
    toward: Side | None,
    items: Sequence[SampleItem],
    cost: int = 0,
) -> Samples:
    """Returns replies steered toward one model (None: toward neither) as a result."""
    contrast = Contrast()
    if toward is not None:
        contrast = Contrast(toward=toward, away_from=other_side(toward))
    return Samples(
        title="Replies with the mean activation difference added, toward this model",
        contrast=contrast,
        provenance=view.provenance(layer, position),
        cost=cost,
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
    prompts = parameters.prompts or tuple(view.prompts()[:2])
    if not prompts:
        raise DiffgaugeError(
            "No prompts were given and none are stored.", allowed=f"1 to {MAX_PROMPTS} prompts"
        )
    for prompt in prompts:
        if not prompt.strip() or len(prompt) > MAX_PROMPT_CHARS:
            raise DiffgaugeError(
                f"A prompt of {len(prompt)} characters was given.",
                allowed=f"1 to {MAX_PROMPT_CHARS} characters that are not all blank",
            )
    towards = SIDES if parameters.toward is None else (parameters.toward,)
    models = SIDES if parameters.model is None else (parameters.model,)
    return [
        Steered(
            layer,
            position,
            toward,
            parameters.strength,
            model,
            prompt,
            derived_seed(seed, "adl", "steer", number, toward, model, repeat),
        )
        for toward in towards
        for number, prompt in enumerate(prompts)
        for model in models
        for repeat in range(parameters.n)
    ]


def _item(planned: Steered, reply: Reply) -> SampleItem:
    return SampleItem(
        prompt=planned.prompt,
        model=planned.model,
        reply=reply.text,
        condition=_condition(planned.strength),
    )


def _condition(strength: float) -> str:
    return f"steered, strength {strength:g}" if strength else "unsteered"
