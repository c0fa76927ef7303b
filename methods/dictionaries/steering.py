"""Replies while a latent's vector is added to both models' residual streams, or taken out."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field
from torch import Tensor

from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.dictionaries.view import View
from diffgauge.methods.directions import contrast, directions
from diffgauge.methods.given_prompts import (
    MAX_REPLIES,
    DirectedReply,
    GivenPrompts,
    directed_replies,
    given_prompts,
)
from diffgauge.methods.method import Outcome
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.results import Result, SampleItem, Samples
from diffgauge.records.subjects import SIDES, ChatMessage, Prompt, Side

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair, Row

__all__ = ["SteerParameters", "steer", "steer_cost"]

Action = Literal["add", "remove"]


class SteerParameters(GivenPrompts):
    """Parameters of steering by a latent."""

    i: int | None = Field(
        default=None, ge=0, description="Number of the latent; omit for the one to begin with."
    )
    action: Action = Field(
        default="add",
        description="add: adds the latent's vector everywhere. remove: takes what points along "
        "it out of the activations, down to their mean.",
    )
    strength: float = Field(
        default=0.5,
        gt=0,
        le=8,
        description="Size of what is added, in mean activation norms; nothing to 'remove'.",
    )
    n: int = Field(
        default=1,
        ge=1,
        le=MAX_REPLIES,
        description="Replies for each prompt, model, direction.",
    )
    toward: Side | None = Field(
        default=None,
        description="Take the latent's vector toward this model only; omit for both directions.",
    )
    model: Side | None = Field(
        default=None, description="Steer only this model; omit for both models."
    )


def steer_cost(artifact: Artifact, parameters: SteerParameters) -> int:
    """Returns the model interactions that `steer` would take.

    Raises:
        DiffgaugeError: No such latent, none at all, or prompts that are too many, too long or
            empty.
    """
    return len(_plan(View(artifact), parameters, seed=0))


def steer(pair: "ModelPair", artifact: Artifact, parameters: SteerParameters, seed: int) -> Outcome:
    """Samples replies of both models, in both directions unless told otherwise.

    Raises:
        DiffgaugeError: As `steer_cost`, or a prompt that does not fit the models.
    """
    view = View(artifact)
    plan = _plan(view, parameters, seed)
    latent = _latent(view, parameters)
    vectors = {side: view.vector(latent, side) for side in directions(parameters.toward)}
    replies = pair.generate([_row(view, one, vectors[one.toward], parameters) for one in plan])
    verb = "added" if parameters.action == "add" else "taken out"
    condition = f"latent {latent} {verb}"
    if parameters.action == "add":
        condition += f", strength {parameters.strength:g}"
    results: list[Result] = []
    for toward in directions(parameters.toward):
        items = [
            SampleItem(prompt=one.prompt, model=one.model, reply=reply.text, condition=condition)
            for one, reply in zip(plan, replies, strict=True)
            if one.toward == toward
        ]
        results.append(
            Samples(
                title=f"Replies with the vector of latent {latent} toward this model {verb}",
                contrast=contrast(toward),
                provenance=view.provenance(),
                cost=len(items),
                items=tuple(items),
            )
        )
    return Outcome(results, subject_tokens=sum(reply.n_tokens for reply in replies))


def _plan(view: View, parameters: SteerParameters, seed: int) -> list[DirectedReply]:
    latent = _latent(view, parameters)
    for side in directions(parameters.toward):
        if not float(view.vector(latent, side).norm()) > 0:
            raise DiffgaugeError(
                f"Latent {latent} has no vector toward that model.",
                allowed="toward the model to which it is dedicated",
            )
    prompts = given_prompts(parameters, view.prompts())
    return directed_replies(parameters, parameters.toward, prompts, seed, view.method)


def _latent(view: View, parameters: SteerParameters) -> int:
    latent = view.first() if parameters.i is None else parameters.i
    view.row(latent)
    return latent


def _row(view: View, one: DirectedReply, vector: Tensor, parameters: SteerParameters) -> "Row":
    from diffgauge.models.pair import Removal, Row, Steering

    prompt = Prompt(
        messages=(ChatMessage(role="user", content=one.prompt),),
        seed=one.seed,
        max_new_tokens=int(view.settings["max_new_tokens"]),
    )
    unit = vector / vector.norm()
    if parameters.action == "add":
        added = unit * (parameters.strength * view.facts["scale"])
        return Row(one.model, prompt, Steering(view.layer, added))
    mean = view.artifact.tensors["means"][SIDES.index(one.model)]
    return Row(one.model, prompt, removal=Removal(view.layer, unit, float(mean @ unit)))
