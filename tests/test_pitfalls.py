"""The page of pitfalls names a test for each, and every test it names exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "pitfalls.md"
REQUIRED = {1, 11, 13, 14, *range(3, 10), *range(16, 19), *range(22, 31)}
ROW = re.compile(r"^\| *(\d+) *\| *(\S[^|]*?) *\| *(\S[^|]*?) *\|$", re.MULTILINE)
NAMED = re.compile(r"`([^`]+)`")

ROWS = [(int(number), NAMED.findall(tests)) for number, _, tests in ROW.findall(PAGE.read_text())]


@cache
def named_in(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    }


def test_every_pitfall_that_is_due_has_its_row() -> None:
    numbers = [number for number, _ in ROWS]
    assert sorted(numbers) == sorted(set(numbers))
    assert set(numbers) >= REQUIRED


@pytest.mark.parametrize(("number", "named"), ROWS, ids=[str(number) for number, _ in ROWS])
def test_every_test_named_exists(number: int, named: list[str]) -> None:
    assert named
    for test in named:
        path, separator, name = test.partition("::")
        assert separator and (ROOT / path).is_file(), test
        assert name in named_in(ROOT / path), test
