"""The report's one figure: what each arm found, beside what it falsely claimed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal

from diffgauge.records.rows import Row
from diffgauge.stats.cells import (
    Cell,
    cells,
    claimed,
    false_positive_rate,
    null_kinds,
    sensitivity,
    share,
    top1,
)
from diffgauge.stats.drawing import COLOURS, RC, Drawn, drawn
from diffgauge.stats.evidence import mark
from diffgauge.stats.intervals import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["description", "draw", "panels"]

_MARKERS: Final = "osD^vPX"
_PANEL_INCHES: Final = 2.35
_ARM_INCHES: Final = 0.55
_LABEL_CHARS: Final = 34
_CLAIMS: Final[tuple[Literal["p_differs", "p_planted"], ...]] = ("p_differs", "p_planted")


def panels(rows: Sequence[Row]) -> list[tuple[str, str, list[Estimate]]]:
    """Returns (title, what is best, one estimate for each cell) of every panel.

    Args:
        rows: All rows.

    Returns:
        Sensitivity, identification, then false positives for each kind of null that occurs; what
        is claimed where nothing was graded.
    """
    arms = cells(rows)
    if not any(row.graded for row in rows):
        return [
            (f"{name} ≥ ½", "not graded", [share(cell.samples, claimed(name)) for cell in arms])
            for name in _CLAIMS
        ]
    found = [
        ("sensitivity", "right is better", [sensitivity(cell) for cell in arms]),
        ("identified (top-1)", "right is better", [top1(cell) for cell in arms]),
    ]
    for kind in null_kinds(rows):
        rates = [false_positive_rate(cell.samples, kind) for cell in arms]
        found.append((f"false positives\n{kind}", "left is better", rates))
    return found


def draw(rows: Sequence[Row]) -> Drawn:
    """Draws the figure; the same bytes for the same rows."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(RC):
        arms, shown = cells(rows), panels(rows)
        width = 2.2 + _PANEL_INCHES * len(shown)
        figure = Figure(figsize=(width, 1.6 + _ARM_INCHES * len(arms)), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
        for axis, (title, best, estimates) in zip(axes, shown, strict=True):
            _panel(axis, title, best, estimates)
        names = _labels(arms)
        axes[0].set_yticks(range(len(arms)), names)
        axes[0].set_ylim(len(arms) - 0.4, -0.6)
        figure.suptitle(
            f"{mark(rows)}   ·   shares with 90 % intervals, n = samples / organisms", fontsize=8.5
        )
        return drawn(figure)


def _labels(arms: Sequence[Cell]) -> list[str]:
    """Names arms; what does not vary is left to the caption."""
    shared = len({(cell.investigator, cell.budget, cell.corpus) for cell in arms}) == 1
    several = len({cell.arm_id for cell in arms}) < len(arms)
    names = []
    for cell in arms:
        more = f"\n{cell.investigator}, {cell.budget}" if several and not shared else ""
        names.append(f"{cell.arm_id}{more}"[: 2 * _LABEL_CHARS])
    return names


def _panel(axis: Axes, title: str, best: str, estimates: Sequence[Estimate]) -> None:
    for at, one in enumerate(estimates):
        if math.isnan(one.value):
            axis.text(0.5, at, "no samples", ha="center", va="center", color="#666666")
            continue
        colour = COLOURS[at % len(COLOURS)]
        if not math.isnan(one.low):
            axis.plot([one.low, one.high], [at, at], color=colour, lw=2.2, solid_capstyle="butt")
        axis.plot(
            [one.value], [at], _MARKERS[at % len(_MARKERS)], color=colour, ms=7, clip_on=False
        )
        axis.text(
            1.0, at - 0.3, f"{one.n} / {one.n_organisms}", ha="right", fontsize=7, color="#444444"
        )
    chances = {round(one.chance, 6) for one in estimates if one.chance is not None}
    for chance in sorted(chances):
        axis.axvline(chance, color="#888888", lw=0.9, ls=":")
        axis.text(chance, len(estimates) - 0.5, " chance", fontsize=6.5, color="#666666")
    axis.set_xlim(-0.03, 1.03)
    axis.set_xticks([0, 0.5, 1], ["0", "½", "1"])
    axis.set_title(title, fontsize=9.5)
    axis.set_xlabel(best, fontsize=8, color="#444444")
    axis.grid(axis="x", color="#e5e5e5", lw=0.6)
    axis.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.tick_params(axis="y", length=0)


def description(rows: Sequence[Row]) -> str:
    """Returns the figure in words, for readers who cannot see it."""
    arms = cells(rows)
    parts = []
    for title, _, estimates in panels(rows):
        values = "; ".join(
            f"{cell.arm_id} {'no samples' if math.isnan(one.value) else f'{one.value:.2f}'}"
            for cell, one in zip(arms, estimates, strict=True)
        )
        parts.append(f"{' '.join(title.split())}: {values}")
    return ". ".join(parts) + "."
