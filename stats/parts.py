"""What a page is made of, whatever it is written as: HTML, Markdown or JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from diffgauge.stats.drawing import Drawn
from diffgauge.stats.tables import Table

__all__ = ["Chapter", "Links", "Listing", "Page", "Part", "Picture", "Words"]


@dataclass(frozen=True)
class Picture:
    """A figure.

    Attributes:
        name: Of its files, without ending.
        draw: Draws it; called once, when it is first written.
        text: What it shows, in words, for readers who cannot see it.
        caption: How to read it.
        evidence: The mark.
        doubt: Why what it shows is not to be believed; empty where it may be.
    """

    name: str
    draw: Callable[[], Drawn]
    text: str
    caption: str
    evidence: str
    doubt: str = ""

    @cached_property
    def drawn(self) -> Drawn:
        """The figure."""
        return self.draw()


@dataclass(frozen=True)
class Words:
    """Sentences.

    Attributes:
        items: One after the other, each on a line of its own.
        lead: What stands above them; may be empty.
        quiet: Whether they are small print.
    """

    items: tuple[str, ...]
    lead: str = ""
    quiet: bool = False


@dataclass(frozen=True)
class Listing:
    """Text that stands as it was written: commands, what a tool showed.

    Attributes:
        title: What it is.
        text: The text.
        folded: Whether a click opens it.
    """

    title: str
    text: str
    folded: bool = True


@dataclass(frozen=True)
class Links:
    """Pages beside this one, as (what it is, relative address, what stands there)."""

    items: tuple[tuple[str, str, str], ...]


Part = Table | Picture | Words | Listing | Links


@dataclass(frozen=True)
class Chapter:
    """Parts under one heading; `name` is its anchor."""

    name: str
    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes:
        title: Its heading.
        subtitle: What it rests on.
        evidence: The mark of the whole.
        caution: What it does not speak of; may be empty.
        chapters: In order; the first answers.
        back: Relative address of the page it belongs to; empty for none.
    """

    title: str
    subtitle: str
    evidence: str
    caution: str
    chapters: tuple[Chapter, ...]
    back: str = ""

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every table, in order."""
        return tuple(part for part in self._parts() if isinstance(part, Table))

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Every figure, in order."""
        return tuple(part for part in self._parts() if isinstance(part, Picture))

    def _parts(self) -> Iterator[Part]:
        return (part for chapter in self.chapters for part in chapter.parts)
