"""Replies given before: whole, paged, free, and apart from everything asked later."""

import asyncio
import math

import pytest
from inspect_ai.tool import ToolDef, ToolInfo

from diffgauge.evals.scripted.evidence import Seen
from diffgauge.evals.scripted.replies import plain_replies
from diffgauge.evals.scripted.toolbox import bare_and_varied, read_toolbox
from diffgauge.records.printing import neutralised
from diffgauge.records.results import SampleItem, Samples
from diffgauge.tools.given import GivenCache, given_pages, given_tools
from diffgauge.tools.session import Session
from tests.tools.conftest import NewSession, answered, refused

pytestmark = pytest.mark.tiny

PROMPTS = [f"tell me of the sea {at}" for at in range(20)]


def given(session: Session, n: int, prompts: list[str] = PROMPTS) -> list[Samples]:
    return asyncio.run(given_pages(session, prompts, n, {}))


def every(pages: list[Samples]) -> list[SampleItem]:
    return [item for page in pages for item in page.items]


@pytest.mark.parametrize("n", [0, 1, 2, 7, 40, 41, 100])
def test_as_many_as_asked_and_of_both_models_alike(n: int, new_session: NewSession) -> None:
    session = new_session()
    pages = given(session, n)
    items = every(pages)
    assert len(items) == 2 * math.ceil(n / 2) == session.usage.precompute_interactions
    models = [item.model for item in items]
    assert models.count("base") == models.count("finetuned")
    by_prompt = {p: sum(i.prompt == p for i in items) for p in PROMPTS}
    assert max(by_prompt.values()) - min(by_prompt.values()) in (0, 2), "prompts are used evenly"
    assert session.budget.spent == 0
    assert all(item.condition is None for item in items)


def test_repeats_of_a_prompt_are_fresh_draws(new_session: NewSession) -> None:
    items = every(given(new_session(), 12, PROMPTS[:1]))
    assert len({item.reply for item in items}) > 6


def test_they_are_a_function_of_the_run(new_session: NewSession) -> None:
    assert given(new_session(), 20) == given(new_session("other names"), 20)
    assert given(new_session(seed=1), 20) != given(new_session(), 20)
    # A method that was built from more replies is given the same ones first.
    assert every(given(new_session(), 40))[:20] == every(given(new_session(), 20))


def test_what_is_asked_later_is_not_drawn_from_them(new_session: NewSession) -> None:
    from diffgauge.tools.ask import ask_models

    told, plain = new_session(), new_session()
    given(told, 20)
    asked = {"prompts": PROMPTS[:3], "n": 2}
    same = [answered(ask_models(one), "ask_models", **asked).results for one in (told, plain)]
    assert same[0] == same[1]


def test_pages_show_everything_once_and_uncut(new_session: NewSession) -> None:
    session = new_session(max_new_tokens=32)
    pages = given(session, 400)
    assert len(pages) > 2
    tools = given_tools(session, pages)
    shown: list[SampleItem] = []
    for number in range(1, len(pages) + 1):
        result = answered(tools, "replies_page", page=number)
        assert result.cut is None
        [samples] = result.results
        assert isinstance(samples, Samples) and not samples.truncated and samples.cost == 0
        shown += samples.items
    sides = [(i.prompt, session.aliases.side(i.model), i.reply) for i in shown]
    assert sorted(sides) == sorted((i.prompt, i.model, neutralised(i.reply)) for i in every(pages))
    assert answered(tools, "replies_overview").results == answered(tools, "replies_page").results
    assert session.budget.spent == 0


def test_a_page_that_is_not_there_is_refused(new_session: NewSession) -> None:
    session = new_session()
    tools = given_tools(session, given(session, 4))
    assert "maximum of 1" in refused(tools, "replies_page", page=2)
    assert "minimum of 1" in refused(tools, "replies_page", page=0)


def test_none_is_one_page_that_says_so(new_session: NewSession) -> None:
    session = new_session()
    [samples] = answered(given_tools(session, given(session, 0)), "replies_overview").results
    assert isinstance(samples, Samples)
    assert samples.items == () and samples.note == "None were sampled."


def test_replies_that_are_there_are_not_sampled_again(new_session: NewSession) -> None:
    cache = GivenCache(2)
    first, again = new_session(), new_session()
    pages = asyncio.run(given_pages(first, PROMPTS, 20, cache.of_run("pair", 0)))
    again.service = None  # type: ignore[assignment]
    with pytest.raises(AttributeError):
        asyncio.run(given_pages(again, PROMPTS, 20, {}))

    class Nothing:
        async def generate(self, asked: list[object]) -> list[object]:
            assert asked == []
            return []

    again.service = Nothing()  # type: ignore[assignment]
    held = cache.of_run("pair", 0)
    assert asyncio.run(given_pages(again, PROMPTS, 20, held)) == pages
    cache.of_run("pair", 1), cache.of_run("pair", 2)
    assert not cache.of_run("pair", 0), "the run not used for longest made room"


def test_the_scripted_investigator_reads_every_page_and_counts_each_reply_once(
    new_session: NewSession,
) -> None:
    session = new_session(max_new_tokens=32)
    pages = given(session, 400)
    tools = given_tools(session, pages)
    told = [
        ToolInfo(name=one.name, description=one.description, parameters=one.parameters)
        for one in map(ToolDef, tools)
    ]
    free = read_toolbox(told).free
    assert [tool.name for tool in free] == ["replies_overview", "replies_page"]
    [calls] = [list(bare_and_varied(tool, ())) for tool in free[1:]]
    assert calls == [{}, *({"page": at} for at in range(2, len(pages) + 1))]
    seen = [
        Seen(result, name, 1)
        for name, arguments in [("replies_overview", {}), *(("replies_page", c) for c in calls)]
        for result in answered(tools, name, **arguments).results
    ]
    assert len(plain_replies(seen)) == 400
