"""A page as HTML: self-contained, readable wide and narrow, inert whatever its texts say."""

from __future__ import annotations

import base64
from pathlib import Path
from string import Template
from typing import Final

from diffgauge.stats.parts import Chapter, Links, Listing, Page, Part, Picture, Words
from diffgauge.stats.rendering import escaped, table_html
from diffgauge.stats.tables import Table

__all__ = ["page_html"]

_TEMPLATE: Final = Path(__file__).parent / "templates" / "report.html"


def page_html(page: Page) -> str:
    """Returns a page as HTML without scripts or addresses outside its folder."""
    caution = f'<p class="banner">{escaped(page.caution)}</p>' if page.caution else ""
    back = f'<p class="small"><a href="{escaped(page.back)}">← the whole report</a></p>'
    first, *others = map(_chapter, page.chapters)
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escaped(page.title),
        back=back if page.back else "",
        subtitle=escaped(page.subtitle),
        evidence=escaped(page.evidence),
        caution=caution,
        first=first,
        contents="".join(_entry(chapter) for chapter in page.chapters),
        others="\n".join(others),
    )


def _entry(chapter: Chapter) -> str:
    return f'<li><a href="#{escaped(chapter.name)}">{escaped(chapter.title)}</a></li>'


def _chapter(chapter: Chapter) -> str:
    parts = "".join(map(_part, chapter.parts))
    return (
        f'<section class="chapter" id="{escaped(chapter.name)}"><h2>{escaped(chapter.title)}</h2>'
        f"{parts}</section>"
    )


def _part(part: Part) -> str:
    if isinstance(part, Table):
        return table_html(part)
    if isinstance(part, Picture):
        return _picture(part)
    if isinstance(part, Words):
        return _words(part)
    if isinstance(part, Listing):
        return _listing(part)
    return _links(part)


def _picture(part: Picture) -> str:
    svg = base64.b64encode(part.drawn.svg.encode()).decode()
    doubt = f'<p class="banner">Not to be believed: {escaped(part.doubt)}.</p>'
    return (
        (doubt if part.doubt else "")
        + f'<figure class="{"doubted" if part.doubt else ""}"><div class="wide" tabindex="0">'
        f'<img alt="{escaped(part.text)}" src="data:image/svg+xml;base64,{svg}"></div>'
        f"<figcaption>{escaped(part.evidence)}. {escaped(part.caption)}</figcaption></figure>"
    )


def _words(part: Words) -> str:
    lead = f"<p>{escaped(part.lead)}</p>" if part.lead else ""
    listed = "".join(f"<li>{escaped(one)}</li>" for one in part.items)
    small = ' class="small"' if part.quiet else ""
    return f"<div{small}>{lead}{f'<ul>{listed}</ul>' if listed else ''}</div>"


def _listing(part: Listing) -> str:
    text = f"<pre>{escaped(part.text)}</pre>"
    if not part.folded:
        return f"<p>{escaped(part.title)}</p>{text}"
    return f"<details><summary>{escaped(part.title)}</summary>{text}</details>"


def _links(part: Links) -> str:
    listed = "".join(
        f'<li><a href="{escaped(address)}">{escaped(name)}</a> {escaped(more)}</li>'
        for name, address, more in part.items
    )
    return f"<ul>{listed}</ul>"
