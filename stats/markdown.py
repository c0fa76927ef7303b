"""Tables and pages as Markdown: pipe tables, linked figures, inert whatever their texts say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from diffgauge.records.printing import neutralised
from diffgauge.stats.parts import Links, Listing, Page, Part, Picture, Words
from diffgauge.stats.rendering import constants, cut, shown, varying
from diffgauge.stats.tables import Table, Value

__all__ = ["in_markdown", "page_in_markdown", "table_markdown"]

_MARKUP: Final = re.compile(r"[\\`*<>\[\]|~!&@#$]|(?<![^\W_])_|_(?![^\W_])|://|www\.")
_FENCE: Final = re.compile(r"`{3,}")


def in_markdown(text: str) -> str:
    """Returns any text on one line that Markdown shows as it stands.

    Nothing in it makes a link, a figure, a heading, a cell or HTML.
    """
    line = " ".join(neutralised(text).split())
    # An address is taken apart before its last character, so that no reader links it by itself.
    return _MARKUP.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", line)


def table_markdown(table: Table, level: int = 2) -> str:
    """Returns a table as Markdown with its title, its mark and what its columns mean.

    Args:
        table: The table.
        level: Of its heading.
    """
    columns = varying(table)
    rows, left_out = cut(table)
    held = ", ".join(f"{name} {value}" for name, value in constants(table).items())
    doubt = f"**Not to be believed: {in_markdown(table.doubt)}.**" if table.doubt else ""
    lines = [
        f"{'#' * level} {in_markdown(table.title)}",
        "",
        f"{in_markdown(table.text)} `{neutralised(table.evidence)}`",
        *(["", doubt] if doubt else []),
        *(["", f"In all rows: {in_markdown(held)}."] if held else []),
        *(["", left_out] if left_out else []),
        "",
        f"| {' | '.join(in_markdown(column.label) for column in columns)} |",
        f"|{'---|' * len(columns)}",
    ]
    for row in rows:
        lines.append(f"| {' | '.join(_cell(row.get(column.key)) for column in columns)} |")
    meanings = [
        f"*{in_markdown(column.label)}*: {in_markdown(column.meaning)}" for column in columns
    ]
    return "\n".join([*lines, "", " ".join(meanings)])


def _cell(value: Value) -> str:
    main, small = shown(value)
    if not isinstance(value, str):
        return "<br>".join([main, *small.splitlines()])
    return "<br>".join(in_markdown(line) for line in main.splitlines())


def page_in_markdown(page: Page) -> str:
    """Returns a page as Markdown; its figures are linked as PNG beside it."""
    parts = [
        f"# {in_markdown(page.title)}",
        f"{in_markdown(page.subtitle)} `{neutralised(page.evidence)}`",
        *([f"> {in_markdown(page.caution)}"] if page.caution else []),
        "\n".join(f"- [{in_markdown(one.title)}](#{one.name})" for one in page.chapters),
    ]
    for chapter in page.chapters:
        parts.append(f'<a id="{chapter.name}"></a>\n\n## {in_markdown(chapter.title)}')
        parts += [text for part in chapter.parts for text in _part(part)]
    return "\n\n".join(parts) + "\n"


def _part(part: Part) -> Iterator[str]:
    if isinstance(part, Table):
        yield table_markdown(part, level=3)
    elif isinstance(part, Picture):
        if part.doubt:
            yield f"**Not to be believed: {in_markdown(part.doubt)}.**"
        yield f"![{in_markdown(part.text)}]({part.name}.png)"
        yield f"*{in_markdown(f'{part.evidence}. {part.caption}')}*"
    elif isinstance(part, Words):
        if part.lead:
            yield in_markdown(part.lead)
        if part.items:
            yield "\n".join(f"- {in_markdown(one)}" for one in part.items)
    elif isinstance(part, Listing):
        yield in_markdown(part.title)
        yield _fenced(part.text)
    else:
        assert isinstance(part, Links)
        yield "\n".join(
            f"- [{in_markdown(name)}]({address}) {in_markdown(more)}"
            for name, address, more in part.items
        )


def _fenced(text: str) -> str:
    """Returns text in a fence that is longer than any within it."""
    longest = max((len(run) for run in _FENCE.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}\n{neutralised(text)}\n{fence}"
