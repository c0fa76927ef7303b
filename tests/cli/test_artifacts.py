"""`methods show`, `methods compute` and `artifacts …`: computed here, taken there, removed."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from diffgauge.cli.app import main
from diffgauge.methods import registry
from diffgauge.methods.kl.method import KL
from diffgauge.organisms import card_files
from diffgauge.records.errors import DiffgaugeError
from tests.evals.runs import IDENTICAL, PLANTED, Registry, made_registry

pytestmark = pytest.mark.tiny

Command = Callable[..., tuple[int, str]]
COMPUTE = ("methods", "compute", "kl", "--n-texts", "40")
WRONG = (*COMPUTE, "--organism", "tiny")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return made_registry(tmp_path_factory.mktemp("registry"))


@pytest.fixture
def command(
    made: Registry,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    """Runs the command line; returns its status and what it said, progress left out."""
    monkeypatch.setenv("DIFFGAUGE_ORGANISMS", str(made.cards))
    monkeypatch.setenv("DIFFGAUGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(card_files, "_PACKAGED", tmp_path / "no such folder")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["diffgauge", *map(str, arguments)])
        status = 0
        try:
            main()
        except SystemExit as ended:
            status = int(ended.code or 0)
        shown = capsys.readouterr()
        return status, shown.out + shown.err if status else shown.out

    return run


def computed(command: Command, made: Registry, *more: object) -> dict[str, str]:
    """Computes two artifacts; returns the keys by organism."""
    status, shown = command(
        *COMPUTE, "--organism", f"{PLANTED},{IDENTICAL}", "--texts", made.texts, "--json", *more
    )
    assert status == 0, shown
    return {one["organism"]: one["key"] for one in json.loads(shown)}


def test_an_artifact_is_computed_here_and_found_there(
    command: Command, made: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = computed(command, made, "--set", "n_tokens=48", "--set", "top_texts=5")
    status, listed = command("artifacts", "list")
    assert status == 0
    assert all(key in listed for key in keys.values()) and "2 artifacts" in listed
    status, shown = command("artifacts", "show", keys[PLANTED][:8])
    held = json.loads(shown)
    assert held["inputs"]["settings"]["n_tokens"] == 48
    assert held["sources"] == {"unrelated": "the file texts.txt"}
    assert held["bytes"] > 0
    status, shown = command("artifacts", "export", "--all", "--to", "all.tar")
    assert (status, shown[:20]) == (0, "exported 2 artifacts")
    # Another machine.
    monkeypatch.setenv("DIFFGAUGE_CACHE", str(tmp_path / "elsewhere"))
    assert "0 artifacts" in command("artifacts", "list")[1]
    status, shown = command("artifacts", "import", "all.tar")
    assert status == 0
    assert {tuple(line.split()) for line in shown.splitlines()} == {
        (key, "imported") for key in keys.values()
    }
    monkeypatch.setattr(KL, "compute", None)
    again = ("--set", "n_tokens=48", "--set", "top_texts=5")
    assert computed(command, made, *again) == keys, "nothing is computed"
    assert command("artifacts", "remove", *keys.values())[0] == 0
    assert "0 artifacts" in command("artifacts", "list")[1]


def test_the_list_can_be_read_by_scripts(command: Command, made: Registry) -> None:
    keys = computed(command, made)
    listed = json.loads(command("artifacts", "list", "--method", "kl", "--json")[1])
    assert {one["key"] for one in listed} == set(keys.values())
    assert all(one["broken"] is None and one["bytes"] > 0 for one in listed)
    assert json.loads(command("artifacts", "list", "--method", "adl", "--json")[1]) == []


def test_a_table_says_what_became_of_each(
    command: Command, made: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = KL.compute

    def failing(self: KL, pair: Any, *more: Any, **kw: Any) -> Any:
        if pair.spec.kind == "identical":
            raise DiffgaugeError("no memory is left")
        return true(self, pair, *more, **kw)

    monkeypatch.setattr(KL, "compute", failing)
    asked = (*COMPUTE, "--organism", f"{PLANTED},{IDENTICAL}", "--texts", made.texts)
    status, shown = command(*asked)
    assert status == 1
    assert f"{IDENTICAL}: no memory is left" in shown
    monkeypatch.setattr(KL, "compute", true)
    status, shown = command(*asked)
    rows = {
        line.split("│")[1].strip(): line.split("│")[2].strip() for line in shown.splitlines()[3:-1]
    }
    assert (status, rows) == (0, {PLANTED: "there", IDENTICAL: "computed"})


def test_a_command_that_is_stopped_says_how_it_goes_on(
    command: Command, made: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*given: object, **more: object) -> None:
        raise KeyboardInterrupt

    true = KL.compute
    monkeypatch.setattr(KL, "compute", stopped)
    asked = (*COMPUTE, "--organism", PLANTED, "--texts", made.texts)
    status, shown = command(*asked)
    assert status == 130
    assert "0 of 1 are done. The same command goes on" in shown
    monkeypatch.setattr(KL, "compute", true)
    assert command(*asked)[0] == 0


@pytest.mark.parametrize("name", registry.names())
def test_a_method_is_shown_with_all_that_can_be_chosen(name: str, command: Command) -> None:
    status, shown = command("methods", "show", name)
    assert status == 0
    held = json.loads(command("methods", "show", name, "--json")[1])
    assert held["source"] and held["differs"] and held["summary"]
    for setting, one in held["settings"].items():
        assert f"  {setting} = {one['default']}\n" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("methods", "show", "kll"), "Did you mean 'kl'"),
        (("methods", "compute", "kll", "--organism", "tiny"), "Did you mean 'kl'"),
        ((*WRONG, "--set", "n_token=3"), "Did you mean 'n_tokens'"),
        ((*WRONG, "--set", "n_tokens=1"), "a whole number of at least 2; the default is 128"),
        ((*WRONG, "--set", "n_tokens=4"), "skip_positions < min_tokens <= n_tokens"),
        ((*COMPUTE, "--organism", "tiny/nobody"), "Unknown organism"),
        ((*COMPUTE, "--organism", PLANTED), "no built-in 'unrelated' text"),
        ((*WRONG, "--texts", "nowhere.txt"), "is not there"),
        ((*WRONG, "--dtype", "float31"), "Did you mean 'float32'"),
        (("methods", "compute", "adl", "--organism", "tiny", "--set", "layers=99"), "Layer 99"),
        (("artifacts", "show", "abcdef"), "Unknown artifact 'abcdef'"),
        (("artifacts", "remove", "../../x"), "Unknown artifact"),
        (("artifacts", "import", "nowhere.tar"), "There is no archive nowhere.tar"),
        (("artifacts", "export", "--to", "a.tar"), "keys, --method NAME, or --all"),
        (("artifacts", "export", "--all", "--method", "kl", "--to", "a.tar"), "or said twice"),
        (("artifacts", "export", "--all", "--to", "a.tar"), "no such artifact"),
        (("artifacts", "list", "--method", "kll"), "Did you mean 'kl'"),
    ],
)
def test_a_mistake_is_said_in_one_message(
    arguments: tuple[str, ...], said: str, command: Command, tmp_path: Path
) -> None:
    status, shown = command(*arguments)
    assert status == 2 and said in shown and "Traceback" not in shown
    assert not (tmp_path / "a.tar").exists()


def test_only_what_was_trained_has_a_curve(command: Command, made: Registry) -> None:
    key = computed(command, made, "--set", "n_tokens=48", "--set", "top_texts=5")[PLANTED]
    status, said = command("artifacts", "curve", key, "--out", "curve.png")
    assert status and "No dictionary was trained for this artifact of kl" in " ".join(said.split())
    status, said = command("artifacts", "curve", key, "--out", "curve.txt")
    assert status and ".png, .svg, .pdf" in said
    more = ("--set", "n_steps=20", "--set", "step_tokens=64", "--set", "expansion=1", "--json")
    arguments = ("--organism", PLANTED, "--texts", made.texts, "--n-texts", "40", *more)
    status, shown = command("methods", "compute", "sae_difference", *arguments)
    assert status == 0, shown
    [trained] = json.loads(shown)
    for out in ("curve.svg", "figures/curve.png"):
        assert command("artifacts", "curve", trained["key"], "--out", out)[0] == 0
    assert "share of variance left" in Path("curve.svg").read_text()
    assert Path("figures/curve.png").read_bytes().startswith(b"\x89PNG")
