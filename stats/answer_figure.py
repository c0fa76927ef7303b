"""The forest plot: each arm's uplift over its fairest reference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from diffgauge.stats.answer_tables import MEASURES
from diffgauge.stats.answers import WORTHWHILE, Answer, Contrast
from diffgauge.stats.drawing import COLOURS, RC, Drawn, drawn
from diffgauge.stats.intervals import Estimate

__all__ = ["draw_forest", "forest_words", "headlines"]

_ROW_INCHES: Final = 0.62
_GREY: Final = "#b5b5b5"
_APART: Final = 0.17


def headlines(one: Answer) -> list[Contrast]:
    """Returns the contrasts with the fairest reference, in the answer's first measure."""
    if not one.contrasts:
        return []
    first = one.contrasts[0].measure
    return [held for held in one.contrasts if held.headline and held.measure == first]


def draw_forest(one: Answer, evidence: str) -> Drawn:
    """Draws the uplifts of one answer; grey where its model is not believed.

    Args:
        one: An answer with contrasts.
        evidence: The mark.

    Returns:
        The figure; the same bytes for the same answer.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    held = headlines(one)
    with mpl.rc_context(RC):
        figure = Figure(figsize=(7.2, 1.5 + _ROW_INCHES * len(held)), layout="constrained")
        FigureCanvasAgg(figure)
        axis = figure.subplots()
        floor = WORTHWHILE[held[0].measure]
        axis.axvline(0, color="#222222", lw=0.9)
        axis.axvline(floor, color="#888888", lw=0.9, ls=":")
        axis.text(floor, -0.75, " worth having", fontsize=6.5, color="#666666", va="top")
        for at, found in enumerate(held):
            colour = COLOURS[0] if one.diagnosis.believed else _GREY
            _mark(axis, at - _APART, found.new, colour, "o", 2.4)
            _mark(axis, at + _APART, found.these, colour, "D", 1.0)
            axis.text(
                1.01,
                at,
                f"P(> 0) {found.p_positive:.2f}\nP(> {floor:g}) {found.p_worthwhile:.2f}",
                transform=axis.get_yaxis_transform(),
                fontsize=7,
                va="center",
            )
        axis.set_yticks(range(len(held)), [f"{one.arm}\n− {one.reference}" for one in held])
        axis.set_ylim(len(held) - 0.4, -0.8)
        doubt = "" if one.diagnosis.believed else "NOT BELIEVED   ·   "
        axis.set_xlabel(
            f"uplift in {MEASURES[held[0].measure]}; ● a new organism, ◆ these", fontsize=8
        )
        axis.set_title(f"{doubt}{evidence}   ·   medians, 90 % intervals", fontsize=8.5)
        axis.grid(axis="x", color="#e5e5e5", lw=0.6)
        axis.set_axisbelow(True)
        for side in ("top", "right", "left"):
            axis.spines[side].set_visible(False)
        axis.tick_params(axis="y", length=0)
        return drawn(figure)


def _mark(axis: object, at: float, one: Estimate, colour: str, marker: str, width: float) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axis, Axes)
    if math.isnan(one.value):
        return
    axis.plot([one.low, one.high], [at, at], color=colour, lw=width, solid_capstyle="butt")
    axis.plot([one.value], [at], marker, color=colour, ms=6)


def forest_words(held: Sequence[Contrast]) -> str:
    """Returns the figure in words, for readers who cannot see it."""
    return "; ".join(
        f"{one.arm} over {one.reference}: {one.new.value:.2f}, {one.new.low:.2f} to "
        f"{one.new.high:.2f}"
        for one in held
    )
