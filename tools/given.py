"""Ordinary replies that are given before an investigation: sampled once, shown page by page."""

import json
from collections.abc import Sequence
from itertools import groupby, zip_longest
from typing import Final

from inspect_ai.tool import Tool
from pydantic import Field

from diffgauge.records.record import Record
from diffgauge.records.results import Provenance, Result, SampleItem, Samples
from diffgauge.records.subjects import Reply, Side
from diffgauge.tools.calling import NoParameters, result_tool
from diffgauge.tools.elicitation import rows
from diffgauge.tools.session import Session

__all__ = ["PREFIX", "GivenCache", "given_pages", "given_tools"]

PREFIX: Final = "replies"
"""Of the names of its tools."""

_PURPOSE: Final = "given"
_PAGE_CHARS: Final = 6000
"""JSON of one page at most, so that no page is shortened when it is shown (`present`)."""


class GivenCache:
    """Replies that were sampled before, by the seed of the run and what was asked.

    Other budgets and other methods of one organism and epoch ask the same again: a reply is a
    function of its row.

    Args:
        n_runs: Runs of which replies are kept; those not used for longest make room.
    """

    def __init__(self, n_runs: int) -> None:
        self._n_runs = n_runs
        self._held: dict[tuple[str, int], dict[tuple[str, str, int], Reply]] = {}

    def of_run(self, pair: str, seed: int) -> dict[tuple[str, str, int], Reply]:
        """Returns what is held of one run, to be read and added to.

        Args:
            pair: What tells the pair from others.
            seed: Of the run.

        Returns:
            Replies by prompt, side and the row's own seed.
        """
        found = self._held.pop((pair, seed), {})
        self._held[pair, seed] = found
        while len(self._held) > self._n_runs:
            del self._held[next(iter(self._held))]
        return found


async def given_pages(
    session: Session,
    prompts: Sequence[str],
    n_replies: int,
    held: dict[tuple[str, str, int], Reply],
) -> list[Samples]:
    """Samples ordinary replies of both models, and counts them as precomputed.

    Args:
        session: The run; its seed draws them, apart from all that is asked later.
        prompts: Open prompts, all different; the first ones are asked, and all of them again
            where they do not suffice.
        n_replies: Of both models together; one more where it is odd, so that both say as much.
        held: Replies that are there already (`GivenCache.of_run`); new ones are added.

    Returns:
        The replies in pages, those of both models to one prompt together; one page without
        any where none are wanted.

    Raises:
        DiffgaugeError: A prompt does not fit the models.
    """
    n_sides = len(session.sides)
    n_asked = -(-n_replies // n_sides)
    n_each, n_more = divmod(n_asked, len(prompts)) if prompts else (0, 0)
    asked = [
        *await rows(session, prompts[:n_more], n_each + 1, purpose=_PURPOSE),
        *(await rows(session, prompts[n_more:], n_each, purpose=_PURPOSE) if n_each else []),
    ]
    keys = [(prompt, row.side, row.prompt.seed) for prompt, row in asked]
    missing = [at for at, key in enumerate(keys) if key not in held]
    replies = await session.service.generate([asked[at][1] for at in missing])
    held |= {keys[at]: reply for at, reply in zip(missing, replies, strict=True)}
    session.usage.precompute_interactions = len(asked)
    said: dict[tuple[str, Side], list[SampleItem]] = {}
    for key, (prompt, row) in zip(keys, asked, strict=True):
        item = SampleItem(prompt=prompt, model=row.side, reply=held[key].text)
        said.setdefault((prompt, row.side), []).append(item)
    # Every prompt once, then every prompt again: the first page is not one prompt's alone.
    rounds = [item for once in zip_longest(*said.values()) for item in once if item is not None]
    return _pages(rounds)


def given_tools(session: Session, pages: Sequence[Samples]) -> list[Tool]:
    """Returns the tools that show given replies: the overview first, which is the first page.

    Args:
        session: The run.
        pages: As `given_pages` returns them.
    """

    class PageParameters(Record):
        """Parameters of `replies_page`."""

        page: int = Field(
            default=1, ge=1, le=len(pages), description=f"Which page, 1 to {len(pages)}."
        )

    async def overview(_: NoParameters) -> Sequence[Result]:
        return [pages[0]]

    async def page(parameters: PageParameters) -> Sequence[Result]:
        return [pages[parameters.page - 1]]

    return [
        result_tool(
            session,
            name=f"{PREFIX}_overview",
            description="The first of the replies that were sampled before you began. Free.",
            parameters=NoParameters,
            work=overview,
        ),
        result_tool(
            session,
            name=f"{PREFIX}_page",
            description="Replies that were sampled before you began, page by page. Free.",
            parameters=PageParameters,
            work=page,
        ),
    ]


def _pages(items: Sequence[SampleItem]) -> list[Samples]:
    """Packs the replies in order, those to one prompt together."""
    pages: list[list[SampleItem]] = [[]]
    n_chars = 0
    for _, group in groupby(items, key=lambda item: item.prompt):
        of_prompt = list(group)
        size = sum(len(json.dumps(item.model_dump(), ensure_ascii=False)) for item in of_prompt)
        if pages[-1] and n_chars + size > _PAGE_CHARS:
            pages.append([])
            n_chars = 0
        pages[-1] += of_prompt
        n_chars += size
    return [
        Samples(
            title=f"Replies to ordinary prompts, page {number} of {len(pages)}; "
            f"{len(items)} replies in all",
            provenance=Provenance(method="sampling"),
            items=tuple(page),
            note=None if items else "None were sampled.",
        )
        for number, page in enumerate(pages, start=1)
    ]
