"""The page on methods of one's own names every law as it is, and everything a method may say."""

import inspect
import re
from pathlib import Path

import pytest

from diffgauge.evals.laws.suite import MethodLaws
from diffgauge.methods.method import Method
from diffgauge.methods.trial import Trial

pytestmark = pytest.mark.unit

PAGE = (Path(__file__).parents[3] / "docs" / "add_a_method.md").read_text(encoding="utf-8")


def rows() -> list[str]:
    """The table of laws as their names and docstrings have it."""
    laws = [
        (name.removeprefix("test_").replace("_", " "), inspect.getdoc(law) or "")
        for laws in MethodLaws.__mro__[1:-1]
        for name, law in vars(laws).items()
        if name.startswith("test_")
    ]
    return [f"| {name} | {said.splitlines()[0]} |" for name, said in laws]


def test_the_table_of_laws_is_that_of_the_laws() -> None:
    table = PAGE.partition("| law | what it says |\n|---|---|\n")[2].partition("\n\n")[0]
    assert table.splitlines() == rows()


def test_every_part_of_a_method_is_explained() -> None:
    parts = {name for name in vars(Method) if not name.startswith("_")} - {"inputs"}
    parts |= set(Method.__annotations__)
    explained = set(re.findall(r"`(\w+)`", PAGE.partition("## The class")[2]))
    assert parts <= explained, parts - explained
    assert set(Trial.model_fields) <= explained
