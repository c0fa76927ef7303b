"""Replies with a component added to the activations, in either direction."""

from typing import TYPE_CHECKING

from pydantic import Field

from diffgauge.methods.adl.settings import ADLSettings
from diffgauge.methods.adl.steering import Sampler, Steered
from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.directions import contrast, directions
from diffgauge.methods.given_prompts import (
    MAX_REPLIES,
    GivenPrompts,
    directed_replies,
    given_prompts,
)
from diffgauge.methods.method import Outcome
from diffgauge.methods.pca.view import View
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.results import Result, SampleItem, Samples
from diffgauge.records.subjects import Side

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = ["SteerParameters", "steer", "steer_cost"]

_STRENGTH = 0.5


class SteerParameters(GivenPrompts):
    """Parameters of a steering."""

    i: int = Field(default=0, ge=0, description="The component, from 0.")
    strength: float = Field(
        default=_STRENGTH,
        gt=0,
        le=8,
        description="Size of what is added, in mean activation norms.",
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


def steer_cost(artifact: Artifact, parameters: SteerParameters) -> int:
    """Returns the model interactions that `steer` would take.

    Raises:
        DiffgaugeError: No such component, nothing to steer with, or prompts that cannot be asked.
    """
    return len(_plan(View(artifact), parameters, seed=0))


def steer(pair: "ModelPair", artifact: Artifact, parameters: SteerParameters, seed: int) -> Outcome:
    """Samples replies of both models under a component, in both directions unless told otherwise.

    Raises:
        DiffgaugeError: As `steer_cost`, or a prompt that does not fit the models.
    """
    view = View(artifact)
    plan = _plan(view, parameters, seed)
    chosen = ADLSettings(
        max_new_tokens=view.settings.max_new_tokens, batch_replies=view.settings.batch_replies
    )
    place = (view.layer, _label(parameters.i))
    sampler = Sampler(pair, {place: view.vector(parameters.i)}, chosen)
    replies = sampler.sample(plan)
    results: list[Result] = []
    for toward in directions(parameters.toward):
        items = tuple(
            SampleItem(
                prompt=one.prompt,
                model=one.model,
                reply=sampler.text(one),
                condition=f"steered, strength {one.strength:g}",
            )
            for one in plan
            if one.toward == toward
        )
        results.append(
            Samples(
                title=f"Replies with component {parameters.i} of the activation difference added, "
                "toward this model",
                contrast=contrast(toward),
                provenance=view.provenance(parameters.i),
                cost=len(items),
                items=items,
            )
        )
    return Outcome(results, subject_tokens=sum(len(said.token_ids) for said in replies))


def _plan(view: View, parameters: SteerParameters, seed: int) -> list[Steered]:
    if (note := view.nothing) is not None:
        raise DiffgaugeError(
            f"There is nothing to steer with. {note}",
            allowed="nothing: no component is above its floor",
        )
    component = view.checked(parameters.i)
    prompts = given_prompts(parameters, view.prompts())
    return [
        Steered(
            view.layer,
            _label(component),
            one.toward,
            parameters.strength,
            one.model,
            one.prompt,
            one.seed,
        )
        for one in directed_replies(parameters, parameters.toward, prompts, seed, "pca")
    ]


def _label(component: int) -> str:
    return f"component {component}"
