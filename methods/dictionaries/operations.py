"""What an investigator may do with latents: two drill-downs and two interactions."""

from typing import TYPE_CHECKING

import torch
from pydantic import Field

from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.contexts import HERE, passage
from diffgauge.methods.dictionaries.steering import SteerParameters, steer, steer_cost
from diffgauge.methods.dictionaries.view import Kind, Sort, View
from diffgauge.methods.directions import contrast, directions
from diffgauge.methods.given_texts import GivenTexts, given_rows, reading_cost
from diffgauge.methods.method import FreeOperation, Operation, Outcome, PaidOperation
from diffgauge.methods.passes import Row
from diffgauge.methods.shortening import significant
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.record import Record
from diffgauge.records.results import Exemplar, Latents, Result
from diffgauge.records.subjects import SIDES, Side

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = [
    "LatentParameters",
    "LatentsParameters",
    "OnTextsParameters",
    "latent_results",
    "operations",
]

_TOWARD = "Show only what speaks for this model; omit for both."
_PASSAGES_LISTED = 2
_PASSAGES_ON_TEXT = 3
_UNLISTED = "Of this latent numbers alone are kept; others carry more of the difference."


class LatentsParameters(Record):
    """Parameters of the list of latents."""

    kind: Kind = Field(
        default="all",
        description="specific: this model's own. shared: both models' alike. rejected: this "
        "model's own by the size of their vectors, but not by how they fit the other model's "
        "activations. all: every one but those that are more of the other model.",
    )
    sort: Sort = Field(
        default="effect",
        description="effect: how much of the difference between the models a latent carries. "
        "specificity: how much more of this model it is. rate: share of tokens on which it fires. "
        "largest: its largest activation.",
    )
    n: int = Field(default=10, ge=1, le=50, description="Latents for each model.")
    toward: Side | None = Field(default=None, description=_TOWARD)


class LatentParameters(Record):
    """Parameters of one latent."""

    i: int | None = Field(
        default=None, ge=0, description="Number of the latent; omit for the one to begin with."
    )
    toward: Side | None = Field(default=None, description=_TOWARD)


class OnTextsParameters(GivenTexts):
    """Parameters of the reading of given texts."""

    n: int = Field(default=8, ge=1, le=30, description="Latents shown of each text and model.")


def operations(artifact: Artifact) -> list[Operation]:
    """Returns the operations on an artifact of a dictionary."""
    name = artifact.header.inputs.method
    view = View(artifact)
    texts = f" With its defaults it costs {2 * len(_stored(view))}." if _stored(view) else ""
    bare = SteerParameters()
    price = f" With its defaults it costs {steer_cost(artifact, bare)}." if _can_steer(view) else ""
    return [
        FreeOperation(
            name=f"{name}_latents",
            description="Directions in activation space into which the difference between the two "
            "models was taken apart, with the tokens each reads as and passages on which it "
            "fires. Free.",
            parameters=LatentsParameters,
            run=latents_results,
        ),
        FreeOperation(
            name=f"{name}_latent",
            description="Everything that is kept of one latent. Free.",
            parameters=LatentParameters,
            run=latent_results,
        ),
        PaidOperation(
            name=f"{name}_latents_on_text",
            description="Reads texts of your own with both models and shows which latents fire "
            "where. Costs one model interaction for each text and model: texts x 2." + texts,
            parameters=OnTextsParameters,
            cost=_reading_cost,
            run=on_texts,
            deterministic=True,
        ),
        PaidOperation(
            name=f"{name}_latent_steer",
            description="Samples replies while a latent's vector is added to the activations, or "
            "taken out of them. Costs one model interaction for each reply: prompts x n x "
            "directions x models." + price,
            parameters=SteerParameters,
            cost=steer_cost,
            run=steer,
        ),
    ]


