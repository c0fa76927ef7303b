import subprocess
import sys
from pathlib import Path

import pytest

from diffgauge.methods import registry
from diffgauge.methods.method import Method
from diffgauge.records.errors import DiffgaugeError, UnknownNameError

pytestmark = pytest.mark.unit

OUTSIDE = """
from diffgauge.methods.method import Method, MethodSettings
from diffgauge.methods.artifacts import Artifact

class Nothing(Method):
    name = "nothing"
    version = 1
    settings = MethodSettings

    def compute(self, pair, corpora, settings, seed, progress=None, *, prompts=(), work=None):
        raise NotImplementedError

    def overview(self, artifact):
        return []

    def operations(self, artifact):
        return []

class NoMethod:
    pass
"""


def install(root: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """Puts a package with one entry point on the path, as pip would."""
    info = root / "outside-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{line}\n")
    (root / "outside_method.py").write_text(OUTSIDE)
    monkeypatch.syspath_prepend(root)
    monkeypatch.delitem(sys.modules, "outside_method", raising=False)


def test_names_are_known_without_loading_a_method() -> None:
    code = (
        "import sys; from diffgauge.methods.registry import names; print(names());"
        "print([m for m in ('torch', 'pyarrow', 'diffgauge.methods.adl') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found, heavy = done.stdout.splitlines()
    assert "adl" in found
    assert heavy == "[]"


@pytest.mark.parametrize("name", registry.names())
def test_every_registered_method_loads_under_its_name(name: str) -> None:
    loaded = registry.method(name)
    assert isinstance(loaded, Method)
    assert loaded.name == name
    assert loaded.settings().model_dump(mode="json")


def test_an_outside_package_comes_through_the_same_door(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, "nothing = outside_method:Nothing")
    assert {"adl", "nothing"} <= set(registry.names())
    assert registry.method("nothing").name == "nothing"


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean 'adl'\?"):
        registry.method("adll")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("gone = outside_gone:Gone", "cannot be loaded"),
        ("gone = outside_method:Gone", "cannot be loaded"),
        ("gone = outside_method:NoMethod", "is no Method"),
        ("gone = outside_method:Nothing", "calls itself 'nothing'"),
    ],
)
def test_a_broken_registration_is_named(
    line: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, line)
    with pytest.raises(DiffgaugeError, match=said):
        registry.method("gone")


def test_two_packages_with_one_name_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, "adl = outside_method:Nothing")
    with pytest.raises(DiffgaugeError, match="Two packages register"):
        registry.names()
