"""Figures of answers by part: curves over budgets and doses, and uplift by family."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal

from diffgauge.stats.drawing import COLOURS, RC, Drawn, drawn
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["curve_words", "draw_curves", "draw_families"]

_PANEL_INCHES: Final = 4.2
_ROW_INCHES: Final = 0.34
_APART: Final = 0.07
_MARKERS: Final = "osD^vPX"

Curve = list[tuple[str, Estimate]]


def draw_curves(table: Table, over: str, label: str) -> Drawn:
    """Draws the level of each arm over budgets or doses, a panel for each comparison.

    Args:
        table: Of `part_tables`, with the columns ``arm``, ``level`` and maybe ``within``; its rows
            are in the order of `over`.
        over: The column along the figure.
        label: What ``level`` is.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = _panels(table, over)
    with mpl.rc_context(RC):
        width = 1.6 + _PANEL_INCHES * len(panels)
        figure = Figure(figsize=(width, 3.4), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axis, (within, curves) in zip(axes, panels.items(), strict=True):
            places = list(dict.fromkeys(at for curve in curves.values() for at, _ in curve))
            for nth, (arm, curve) in enumerate(curves.items()):
                shift = _APART * (nth - (len(curves) - 1) / 2)
                _curve(axis, [(places.index(at) + shift, one) for at, one in curve], nth, arm)
            axis.set_xticks(range(len(places)), places)
            axis.set_xlabel(f"{over}{f', {within}' if within else ''}", fontsize=8)
            _tidy(axis, "y")
        axes[0].set_ylabel(label, fontsize=8)
        axes[0].legend(fontsize=7, frameon=False)
        figure.suptitle(f"{table.evidence}   ·   with 90 % intervals", fontsize=8.5)
        return drawn(figure)


def _panels(table: Table, over: str) -> dict[str, dict[str, Curve]]:
    """Returns the curves of arms, by what they are within."""
    panels: dict[str, dict[str, Curve]] = {}
    for row in table.rows:
        level = row["level"]
        if isinstance(level, Estimate):
            arms = panels.setdefault(str(row.get("within", "")), {})
            arms.setdefault(str(row["arm"]), []).append((str(row[over]), level))
    return panels


def _curve(axis: Axes, held: Sequence[tuple[float, Estimate]], nth: int, arm: str) -> None:
    colour, known = COLOURS[nth % len(COLOURS)], [one for one in held if one[1].n]
    for at, one in known:
        axis.plot([at, at], [one.low, one.high], color=colour, lw=1.4)
    axis.plot(
        [at for at, _ in known],
        [one.value for _, one in known],
        f"{_MARKERS[nth % len(_MARKERS)]}-",
        color=colour,
        lw=1,
        ms=5,
        label=arm,
    )


def _tidy(axis: Axes, grid: Literal["x", "y"]) -> None:
    axis.grid(axis=grid, color="#e5e5e5", lw=0.6)
    axis.set_axisbelow(True)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def draw_families(table: Table) -> Drawn:
    """Draws each arm's uplift by family, a panel for each arm that has a reference.

    Args:
        table: Of `part_tables.family_uplift_table`, with a reference for some arm.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    arms: dict[str, dict[str, Estimate]] = {}
    for row in table.rows:
        if isinstance(gain := row.get("uplift"), Estimate):
            arms.setdefault(str(row["arm"]), {})[str(row["family"])] = gain
    names = list(dict.fromkeys(str(row["family"]) for row in table.rows))
    with mpl.rc_context(RC):
        size = (2.2 + 2.3 * len(arms), 1.5 + _ROW_INCHES * len(names))
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(1, len(arms), sharey=True, sharex=True, squeeze=False)[0]
        for axis, (arm, gains) in zip(axes, arms.items(), strict=True):
            axis.axvline(0, color="#222222", lw=0.9)
            for at, name in enumerate(names):
                _gain(axis, at, gains[name])
            axis.set_title(arm, fontsize=8)
            axis.set_yticks(range(len(names)), names, fontsize=8)
            axis.set_ylim(len(names) - 0.4, -0.6)
            _tidy(axis, "x")
        figure.suptitle(
            f"{table.evidence}   ·   uplift on these organisms, 90 % intervals; hollow: one "
            "organism",
            fontsize=8,
        )
        return drawn(figure)


def _gain(axis: Axes, at: int, one: Estimate) -> None:
    if math.isnan(one.value):
        return
    axis.plot([one.low, one.high], [at, at], color=COLOURS[0], lw=1.8, solid_capstyle="butt")
    inside = "white" if one.n_organisms == 1 else COLOURS[0]
    axis.plot([one.value], [at], "o", color=COLOURS[0], mfc=inside, ms=5)


def curve_words(table: Table, over: str, value: str = "level") -> str:
    """Returns a figure's points in words, for readers who cannot see it."""
    made: dict[str, list[str]] = {}
    for row in table.rows:
        one = row.get(value)
        if isinstance(one, Estimate) and one.n:
            made.setdefault(str(row["arm"]), []).append(f"{row[over]} {one.value:.2f}")
    return "; ".join(f"{arm}: {', '.join(held)}" for arm, held in made.items())
