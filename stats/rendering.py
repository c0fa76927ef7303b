"""Tables shown: as HTML, in a terminal, as JSON. All text is made safe on the way."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from diffgauge.records.printing import neutralised
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.tables import Column, Table, Value, as_json, is_defined

if TYPE_CHECKING:
    from rich.table import Table as RichTable
    from rich.text import Text

__all__ = [
    "constants",
    "cut",
    "escaped",
    "shown",
    "table_html",
    "table_json",
    "terminal_table",
    "varying",
]

_NONE: Final = "–"
_FEW: Final = 10
_MOST_ROWS: Final = 200
_WORDY: Final = frozenset({"behaviour", "claim", "condition"})
_CONSTANTS: Final = frozenset({"investigator", "budget", "corpus", "sides"})
"""Columns that are said once above a table where they do not vary."""


def escaped(text: object) -> str:
    """Returns any text safe to stand in HTML: control characters shown, markup escaped."""
    return html.escape(neutralised(str(text)))


def _figure(value: float) -> str:
    if value != 0 and abs(value) >= _FEW:
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"
    return f"{value:.2f}"


def shown(value: Value) -> tuple[str, str]:
    """Returns a value as (figure, small print).

    Args:
        value: What stands in a table.

    Returns:
        For an estimate ``0.75 [0.40, 0.95]`` and lines such as ``n 8, 6 organisms``, the worst and
        best case over missing samples, and chance; for anything else its text and nothing.
    """
    if isinstance(value, Estimate):
        return _main(value), _small(value)
    if not is_defined(value):
        return _NONE, ""
    if isinstance(value, float):
        return f"{value:g}" if value == int(value) else f"{value:.2f}", ""
    return str(value), ""


def _main(one: Estimate) -> str:
    if math.isnan(one.value):
        return "undefined" if one.n else _NONE
    if math.isnan(one.low):
        return f"{_figure(one.value)} [undefined]"
    return f"{_figure(one.value)} [{_figure(one.low)}, {_figure(one.high)}]"


def _small(one: Estimate) -> str:
    """Returns the small print, one statement on each line."""
    plural = "" if one.n_organisms == 1 else "s"
    parts = [f"n {one.n}, {one.n_organisms} organism{plural}"]
    if one.n_missing:
        cases = ""
        if not math.isnan(one.worst):
            cases = f": {_figure(one.worst)} … {_figure(one.best)}"
        parts.append(f"{one.n_missing} missing{cases}")
    if one.chance is not None:
        parts.append(f"chance {_figure(one.chance)}")
    return "\n".join(parts)


def constants(table: Table) -> dict[str, str]:
    """Returns label → value of the naming columns that hold one value throughout."""
    found = {}
    for column in table.columns:
        values = {shown(row.get(column.key))[0] for row in table.rows}
        if column.key in _CONSTANTS and len(values) == 1 and table.name != "claims":
            found[column.label] = values.pop()
    return found


def varying(table: Table) -> list[Column]:
    """Returns the columns that are not said once above the table (`constants`)."""
    constant = constants(table)
    return [column for column in table.columns if column.label not in constant]


def cut(table: Table) -> tuple[Sequence[Mapping[str, Value]], str]:
    """Returns the rows that a page shows, and a sentence where that is not all of them."""
    n = len(table.rows)
    if n <= _MOST_ROWS:
        return table.rows, ""
    return (
        table.rows[:_MOST_ROWS],
        f"The first {_MOST_ROWS} of {n:,} rows; all of them stand in report.json.",
    )


def table_html(table: Table) -> str:
    """Returns a table with its title, its mark, how to read it, and what its columns mean.

    One that is not to be believed is greyed, and says why.
    """
    columns = varying(table)
    rows, left_out = cut(table)
    head = "".join(f'<th scope="col">{escaped(column.label)}</th>' for column in columns)
    body = "".join(
        "<tr>" + "".join(_cell_html(column, row.get(column.key)) for column in columns) + "</tr>"
        for row in rows
    )
    meanings = "".join(
        f"<dt>{escaped(column.label)}</dt><dd>{escaped(column.meaning)}</dd>" for column in columns
    )
    held = ", ".join(f"{name} {value}" for name, value in constants(table).items())
    small = " ".join(part for part in (held and f"In all rows: {held}.", left_out) if part)
    doubt = f'<p class="banner">Not to be believed: {escaped(table.doubt)}.</p>'
    return (
        f'<section id="{escaped(table.name)}"><h3>{escaped(table.title)}</h3>'
        f'<p>{escaped(table.text)} <span class="mark">{escaped(table.evidence)}</span></p>'
        + (doubt if table.doubt else "")
        + (f'<p class="small">{escaped(small)}</p>' if small else "")
        + f'<div class="wide{" doubted" if table.doubt else ""}" tabindex="0">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        f"<details><summary>What the columns mean</summary><dl>{meanings}</dl></details></section>"
    )


def _cell_html(column: Column, value: Value) -> str:
    main, small = shown(value)
    kind = "text" if column.key in _WORDY else "number" if small else ""
    lines = "<br>".join(escaped(line) for line in small.splitlines())
    more = f'<br><span class="small">{lines}</span>' if small else ""
    return f'<td class="{kind}">{escaped(main)}{more}</td>'


def terminal_table(table: Table) -> RichTable:
    """Returns a table for a terminal; text of models cannot give it commands or markup.

    A table with fewer rows than columns stands on its side, an arm in each column: terminals
    are narrow and arms are few.
    """
    from rich.table import Table as RichTable
    from rich.text import Text

    constant = [f"{name} {value}" for name, value in constants(table).items()]
    made = RichTable(
        title=Text(table.title),
        caption=Text(neutralised(", ".join([table.evidence, *constant]))),
        title_justify="left",
        caption_justify="left",
    )
    columns = varying(table)
    grid = [[Text(column.label) for column in columns]]
    grid += [[_terminal_cell(row.get(column.key)) for column in columns] for row in table.rows]
    if len(table.rows) < len(columns):
        grid = [list(line) for line in zip(*grid, strict=True)]
    for heading in grid[0]:
        made.add_column(heading, overflow="fold")
    for line in grid[1:]:
        made.add_row(*line)
    return made


def _terminal_cell(value: Value) -> Text:
    from rich.text import Text

    main, small = shown(value)
    made = Text(neutralised(main))
    if small:
        made.append(f"\n{small}", style="dim")
    return made


def table_json(table: Table) -> dict[str, Any]:
    """Returns a table as plain JSON with its mark; undefined values are null."""
    return {
        "title": table.title,
        "evidence": table.evidence,
        "text": table.text,
        "doubt": table.doubt or None,
        "columns": {column.key: column.meaning for column in table.columns},
        "rows": [{name: as_json(value) for name, value in row.items()} for row in table.rows],
    }
