"""Laws of the source itself: what no module may hold, import at its top, or grow to."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[1]
FOLDERS = (
    "benchmarks",
    "cli",
    "evals",
    "graders",
    "methods",
    "models",
    "organisms",
    "records",
    "stats",
    "tools",
)
HEAVY = {"torch", "transformers", "peft", "nnsight", "jax", "numpyro"}
HEAVY_ALLOWED = (
    "models/",
    "methods/",
    "organisms/zoo/",
    "organisms/preflight",
    "benchmarks/",
    "stats/models/",
)
UNSAFE = (
    r"\bimport (pickle|dill|cloudpickle|joblib)\b",
    r"torch\.load\(",
    r"trust_remote_code\s*=\s*True",
    r"yaml\.(unsafe_load|full_load|Loader|UnsafeLoader|FullLoader)\b",
    r"shell\s*=\s*True",
)
CONVERTER = "methods/dictionaries/published.py"
"""Reads published dictionaries that exist as .pt alone, and nothing but tensors from them."""

BROAD_CATCHERS = {
    "evals/replicating.py": "a subject that fails after the report leaves findings untested",
    "graders/asking.py": "a grader that fails leaves a report ungraded, not a paid run undone",
    "models/service.py": "hands the worker's failure to the callers that wait for it",
    "models/pool.py": "hands a failed loading to the callers that wait for it",
    "tools/hosted.py": "providers' failures share no type; told without keys, or the sample's end",
    "stats/log_files.py": "drivers of remote files share no failure; one broken sample is told",
    "stats/logs.py": "one unreadable log is named and left out; the others still count",
}
"""Modules that may catch Exception, with the reason."""


def modules() -> Iterator[Path]:
    for folder in FOLDERS:
        yield from sorted((ROOT / folder).rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


ALL = [pytest.param(path, id=name(path)) for path in modules()]


@pytest.mark.parametrize("path", ALL)
def test_nothing_unpickles_or_runs_remote_code(path: Path) -> None:
    source = path.read_text()
    if name(path) == CONVERTER:
        source = source.replace('torch.load(file, map_location="cpu", weights_only=True)', "")
    assert not [pattern for pattern in UNSAFE if re.search(pattern, source)]


@pytest.mark.parametrize("path", ALL)
def test_modules_keep_to_their_size_and_name(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400
    assert not re.fullmatch(r"_?(utils?|helpers?|common|misc)", path.stem)


def _top_imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", ALL)
def test_heavy_libraries_stay_where_they_are_needed(path: Path) -> None:
    if not name(path).startswith(HEAVY_ALLOWED):
        assert not _top_imports(path) & HEAVY


@pytest.mark.parametrize("path", ALL)
def test_broad_excepts_stand_only_where_listed(path: Path) -> None:
    broad = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (
            node.type is None
            or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"})
        )
    ]
    if name(path) not in BROAD_CATCHERS:
        assert not broad


@pytest.mark.parametrize(
    "module", ["diffgauge.evals._registry", "diffgauge.cli.app", "diffgauge.organisms.registry"]
)
def test_light_entry_points_load_no_heavy_library(module: str) -> None:
    code = f"import sys, {module}; print(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
