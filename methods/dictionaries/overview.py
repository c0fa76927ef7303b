"""What is shown of a dictionary first: how well it fits, and the latents that tell most."""

from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.dictionaries.view import View
from diffgauge.methods.directions import contrast
from diffgauge.methods.shortening import significant
from diffgauge.records.results import (
    FreeText,
    Latents,
    RankedToken,
    RankedTokens,
    Result,
    Scalar,
    Scalars,
)
from diffgauge.records.subjects import SIDES, Side

__all__ = ["overview"]

_LATENTS = 3
_TOKENS = 8
_MEAN_TOKENS = 10
_LINE_CHARS = 140


def overview(artifact: Artifact) -> list[Result]:
    """Returns the overview; its JSON stays below 7,000 characters at default settings."""
    view = View(artifact)
    results: list[Result] = [_read(view), _scalars(view)]
    if view.facts["relative size"] > 0:
        results += [_mean(view, side) for side in SIDES]
    if view.nothing is None:
        results += [_best(view, side) for side in SIDES]
    return results


def _read(view: View) -> FreeText:
    header = view.artifact.header
    corpus = str(view.settings["corpus"])
    kept = header.n_texts[corpus] - header.n_dropped[corpus]
    text = (
        f"Both models read the same {kept} texts (corpus {corpus!r}, {view.facts['tokens']:.0f} "
        f"positions to train on, activations after block {view.layer}). "
    )
    if view.nothing is not None:
        return _prose(view, text + view.nothing)
    if view.signed:
        text += (
            "What differs between the models' activations was taken apart into latents: each is a "
            "direction, shown once toward either model, that fires on some tokens."
        )
    else:
        text += (
            "The two models' activations were taken apart into common latents: each has a vector "
            "in either model, and fires on some tokens. One model's own has a vector there alone."
        )
    text += (
        " Under a model's name stands "
        + (
            "how much of the latent's direction that model's own activation has where it fires"
            if view.signed
            else "the size of its vector there"
        )
        + "; specificity is 1 for this model's own, 0.5 for both alike. Latents may be accidents "
        "of training: compare passages, tokens and steering."
    )
    return _prose(view, text)


def _prose(view: View, text: str) -> FreeText:
    return FreeText(title="What was read", provenance=view.provenance(), text=text)


def _scalars(view: View) -> Scalars:
    names = {
        "relative size": "mean norm of the difference over that of the activations",
        "mean share": "norm of the mean difference over the mean norm of the difference",
        "explained both": "variance of the difference explained on held-out texts",
        "explained base": None,
        "latents": "latents",
        "dead": "share of latents that never fire",
        "fire on a token": "latents that fire on a token",
    }
    values = {
        label: view.facts[name] for name, label in names.items() if label and name in view.facts
    }
    if "explained base" in view.facts:
        shares = [view.facts[f"explained {side}"] for side in SIDES]
        values["variance explained on held-out texts, mean of both"] = sum(shares) / len(shares)
    for side in ("own", "rejected"):
        if side in view.facts:
            values[f"latents {_COUNTED[side]}"] = view.facts[side]
    return Scalars(
        title="How far the activations are apart, and how well the latents fit them",
        provenance=view.provenance(),
        note=view.nothing,
        items=tuple(
            Scalar(name=name, value=significant(value) if value == value else None)
            for name, value in values.items()
        ),
    )


_COUNTED = {
    "own": "that are one model's own",
    "rejected": "that are so by the size of their vectors alone",
}


def _mean(view: View, side: Side) -> RankedTokens:
    rows = [row for row in view.artifact.tables["mean"] if row["side"] == side]
    return RankedTokens(
        title="Tokens the mean difference reads as, toward this model",
        contrast=contrast(side),
        provenance=view.provenance(),
        items=tuple(
            RankedToken(token=row["token"], score=round(row["score"], 2))
            for row in sorted(rows, key=lambda row: int(row["rank"]))[:_MEAN_TOKENS]
        ),
    )


def _best(view: View, side: Side) -> Latents:
    found = view.ranked(side, "specific", "effect", _LATENTS)
    more = [row for row in view.ranked(side, "all", "effect", 2 * _LATENTS) if row not in found]
    return Latents(
        title="Latents that carry most of the difference, this model's own first",
        contrast=contrast(side),
        provenance=view.provenance(),
        items=tuple(
            view.shown(row, side, n_tokens=_TOKENS, n_exemplars=1, chars=_LINE_CHARS)
            for row in (found + more)[:_LATENTS]
        ),
    )