def latents_results(artifact: Artifact, parameters: LatentsParameters) -> list[Result]:
    """Returns one list of latents for each direction asked for."""
    view = View(artifact)
    return [
        Latents(
            title=f"Latents toward this model ({parameters.kind}), by {parameters.sort}",
            contrast=contrast(side),
            provenance=view.provenance(),
            note=view.nothing,
            items=tuple(
                view.shown(row, side, n_exemplars=_PASSAGES_LISTED)
                for row in view.ranked(side, parameters.kind, parameters.sort, parameters.n)
            ),
        )
        for side in directions(parameters.toward)
    ]


def latent_results(artifact: Artifact, parameters: LatentParameters) -> list[Result]:
    """Returns one latent, for each direction asked for.

    Raises:
        DiffgaugeError: There is no such latent.
    """
    view = View(artifact)
    if view.nothing is not None and parameters.i is None:
        rows = []
    else:
        rows = [view.row(view.first() if parameters.i is None else parameters.i)]
    return [
        Latents(
            title=f"One latent as it speaks for this model ({HERE})",
            contrast=contrast(side),
            provenance=view.provenance(),
            note=view.nothing or (None if all(map(view.is_listed, rows)) else _UNLISTED),
            items=tuple(view.shown(row, side) for row in rows),
        )
        for side in directions(parameters.toward)
    ]


def on_texts(
    pair: "ModelPair", artifact: Artifact, parameters: OnTextsParameters, seed: int
) -> Outcome:
    """Reads given texts: one result for each text and model, the largest activations first.

    Raises:
        DiffgaugeError: As `given_texts`, or a text that does not fit the models.
    """
    view = View(artifact)
    _reading_cost(artifact, parameters)
    results: list[Result] = []
    for row in given_rows(pair, parameters, _stored(view)):
        best = _fired(pair, view, row)
        for side in SIDES:
            wanted = [
                (view.row(latent), found)
                for latent, found in best.items()
                if view.speaks_for(view.row(latent), side)
            ][: parameters.n]
            items = [
                view.shown(numbers, side, n_exemplars=0).model_copy(update={"exemplars": found})
                for numbers, found in wanted
            ]
            results.append(
                Latents(
                    title=f"Text {row.index + 1}: latents toward this model that fire ({HERE})",
                    contrast=contrast(side),
                    provenance=view.provenance(corpus=False),
                    cost=1,
                    note=None if items else "None of them fires on it.",
                    items=tuple(items),
                )
            )
    return Outcome(results)


def _fired(pair: "ModelPair", view: View, row: Row) -> dict[int, tuple[Exemplar, ...]]:
    """Returns the latents that fire on a text, largest first, each with its best places."""
    sides = [pair.capture(side, [row.ids], [view.layer], "hooks")[view.layer] for side in SIDES]
    stored = torch.cat([side.float().cpu() for side in sides]).transpose(0, 1)
    skipped = int(view.settings["skip_positions"])
    codes = view.dictionary().encode(view.sides(stored[skipped:]))
    order = codes.values.argsort(descending=True, stable=True).tolist()
    found: dict[int, list[Exemplar]] = {}
    for entry in order:
        places = found.setdefault(int(codes.latents[entry]), [])
        if len(places) < _PASSAGES_ON_TEXT:
            position = int(codes.rows[entry]) + skipped
            text = passage(pair.tokenizer, row.ids, position)
            value = significant(float(codes.values[entry]))
            places.append(Exemplar(text=text, activation=value))
    return {latent: tuple(places) for latent, places in found.items()}


def _reading_cost(artifact: Artifact, parameters: OnTextsParameters) -> int:
    view = View(artifact)
    if view.nothing is not None:
        raise DiffgaugeError(
            f"There are no latents to look for. {view.nothing}", allowed="nothing on this pair"
        )
    return reading_cost(parameters, _stored(view))


def _stored(view: View) -> list[str]:
    """Returns the passage on which the first latent fires most, for a call that gives no text."""
    if view.nothing is not None:
        return []
    found = view.passages(view.first())[:1]
    return [one.replace("⟦", "").replace("⟧", "").strip("…") for one in found]


def _can_steer(view: View) -> bool:
    return view.nothing is None and bool(view.prompts())
