"""`diffgauge methods train-oracle`: what it refuses before it trains."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from diffgauge.cli.app import app
from diffgauge.records.errors import DiffgaugeError

pytestmark = pytest.mark.unit


def refused(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["methods", "train-oracle", *arguments])
    assert isinstance(done.exception, DiffgaugeError)
    return str(done.exception)


def test_a_base_without_a_recipe_is_answered_with_those_that_have_one() -> None:
    assert "Unknown base 'zop'. Allowed: zoo." in refused("zop")


def test_what_is_there_is_kept_unless_it_is_asked_for(tmp_path: Path) -> None:
    kept = tmp_path / "oracle"
    kept.mkdir()
    assert "Give --force" in refused("zoo", "--out", str(kept))
    assert "Give --force" in refused("zoo")  # the packaged one
    assert list(tmp_path.iterdir()) == [kept]
