"""The figure of several methods' exposure: a panel for each measure, by part and by dose."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from diffgauge.records.exposures import ExposureRow, Measure
from diffgauge.stats.drawing import COLOURS, RC, as_png, as_svg
from diffgauge.stats.exposure_comparison import COMPARED, method_names, of_method
from diffgauge.stats.exposure_parts import doses, estimate, ladder, parts
from diffgauge.stats.exposure_tables import exposure_mark

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["comparison_described", "comparison_drawn"]

_MARKERS: Final = ("o", "s", "D", "^", "v", "P", "X", "<", ">", "*")
_WIDTH: Final = 5.2
_LINE: Final = 0.11
"""Height of one method's line within a part, in inches."""

_DOSE_HEIGHT: Final = 2.6
_SPREAD: Final = 0.8
"""Share of a part's height that its methods' lines fill."""


def comparison_drawn(rows: Sequence[ExposureRow]) -> tuple[str, bytes]:
    """Draws the figure; the same rows give the same bytes.

    Args:
        rows: Of several methods on the same organisms.

    Returns:
        SVG text and PNG. Above a panel for each measure with every family and kind of null, below
        it, where truths come in several doses, one over doses.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names, methods, steps = [name for name, _ in parts(rows)], method_names(rows), ladder(rows)
    above = 0.8 + len(names) * (0.16 + _LINE * len(methods))
    ratios = [above, _DOSE_HEIGHT] if steps else [above]
    with mpl.rc_context(RC):
        figure = Figure(
            figsize=(1.6 + _WIDTH * len(COMPARED), 1.0 + sum(ratios)), layout="constrained"
        )
        FigureCanvasAgg(figure)
        axes = figure.subplots(len(ratios), len(COMPARED), squeeze=False, height_ratios=ratios)
        for axis, (measure, label) in zip(axes[0], COMPARED, strict=True):
            _parts_panel(axis, rows, names, measure)
            axis.set_title(f"{label}, net", fontsize=10)
        if steps:
            for axis, (measure, label) in zip(axes[1], COMPARED, strict=True):
                _doses_panel(axis, steps, measure)
                axis.set_ylabel(f"{label}, net")
        handles = [
            axes[0][0].plot([], [], _marker(at), color=_colour(at))[0] for at in range(len(methods))
        ]
        figure.legend(
            handles, methods, loc="outside lower center", ncols=min(6, len(methods)), frameon=False
        )
        figure.suptitle(
            f"{exposure_mark(rows)}   ·   means with 90 % intervals over truths", fontsize=9
        )
        return as_svg(figure), as_png(figure)


def _colour(at: int) -> str:
    return COLOURS[at % len(COLOURS)]


def _marker(at: int) -> str:
    return _MARKERS[at % len(_MARKERS)]


def _offset(at: int, n: int) -> float:
    return 0.0 if n == 1 else _SPREAD * (at / (n - 1) - 0.5)


def _parts_panel(
    axis: Axes, rows: Sequence[ExposureRow], names: Sequence[str], measure: Measure
) -> None:
    methods = method_names(rows)
    for at, method in enumerate(methods):
        held = dict(parts(of_method(rows, method)))
        for place, name in enumerate(names):
            one = estimate(held.get(name, []), measure, "reachable")
            if math.isnan(one.value):
                continue
            here = place + _offset(at, len(methods))
            if not math.isnan(one.low):
                axis.plot([one.low, one.high], [here, here], color=_colour(at), lw=1.4)
            axis.plot([one.value], [here], _marker(at), color=_colour(at), ms=4)
    for edge in range(len(names) - 1):
        axis.axhline(edge + 0.5, color="#eeeeee", lw=0.8)
    axis.axvline(0, color="#888888", lw=0.9, ls=":")
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.grid(axis="x", color="#e5e5e5", lw=0.6)
    _plain(axis)


def _doses_panel(axis: Axes, steps: Sequence[ExposureRow], measure: Measure) -> None:
    labels, methods = doses(steps), method_names(steps)
    for at, method in enumerate(methods):
        of = of_method(steps, method)
        ones = [
            estimate([row for row in of if row.dose == dose], measure, "reachable")
            for dose in labels
        ]
        held = [(place, one) for place, one in enumerate(ones) if not math.isnan(one.value)]
        shift = _offset(at, len(methods)) / 2
        axis.plot(
            [place + shift for place, _ in held],
            [one.value for _, one in held],
            f"-{_marker(at)}",
            color=_colour(at),
            lw=1.0,
            ms=4.5,
        )
        for place, one in held:
            if not math.isnan(one.low):
                here = [place + shift, place + shift]
                axis.plot(here, [one.low, one.high], color=_colour(at), lw=1.2, alpha=0.6)
    axis.set_xticks(range(len(labels)), labels)
    axis.set_xlim(-0.5, len(labels) - 0.5)
    axis.axhline(0, color="#888888", lw=0.9, ls=":")
    axis.grid(axis="y", color="#e5e5e5", lw=0.6)
    _plain(axis)


def _plain(axis: Axes) -> None:
    axis.set_axisbelow(True)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    axis.tick_params(length=2)


def comparison_described(rows: Sequence[ExposureRow]) -> str:
    """Returns the figure in words, for readers who cannot see it."""
    sentences = []
    for measure, label in COMPARED:
        for method in method_names(rows):
            values = "; ".join(
                f"{name} {'undefined' if math.isnan(one.value) else f'{one.value:+.2f}'}"
                for name, part in parts(of_method(rows, method))
                for one in [estimate(part, measure, "reachable")]
            )
            sentences.append(f"{label}, net, {method}: {values}.")
    return " ".join(sentences)
