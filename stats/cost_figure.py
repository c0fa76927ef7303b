"""What arms get against what they cost, with the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from diffgauge.stats.drawing import COLOURS, RC, Drawn, drawn
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.tables import Table, Value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["cost_words", "draw_costs"]

_PANEL: Final = (2.9, 2.5)
_MARKERS: Final = "osD^vPX"
_GAINS: Final = (("success", "front"), ("apart", "apart_front"))

Row = dict[str, Value]


def draw_costs(table: Table) -> Drawn:
    """Draws a panel for each kind of cost and each gain; the front is joined by steps.

    Args:
        table: Of `answer_costs.cost_answer_table`.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    costs = list(dict.fromkeys(str(row["cost"]) for row in table.rows))
    keys = {column.key: column.label for column in table.columns}
    gains = [(gain, front) for gain, front in _GAINS if gain in keys]
    with mpl.rc_context(RC):
        size = (1.8 + _PANEL[0] * len(costs), 0.8 + _PANEL[1] * len(gains))
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(len(gains), len(costs), sharey="row", squeeze=False)
        for across, cost in enumerate(costs):
            rows = [row for row in table.rows if row["cost"] == cost]
            for down, (gain, front) in enumerate(gains):
                _panel(axes[down][across], rows, gain, front)
            axes[-1][across].set_xlabel(f"{cost} of a sample", fontsize=8)
        for down, (gain, _) in enumerate(gains):
            axes[down][0].set_ylabel(keys[gain], fontsize=8)
        handles = dict(
            reversed(pair)
            for axis in axes.flat
            for pair in zip(*axis.get_legend_handles_labels(), strict=True)
        )
        figure.legend(
            handles.values(), handles.keys(), loc="outside right upper", fontsize=7, frameon=False
        )
        figure.suptitle(
            f"{table.evidence}   ·   medians, 90 % intervals; line: the front", fontsize=8.5
        )
        return drawn(figure)


def _panel(axis: Axes, rows: Sequence[Row], gain: str, front: str) -> None:
    kept: list[tuple[float, float]] = []
    for at, row in enumerate(rows):
        one, cost = row[gain], float(str(row["mean"]))
        if not isinstance(one, Estimate) or math.isnan(cost):
            continue
        colour = COLOURS[at % len(COLOURS)]
        axis.plot([cost, cost], [one.low, one.high], color=colour, lw=1.2)
        marker = _MARKERS[at % len(_MARKERS)]
        axis.plot([cost], [one.value], marker, color=colour, ms=5, ls="", label=str(row["arm"]))
        if row[front] == "yes":
            kept.append((cost, one.value))
    kept.sort()
    axis.step(
        [cost for cost, _ in kept],
        [value for _, value in kept],
        where="post",
        color="#888888",
        lw=1,
        zorder=0,
    )
    axis.set_xlim(left=0)
    axis.locator_params(axis="x", nbins=4)
    axis.grid(color="#e5e5e5", lw=0.6)
    axis.set_axisbelow(True)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def cost_words(table: Table) -> str:
    """Returns the figure in words, for readers who cannot see it."""
    parts = []
    for cost in dict.fromkeys(str(row["cost"]) for row in table.rows):
        rows = [row for row in table.rows if row["cost"] == cost and row["front"] == "yes"]
        parts.append(f"{cost}: on the front {', '.join(str(row['arm']) for row in rows) or 'none'}")
    return "; ".join(parts)
