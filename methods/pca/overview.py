"""What is shown of PCA first: how concentrated the difference is, and what it reads as."""

from diffgauge.methods.activations.floors import IDENTICAL, NOISE
from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.directions import contrast
from diffgauge.methods.pca.operations import lens_results, share_items
from diffgauge.methods.pca.view import View
from diffgauge.methods.shortening import shortened, significant
from diffgauge.records.results import (
    Exemplar,
    FreeText,
    Latent,
    Latents,
    RankedString,
    RankedStrings,
    Result,
    Scalar,
    Scalars,
)
from diffgauge.records.subjects import SIDES, Side

__all__ = ["overview"]

_SHARES = 5
_FIRST_TOKENS = 12
_OTHERS = 3
_TOKENS = 6
_POSITIONS = 2
_LINE_CHARS = 120


def overview(artifact: Artifact) -> list[Result]:
    """Returns the overview; its JSON stays below 7,000 characters at default settings."""
    view = View(artifact)
    results: list[Result] = [_read(view), _shares(view)]
    if view.nothing is not None:
        return results
    results += lens_results(view, 0, _FIRST_TOKENS)
    results.append(
        RankedStrings(
            title="Positions where the difference goes furthest along component 0",
            provenance=view.provenance(0),
            items=tuple(
                RankedString(
                    text=shortened(row["passage"], _LINE_CHARS), score=significant(row["value"])
                )
                for row in view.exemplars(0, "along", _POSITIONS)
            ),
        )
    )
    if view.n_components > 1:
        results += [_others(view, side) for side in SIDES]
    return results


def _read(view: View) -> FreeText:
    header, settings = view.artifact.header, view.settings
    n_seen, n_dropped = header.n_texts[settings.corpus], header.n_dropped[settings.corpus]
    row = view.explained("train", 0)
    assert row is not None, "a text was read"
    text = (
        f"Both models read the same {n_seen - n_dropped} texts (corpus {settings.corpus!r}; "
        f"{n_dropped} shorter ones left out; every {settings.validation_every}th held out). The "
        f"differences of their activations after block {view.layer}, at {row['n_tokens']} tokens, "
        "were split into orthogonal directions, the one that explains most first"
        f"{', their mean taken away' if settings.centred else ''}. "
    )
    if view.identical:
        text += IDENTICAL
    elif view.nothing is not None:
        text += NOISE
    else:
        text += (
            "A direction toward a model is the way its activations go on average, seen from the "
            "other's. That one direction explains much says that the difference is of one kind; "
            "by itself it does not say of which, nor that anything narrow was trained."
        )
    return FreeText(title="What was read", provenance=view.provenance(), text=text)


def _shares(view: View) -> Scalars:
    noise = view.noise
    scale = float(noise["scale"])
    size = Scalar(
        name="mean length of the difference, as a share of the activations' mean length",
        value=significant(float(noise["norm"]) / scale) if scale else None,
        floor=significant(float(noise["floor"]) / scale) if scale else None,
    )
    items = [
        item
        for component in range(min(_SHARES, view.n_components))
        for item in share_items(view, component)
    ]
    return Scalars(
        title="Share of the mean squared difference that each component explains",
        provenance=view.provenance(),
        items=(size, *items),
    )


def _others(view: View, side: Side) -> Latents:
    shown = range(1, min(1 + _OTHERS, view.n_components))
    return Latents(
        title="Further components, toward this model: what they read as, and one position",
        contrast=contrast(side),
        provenance=view.provenance(),
        truncated=view.n_components > 1 + _OTHERS,
        items=tuple(
            Latent(
                index=component,
                scores=_scores(view, component),
                tokens=tuple(
                    one["token"] for one in view.lens("difference", component, side, _TOKENS)
                ),
                exemplars=tuple(
                    Exemplar(
                        text=shortened(one["passage"], _LINE_CHARS),
                        activation=significant(one["value"]),
                    )
                    for one in view.exemplars(component, "along", 1)
                ),
            )
            for component in shown
        ),
    )


def _scores(view: View, component: int) -> dict[str, float]:
    row = view.explained("train", component)
    if row is None or row["share"] is None:
        return {}
    return {"share explained": significant(row["share"])}
