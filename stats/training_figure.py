"""The figure of a training: what is left unexplained, latents kept, dead ones, the threshold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from diffgauge.stats.drawing import COLOURS, RC, Drawn, drawn

__all__ = ["training_drawn"]

_PANELS: Final = {
    "unexplained": "share of variance left",
    "k": "latents kept of a token",
    "dead": "share of latents dead",
    "threshold": "threshold of activations",
}


def training_drawn(rows: Sequence[Mapping[str, Any]]) -> Drawn:
    """Returns the curves of a training, a panel for each.

    Args:
        rows: ``step k unexplained dead threshold``, of single batches, in order of steps.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    steps = [row["step"] for row in rows]
    with mpl.rc_context(RC):
        figure = Figure(figsize=(6.6, 4.4), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(2, 2, sharex=True)
        for axis, (name, label) in zip(axes.flat, _PANELS.items(), strict=True):
            values = [row[name] for row in rows]
            if name == "threshold":
                # It is 0 as long as it is not learned.
                values = [value or math.nan for value in values]
            axis.plot(steps, values, color=COLOURS[0], lw=1.2, clip_on=False, zorder=3)
            axis.set_ylim(bottom=0)
            axis.set_title(label, fontsize=9)
            axis.grid(color="#e5e5e5", lw=0.6)
            axis.set_axisbelow(True)
            for side in ("top", "right"):
                axis.spines[side].set_visible(False)
        for axis in axes[-1]:
            axis.set_xlabel("training step")
        return drawn(figure)
