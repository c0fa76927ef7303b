"""`activations collect | show | remove`: what it takes is said, and what is there is found."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from diffgauge.cli.app import main
from diffgauge.methods.activations.folder import StoreFolder

pytestmark = pytest.mark.tiny

Command = Callable[..., tuple[int, str, str]]
COLLECT = ("activations", "collect", "--organism", "zoo/submarine", "--n-texts", "20")


@pytest.fixture
def command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    monkeypatch.setenv("DIFFGAUGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["diffgauge", *map(str, arguments)])
        status = 0
        try:
            main()
        except SystemExit as ended:
            status = int(ended.code or 0)
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return run


def test_activations_are_collected_shown_and_removed(command: Command) -> None:
    status, shown, said = command(
        *COLLECT, "--set", "layers=0.25,0.5 n_tokens=32 validation_every=4", "--json"
    )
    assert status == 0, said
    # Of 128 entries: two vectors of two bytes each, four of the id and one of the kind; 31 tokens
    # of each text get a row, in two layers.
    assert "517 bytes for each token and layer" in said
    assert f"at most {2 * 20 * 31 * 517:,} in all" in said
    ended = json.loads(shown)
    assert [one["layer"] for one in ended] == [1, 2]
    assert all(one["n_bytes"] <= 20 * 32 * 521 for one in ended)
    _, listed, _ = command("activations", "show")
    assert all(one["key"] in listed for one in ended) and "2 stores" in listed
    _, one, _ = command("activations", "show", ended[0]["key"][:6])
    assert json.loads(one)["layer"] == 1
    assert command("activations", "remove", *(one["key"] for one in ended))[0] == 0
    assert not list(StoreFolder().stores())


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--set", "layers=9"), "layers 0 to 3"),
        (("--set", "held=both"), "pair or difference"),
        (("--texts", "no such file"), "no such file"),
    ],
)
def test_what_cannot_be_collected_is_said(
    command: Command, more: tuple[str, ...], told: str
) -> None:
    status, shown, said = command(*COLLECT, *more)
    assert status in (1, 2)
    assert told in shown + said


def test_a_key_that_is_not_there_is_said(command: Command) -> None:
    for name in ("show", "remove"):
        status, _, said = command("activations", name, "abcd")
        assert status == 2 and "activation store" in said
