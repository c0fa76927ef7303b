"""What figures share: colours, and the bytes they are kept as."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "RC", "Drawn", "as_png", "as_svg", "drawn"]

COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours, told apart with any common kind of colour vision."""

RC: Final = {"svg.hashsalt": "diffgauge", "svg.fonttype": "none", "font.size": 9}
"""Settings of matplotlib under which the same rows give the same bytes.

SVG keeps text as text: it can be searched, and drawn glyphs would double what a page weighs."""


def as_svg(figure: Figure) -> str:
    """Returns a figure as SVG text."""
    held = io.StringIO()
    # Without a date the same rows give the same bytes.
    metadata: dict[str, Any] = {"Date": None, "Creator": "diffgauge"}
    figure.savefig(held, format="svg", metadata=metadata)
    return held.getvalue()


def as_png(figure: Figure) -> bytes:
    """Returns a figure as PNG, 160 dots an inch."""
    held = io.BytesIO()
    figure.savefig(held, format="png", dpi=160)
    return held.getvalue()


@dataclass(frozen=True)
class Drawn:
    """One figure as the three files it is kept as; the same rows give the same bytes."""

    svg: str
    png: bytes
    pdf: bytes


def drawn(figure: Figure) -> Drawn:
    """Returns a figure as SVG, PNG and PDF."""
    held = io.BytesIO()
    metadata: dict[str, Any] = {"CreationDate": None, "Creator": "diffgauge"}
    figure.savefig(held, format="pdf", metadata=metadata)
    return Drawn(as_svg(figure), as_png(figure), held.getvalue())
