from pathlib import Path

import pytest

from diffgauge.stats.report import ReportSummary, write_report
from tests.graders.conftest import cards, only_registry, registry
from tests.stats.grids import write_two_arms

__all__ = ["cards", "registry"]


@pytest.fixture(scope="session")
def two_arms(cards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Logs of two arms (`grids.write_two_arms`)."""
    folder = tmp_path_factory.mktemp("two_arms")
    with only_registry(cards):
        write_two_arms(folder)
    return folder


@pytest.fixture(scope="session")
def summary(two_arms: Path, tmp_path_factory: pytest.TempPathFactory) -> ReportSummary:
    """The report on them, without models."""
    return write_report([str(two_arms)], tmp_path_factory.mktemp("report"))
