"""What is shown of an ADL artifact first: norms beside floors, top tokens, a few replies."""

from typing import Any

from diffgauge.methods.adl.operations import (
    LensParameters,
    lens_results,
    samples_result,
    stored_items,
)
from diffgauge.methods.adl.view import View
from diffgauge.methods.artifacts import Artifact
from diffgauge.records.results import FreeText, Result, Scalar, Scalars
from diffgauge.records.subjects import SIDES

__all__ = ["overview"]

_MAIN_TOKENS = 12
_POSITION_TOKENS = 5
_FIRST_TOKENS = 5
_REPLY_CHARS = 90
_PROMPT_CHARS = 60
_PROMPTS = 1


def overview(artifact: Artifact) -> list[Result]:
    """Returns the overview; its JSON stays below 7,000 characters at default settings."""
    view = View(artifact)
    layer, position = view.default()
    alone = [label for label in view.positions if label not in {"0", position}]
    results: list[Result] = [_summary(view, layer, position)]
    results += [_norms(view, at, position, alone) for at in view.layers]
    results.append(_first(view, layer))
    if all(row["identical"] for row in view.norms):
        return results
    results += _lens(artifact, layer, position, _MAIN_TOKENS)
    if alone and view.nothing(layer, position) is None:
        results += _lens(artifact, layer, alone[0], _POSITION_TOKENS)
    if "0" in view.positions and view.nothing(layer, "0") is None:
        results += _lens(artifact, layer, "0", _FIRST_TOKENS)
    results += _samples(view, layer, position)
    return results


def _summary(view: View, layer: int, position: str) -> FreeText:
    header = view.artifact.header
    settings = header.inputs.settings
    corpus = str(settings["corpus"])
    kept = header.n_texts[corpus] - header.n_dropped[corpus]
    text = (
        f"Both models read the first {settings['n_tokens']} tokens of the same {kept} texts "
        f"(corpus {corpus!r}; {header.n_dropped[corpus]} shorter texts were left out). Shown is "
        "the mean over texts of the difference of their activations at the first positions, "
        f"read at layers {', '.join(map(str, view.layers))}. "
    )
    if all(row["identical"] for row in view.norms):
        text += (
            "The two models' activations are identical: the difference is exactly zero "
            "everywhere that was read. Nothing could be decoded or used for steering."
        )
    elif not view.usable():
        text += (
            "No difference is above the floor that noise alone would give. Nothing was decoded "
            "or used for steering."
        )
    else:
        text += (
            "A difference above its floor says that the weights differ; by itself it does not "
            "say how, nor that anything narrow was trained."
        )
    return FreeText(title="What was read", provenance=view.provenance(layer, position), text=text)


def _norms(view: View, layer: int, position: str, alone: list[str]) -> Scalars:
    row = view.row(layer, position)
    items = [_norm(view.row(layer, label), label) for label in (position, *alone)]
    items.append(
        Scalar(
            name=f"cosine between two halves of the texts, position {position}",
            value=None if row["half_cosine"] is None else round(row["half_cosine"], 3),
        )
    )
    undefined = row["half_cosine"] is None
    return Scalars(
        title="Norm of the mean difference, as a share of the expected activation norm",
        provenance=view.provenance(layer, position),
        note="A difference of exactly zero has no direction, hence no cosine."
        if undefined
        else None,
        items=tuple(items),
    )


def _first(view: View, layer: int) -> Scalars:
    return Scalars(
        title="The same at position 0, which does not depend on the text",
        provenance=view.provenance(layer, "0"),
        items=(_norm(view.row(layer, "0"), "0"),),
    )


def _norm(row: dict[str, Any], label: str) -> Scalar:
    scale = row["scale"]
    return Scalar(
        name=f"relative norm, position {label}",
        value=_significant(row["norm"] / scale),
        stderr=_significant(row["standard_error"] / scale),
        floor=_significant(row["floor"] / scale),
    )


def _lens(artifact: Artifact, layer: int, position: str, k: int) -> list[Result]:
    return lens_results(artifact, LensParameters(layer=layer, position=position, k=k))


def _samples(view: View, layer: int, position: str) -> list[Result]:
    rows = [row for row in view.samples(layer, position) if row["prompt"] in _asked(view)]
    weakest = min((row["strength"] for row in rows if row["strength"]), default=None)
    if weakest is None:
        return []
    rows = [row for row in rows if row["strength"] in {0.0, weakest}]
    results: list[Result] = []
    for toward in SIDES:
        items = [
            item.model_copy(
                update={
                    "prompt": _cut(item.prompt, _PROMPT_CHARS),
                    "reply": _cut(item.reply, _REPLY_CHARS),
                }
            )
            for item in stored_items(rows, toward)
        ]
        results.append(samples_result(view, layer, position, toward, items))
    return results


def _asked(view: View) -> list[str]:
    return view.prompts()[:_PROMPTS]


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _significant(value: float) -> float:
    return float(f"{value:.3g}")
