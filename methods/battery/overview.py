"""What is shown of a battery artifact first."""

from typing import Final

from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.battery.operations import (
    StyleParameters,
    TermsParameters,
    style_results,
    term_results,
)
from diffgauge.methods.battery.view import View
from diffgauge.methods.shortening import significant
from diffgauge.records.results import FreeText, Result, Scalar, Scalars

__all__ = ["overview"]

_TERMS: Final = 20


def overview(artifact: Artifact) -> list[Result]:
    """Returns the overview; its JSON stays below 7,000 characters."""
    view = View(artifact)
    results: list[Result] = [_read(view), _tested(view)]
    if view.nothing is None:
        results += term_results(artifact, TermsParameters(k=_TERMS))
        results += style_results(artifact, StyleParameters())
    return results


def _read(view: View) -> FreeText:
    settings = view.settings
    text = (
        f"Both models answered the same {view.n_prompts} open prompts, {settings.n_replies} "
        f"replies each, by at most {settings.max_new_tokens} tokens. Words are ranked by log-odds "
        f"with a prior of {settings.prior_words:g} words. Whether the models differ is tested "
        "apart: all that they said to a prompt is exchanged between them, "
        f"{settings.n_permutations} times, and the largest difference of any word or style is "
        "compared. "
    )
    text += view.nothing or (
        f"{view.n_shown} of {view.n_tested} words and styles differ beyond chance."
    )
    return FreeText(title="What was done", provenance=view.provenance(), text=text)


def _tested(view: View) -> Scalars:
    same = view.nothing is not None
    items = () if same else (Scalar(name="p-value", value=significant(view.p_value)),)
    shown = Scalar(name="words and styles that differ beyond chance", value=float(view.n_shown))
    return Scalars(
        title="Whether the two models' replies differ at all",
        provenance=view.provenance(),
        note=view.nothing,
        items=(shown, *items),
    )
