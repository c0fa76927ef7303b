"""Tools are told apart by their schemas, never by their names."""

import pytest
from inspect_ai.tool import ToolInfo, ToolParam, ToolParams

from diffgauge.evals.scripted.toolbox import bare_and_varied, read_toolbox, stated_cost
from tests.evals.scripted.stage import ask_tool, method_tool, submit_tool

pytestmark = pytest.mark.unit


def test_the_asking_and_the_submitting_tool_are_known_by_their_parameters() -> None:
    box = read_toolbox([submit_tool(), ask_tool("talk_to_them"), method_tool("wobble")])
    assert box.ask is not None and box.ask.name == "talk_to_them"
    assert box.submit is not None and box.submit.name == "submit_report"
    assert [tool.name for tool in box.free] == ["wobble"] and not box.paid


@pytest.mark.parametrize(
    ("description", "paid"),
    [
        ("Reads what is stored. Free.", False),
        ("Reads what is stored.", False),
        ("Costs nothing: it is free.", False),
        ("Costs 8 model interactions.", True),
        ("Samples replies; costs one interaction for each.", True),
    ],
)
def test_a_cost_is_read_from_the_description(description: str, paid: bool) -> None:
    box = read_toolbox([method_tool("x", description)])
    assert [tool.name for tool in (box.paid if paid else box.free)] == ["x"]


def test_a_stated_cost_is_a_number_or_unknown() -> None:
    assert stated_cost(method_tool("x", "Costs 8 model interactions.")) == 8
    assert stated_cost(method_tool("x", "Costs one interaction for each reply.")) is None


def test_a_tool_that_requires_what_nobody_can_guess_is_left_alone() -> None:
    texts = ToolParam(type="array", items=ToolParam(type="string"))
    tool = ToolInfo(
        name="x",
        description="Free.",
        parameters=ToolParams(properties={"texts": texts}, required=["texts"]),
    )
    box = read_toolbox([tool])
    assert not box.free and not box.paid and box.ask is None


def test_listed_choices_are_gone_through() -> None:
    choice = ToolParam(type="string", enum=["one", "two", "three"], default="one")
    tool = ToolInfo(
        name="x",
        description="Free.",
        parameters=ToolParams(
            properties={
                "of": choice,
                "toward": ToolParam(type="string", enum=["model A", "model B"]),
                "k": ToolParam(type="integer"),
            }
        ),
    )
    assert list(bare_and_varied(tool, ("model A", "model B"))) == [
        {},
        {"of": "two"},
        {"of": "three"},
    ]
