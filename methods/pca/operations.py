"""What an investigator may do with a PCA artifact: two drill-downs and one interaction."""

from pydantic import Field

from diffgauge.methods.activations.source import Part
from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.contexts import HERE
from diffgauge.methods.directions import contrast, directions
from diffgauge.methods.method import FreeOperation, Operation, PaidOperation
from diffgauge.methods.pca.projections import ENDS
from diffgauge.methods.pca.steering import SteerParameters, steer, steer_cost
from diffgauge.methods.pca.view import View
from diffgauge.methods.shortening import significant
from diffgauge.records.record import Record
from diffgauge.records.results import (
    Contrast,
    RankedString,
    RankedStrings,
    RankedToken,
    RankedTokens,
    Result,
    Scalar,
    Scalars,
)
from diffgauge.records.subjects import SIDES, Side

__all__ = ["ComponentParameters", "component_results", "lens_results", "operations", "share_items"]

_TOWARD = "Show only the direction toward this model; omit for both."
_ENDS = {
    "along": "Positions where the difference goes furthest along this component",
    "against": "Positions where the difference goes furthest against this component",
}


class ComponentParameters(Record):
    """Parameters of one component."""

    i: int = Field(default=0, ge=0, description="The component, from 0.")
    k: int = Field(default=20, ge=1, le=100, description="Tokens for each direction.")
    n: int = Field(default=5, ge=1, le=50, description="Positions for each end.")
    toward: Side | None = Field(default=None, description=_TOWARD)


class OwnParameters(Record):
    """Parameters of the models' own components."""

    k: int = Field(default=10, ge=1, le=100, description="Tokens for each component.")


def operations(artifact: Artifact) -> list[Operation]:
    """Returns the operations on a PCA artifact."""
    view, bare = View(artifact), SteerParameters()
    can_steer = view.nothing is None and view.prompts()
    price = f" With its defaults it costs {steer_cost(artifact, bare)}." if can_steer else ""
    return [
        FreeOperation(
            name="pca_component",
            description="One main direction of the difference between the two models' "
            "activations: how much it explains, the tokens it reads as in both directions, and "
            "the positions at both of its ends. Free.",
            parameters=ComponentParameters,
            run=component_results,
        ),
        FreeOperation(
            name="pca_own",
            description="Main directions of each model's own activations, as a reference: the "
            "tokens they read as, and how much they explain. Free.",
            parameters=OwnParameters,
            run=own_results,
        ),
        PaidOperation(
            name="pca_steer",
            description="Samples replies while a main direction of the difference is added to the "
            "activations. Costs one model interaction for each reply: prompts x n x directions "
            "x models." + price,
            parameters=SteerParameters,
            cost=steer_cost,
            run=steer,
        ),
    ]


def component_results(artifact: Artifact, parameters: ComponentParameters) -> list[Result]:
    """Returns what one component explains, reads as, and where it shows.

    Raises:
        DiffgaugeError: No such component.
    """
    view = View(artifact)
    component = view.checked(parameters.i)
    shares = Scalars(
        title=f"Share of the mean squared difference that component {component} explains",
        provenance=view.provenance(component),
        note=view.nothing,
        items=tuple(share_items(view, component)),
    )
    return [
        shares,
        *(lens_results(view, component, parameters.k, directions(parameters.toward))),
        *(
            RankedStrings(
                title=f"{_ENDS[end]} (component {component}; {HERE})",
                provenance=view.provenance(component),
                note=view.nothing or _signs(view, component),
                items=tuple(
                    RankedString(text=row["passage"], score=significant(row["value"]))
                    for row in view.exemplars(component, end, parameters.n)
                ),
            )
            for end in ENDS
        ),
    ]


def lens_results(
    view: View, component: int, k: int, toward: tuple[Side, ...] = SIDES
) -> list[Result]:
    """Returns the tokens that a component reads as, one list for each direction."""
    return [
        RankedTokens(
            title=f"Tokens that component {component} of the activation difference reads as, "
            "toward this model (standard deviations above the mean token)",
            contrast=contrast(side),
            provenance=view.provenance(component),
            note=view.nothing,
            items=tuple(
                RankedToken(token=row["token"], score=round(row["score"], 2))
                for row in view.lens("difference", component, side, k)
            ),
        )
        for side in toward
    ]


def share_items(view: View, component: int) -> list[Scalar]:
    """Returns what a component explains of the texts read and of those held out."""
    if view.nothing is not None:
        return []
    parts: tuple[tuple[Part, str], ...] = (
        ("train", "texts read"),
        ("validation", "held-out texts"),
    )
    return [
        Scalar(name=f"component {component}, {label}", value=significant(row["share"]))
        for part, label in parts
        if (row := view.explained(part, component)) is not None and row["share"] is not None
    ]


def own_results(artifact: Artifact, parameters: OwnParameters) -> list[Result]:
    """Returns the tokens that each model's own main directions read as."""
    view = View(artifact)
    return [
        RankedTokens(
            title=f"Tokens that component {row['component']} of this model's own activations "
            f"reads as, the way they go on average (it explains {row['share']:.0%}; a reference)",
            contrast=Contrast(toward=side),
            provenance=view.provenance(),
            note=view.nothing,
            items=tuple(
                RankedToken(token=token["token"], score=round(token["score"], 2))
                for token in view.lens("own", row["component"], side, parameters.k)
            )
            if view.nothing is None
            else (),
        )
        for side in SIDES
        for row in view.own(side)
    ] or [
        Scalars(
            title="Main directions of each model's own activations",
            provenance=view.provenance(),
            note="None were kept.",
            items=(),
        )
    ]


def _signs(view: View, component: int) -> str | None:
    """Whether differences go one way along a component, in words."""
    row = view.explained("train", component)
    if row is None:
        return None
    return (
        f"Differences go {row['mean']:.3g} along it on average (spread {row['deviation']:.3g}); "
        "against it means toward the other model's lists."
    )
