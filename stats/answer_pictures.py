"""Which tables of answers are drawn beside, and how."""

from __future__ import annotations

from functools import partial
from typing import Final

from diffgauge.stats.cost_figure import cost_words, draw_costs
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.part_figures import curve_words, draw_curves, draw_families
from diffgauge.stats.parts import Part, Picture
from diffgauge.stats.tables import Table

__all__ = ["pictured"]

_OVER: Final = {"budgets": "budget", "budget": "budget", "doses": "dose"}


def pictured(table: Table) -> tuple[Part, ...]:
    """Returns a table of answers, with its figure before it where it has one."""
    made = _picture(table)
    return (table,) if made is None else (made, table)


def _picture(table: Table) -> Picture | None:
    kind = table.name.partition("_")[0]
    if kind == "families" and any(isinstance(row.get("uplift"), Estimate) for row in table.rows):
        draw, text = partial(draw_families, table), curve_words(table, "family", "uplift")
        caption = "Uplift over each arm's fairest reference, by family."
    elif kind == "costs":
        draw, text = partial(draw_costs, table), cost_words(table)
        caption = "What arms get against what a sample costs; no arm beats one on the line in both."
    elif kind in _OVER:
        over = _OVER[kind]
        label = next(column.label for column in table.columns if column.key == "level")
        draw, text = partial(draw_curves, table, over, label), curve_words(table, over)
        caption = f"{table.title}."
    else:
        return None
    return Picture(table.name, draw, text, caption, table.evidence, table.doubt)
