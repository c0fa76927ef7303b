"""The investigator knows what a model would: no module of it can reach anything else."""

import ast
import sys
from pathlib import Path

import pytest

import diffgauge.evals.scripted

pytestmark = pytest.mark.unit

MODULES = sorted(Path(diffgauge.evals.scripted.__file__).parent.glob("*.py"))
ALLOWED = ("diffgauge.evals.scripted", "diffgauge.records", "inspect_ai", "numpy", "pydantic")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_only_messages_records_and_arithmetic_are_imported(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            known = any(name == root or name.startswith(f"{root}.") for root in ALLOWED)
            assert known or name.split(".")[0] in sys.stdlib_module_names, name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_module_keeps_state(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        assert not isinstance(node, ast.Global | ast.Nonlocal)
    for statement in ast.parse(path.read_text()).body:
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            assert not isinstance(statement.value, ast.ListComp | ast.DictComp | ast.SetComp)
