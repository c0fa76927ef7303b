"""The figure of the tool-to-agent gap: a funnel for each arm."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from diffgauge.records.gaps import STAGES
from diffgauge.records.rows import Row
from diffgauge.stats.cells import Cell, cells
from diffgauge.stats.drawing import COLOURS, RC, Drawn, drawn
from diffgauge.stats.evidence import mark
from diffgauge.stats.findings import Key, key_of
from diffgauge.stats.gap import Travelled, travelled
from diffgauge.stats.gap_table import others_reach, reach
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.logs import Logs
from diffgauge.stats.parts import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["gap_figure"]

_ACROSS: Final = 3
_WIDTH: Final = 3.3
_HEIGHT: Final = 2.5
_BAR: Final = 0.62
_TITLE_CHARS: Final = 44
_OTHERS: Final = "other cards' facts on the same transcripts"
_CAPTION: Final = (
    "How far the card's key facts got in each arm: shown by a tool, written of, in a finding, "
    "graded as found. Diamonds: what facts of other cards reach in the same transcripts by the "
    "same rules."
)


def gap_figure(rows: Sequence[Row], read: Logs) -> Picture | None:
    """Returns the figure: for each arm, the share of key facts that reached each stage.

    Args:
        rows: Graded rows.
        read: The logs they come from.

    Returns:
        None where the scorer `gap` scored nothing.
    """
    held = travelled(read)
    arms = [cell for cell in cells(rows) if any(key_of(row) in held for row in cell.planted)]
    if not arms:
        return None
    evidence = mark(rows)
    draw = partial(_draw, arms, held, evidence)
    return Picture("gap", draw, _described(arms, held), _CAPTION, evidence)


def _draw(arms: Sequence[Cell], held: Mapping[Key, Travelled], evidence: str) -> Drawn:
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    across = min(_ACROSS, len(arms))
    down = -(-len(arms) // across)
    with mpl.rc_context(RC):
        size = (0.9 + _WIDTH * across, 1.2 + _HEIGHT * down)
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(down, across, sharey=True, squeeze=False)
        for at, axis in enumerate(axes.flat):
            if at < len(arms):
                _panel(axis, arms[at], _title(arms[at], arms), held)
            else:
                axis.set_axis_off()
        for line in axes:
            line[0].set_ylabel("share of key facts")
        (other,) = axes[0][0].plot([], [], "D", color="#000000", mfc="white", ms=5)
        figure.legend([other], [_OTHERS], loc="outside lower center", frameon=False, fontsize=8)
        figure.suptitle(
            f"{evidence}   ·   means with 90 % intervals over organisms,\n"
            "n = samples / organisms; counted by words",
            fontsize=8.5,
        )
        return drawn(figure)


def _title(cell: Cell, arms: Sequence[Cell]) -> str:
    """Names an arm; what does not vary among them is left to the report."""
    alike = [other for other in arms if other.arm_id == cell.arm_id]
    if len(alike) == 1:
        return cell.arm_id
    return f"{cell.arm_id}\n{cell.investigator}, {cell.budget}, {cell.corpus}"[: 2 * _TITLE_CHARS]


def _panel(axis: Axes, cell: Cell, title: str, held: Mapping[Key, Travelled]) -> None:
    ones = [reach(cell.planted, stage) for stage in STAGES]
    others = [others_reach(cell.planted, held, stage) for stage in STAGES]
    for at, (one, other) in enumerate(zip(ones, others, strict=True)):
        _bar(axis, at, one)
        if not math.isnan(other.value):
            axis.plot([at], [other.value], "D", color="#000000", mfc="white", ms=5, clip_on=False)
    axis.set_xticks(range(len(STAGES)), STAGES, fontsize=8)
    axis.set_xlim(-0.6, len(STAGES) - 0.4)
    axis.set_ylim(0, 1.06)
    axis.set_yticks([0, 0.5, 1], ["0", "½", "1"])
    axis.set_title(f"{title}   ({ones[0].n} / {ones[0].n_organisms})", fontsize=9)
    axis.grid(axis="y", color="#e5e5e5", lw=0.6)
    axis.set_axisbelow(True)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    axis.tick_params(axis="x", length=0)


def _bar(axis: Axes, at: int, one: Estimate) -> None:
    if math.isnan(one.value):
        axis.text(at, 0.03, "none", ha="center", fontsize=7, color="#666666")
        return
    axis.bar([at], [one.value], width=_BAR, color=COLOURS[0], alpha=1 - 0.18 * at)
    if not math.isnan(one.low):
        axis.plot([at, at], [one.low, one.high], color="#222222", lw=1.4, solid_capstyle="butt")
    high = one.value if math.isnan(one.high) else max(one.value, one.high)
    axis.annotate(
        f"{one.value:.2f}",
        (at, min(high, 1.0)),
        xytext=(0, 2),
        textcoords="offset points",
        ha="center",
        fontsize=7,
        color="#222222",
    )


def _described(arms: Sequence[Cell], held: Mapping[Key, Travelled]) -> str:
    """Returns the figure in words, for readers who cannot see it."""
    parts = []
    for cell in arms:
        ones = ((stage, reach(cell.planted, stage)) for stage in STAGES)
        said = ", ".join(
            f"{stage} {'undefined' if math.isnan(one.value) else f'{one.value:.2f}'}"
            for stage, one in ones
        )
        other = others_reach(cell.planted, held, "exposed")
        beside = "" if math.isnan(other.value) else f", other cards exposed {other.value:.2f}"
        parts.append(f"{cell.arm_id}: {said}{beside}")
    return f"Share of key facts. {'; '.join(parts)}."
