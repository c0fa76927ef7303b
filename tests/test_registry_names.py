"""Names in Inspect's registry are `diffgauge/…`, in an editable and in a wheel install."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[1]
EXPECTED = {
    "task": {
        "diffgauge/activation_analysis",
        "diffgauge/activation_oracle",
        "diffgauge/adl",
        "diffgauge/amplification",
        "diffgauge/battery",
        "diffgauge/blackbox",
        "diffgauge/crosscoder",
        "diffgauge/diff_mining",
        "diffgauge/grader_validation",
        "diffgauge/investigate",
        "diffgauge/kl",
        "diffgauge/llm_diff",
        "diffgauge/pca",
        "diffgauge/perplexity_diff",
        "diffgauge/sae_difference",
    },
    "scorer": {
        "diffgauge/any_of_k",
        "diffgauge/detection",
        "diffgauge/gap",
        "diffgauge/human_labels",
        "diffgauge/identification",
        "diffgauge/key_facts",
        "diffgauge/rubric",
        "diffgauge/trigger_behaviour",
        "diffgauge/which",
    },
    "solver": {
        "diffgauge/battery_report",
        "diffgauge/empty",
        "diffgauge/investigator",
        "diffgauge/oracle",
        "diffgauge/shotgun",
    },
    "modelapi": {"diffgauge/diffgauge"},
}
LISTING = """
import json, sys
import diffgauge
from inspect_ai._util.entrypoints import ensure_entry_points
from inspect_ai._util.registry import registry_find, registry_info
ensure_entry_points()
names = {}
for kind in ("task", "scorer", "solver", "modelapi"):
    found = registry_find(lambda info: info.type == kind)
    names[kind] = sorted(registry_info(item).name for item in found)
import diffgauge.evals
heavy = "torch" in sys.modules
print(json.dumps({"names": names, "file": diffgauge.evals.__file__, "torch": heavy}))
"""


def listed(python: Path, cwd: Path) -> dict[str, object]:
    """Lists Inspect's registry in a fresh process of one interpreter."""
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [str(python), "-c", LISTING], cwd=cwd, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


def assert_names(answer: dict[str, object]) -> None:
    names = answer["names"]
    assert isinstance(names, dict)
    for kind, expected in EXPECTED.items():
        ours = {name for name in names[kind] if "diffgauge" in name}
        assert expected <= ours
        bare = {name.removeprefix("diffgauge/") for name in expected}
        assert not bare & set(names[kind]), "a second copy is registered without its prefix"
    assert answer["torch"] is False, "Inspect's start must not import torch"


def test_editable_install_registers_prefixed_names(tmp_path: Path) -> None:
    answer = listed(Path(sys.executable), tmp_path)
    assert Path(str(answer["file"])).resolve().is_relative_to(ROOT)
    assert_names(answer)


def test_editable_install_registers_prefixed_names_from_the_root() -> None:
    assert_names(listed(Path(sys.executable), ROOT))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Builds the wheel from a copy of the tree, so that no earlier build can lend it files."""
    tree = tmp_path_factory.mktemp("tree") / "diffgauge"
    out = tmp_path_factory.mktemp("wheel")
    left_out = shutil.ignore_patterns(".git", ".venv", "build", "logs", "reports", "*.egg-info")
    shutil.copytree(ROOT, tree, symlinks=True, ignore=left_out)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    subprocess.run([*build, str(tree)], check=True, capture_output=True)
    [made] = out.glob("diffgauge-*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Installs the wheel alone into an environment that borrows this one's other packages."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=False, symlinks=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(home)}))
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    python = home / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--no-index", str(wheel)], check=True, capture_output=True)
    return python


def test_wheel_registers_prefixed_names(installed: Path, tmp_path: Path) -> None:
    answer = listed(installed, tmp_path)
    assert not Path(str(answer["file"])).resolve().is_relative_to(ROOT)
    assert_names(answer)


def test_wheel_carries_cards_weights_rubrics_and_prompts(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    for folder in ("organisms", "graders", "evals", "stats"):
        tracked = subprocess.run(
            ["git", "ls-files", folder], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.split()
        missing = {f"diffgauge/{name}" for name in tracked} - held
        assert not missing
    assert not any(name.startswith(("tests/", "benchmarks/")) for name in held)


def test_scripts_are_installed() -> None:
    scripts = Path(sysconfig.get_path("scripts"))
    assert (scripts / "diffgauge").exists()
    assert (scripts / "inspect").exists()
