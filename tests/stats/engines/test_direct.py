"""The sampler itself, on as little data as shows something."""

import json
from pathlib import Path

import numpy as np
import pytest

from diffgauge.records.errors import DiffgaugeError
from diffgauge.stats.answers import contrasts
from diffgauge.stats.diagnostics import diagnose, posterior_of
from diffgauge.stats.engines.direct import fit_directly
from diffgauge.stats.engines.fits import Fit, Sampling, fit_key, kept_fit, read_draws, store_folder
from diffgauge.stats.engines.hibayes import hibayes_command, write_folder
from diffgauge.stats.features import Outcome, design
from diffgauge.stats.strata import strata
from tests.stats.tables import grid

pytestmark = pytest.mark.unit

SMALL = Sampling(n_warmup=150, n_draws=150, n_chains=2)
ARMS = {"blackbox": [0.1] * 6, "adl:method": [0.9] * 6}


def _fit(outcome: Outcome) -> Fit:
    frame = grid(ARMS, n_epochs=3, false_alarms={"adl:method": 0.1}, n_nulls=4)
    return fit_directly(design(strata(frame)[0], outcome), SMALL)


@pytest.fixture(scope="module")
def graded() -> Fit:
    """Grades of an arm that succeeds far more often."""
    return _fit("grades")


def test_a_large_uplift_is_found_and_the_reference_stays_at_zero(graded: Fit) -> None:
    assert np.ptp(graded.draws["arm_id_effects"][..., 0]) == 0
    [found] = contrasts(posterior_of(graded))
    assert found.measure == "grade" and found.p_positive > 0.95 and found.new.value > 0.8
    assert graded.n_draws == 300 and graded.n_divergent is not None
    # 300 draws are too few to be believed, and are not.
    assert any("effective draws" in reason for reason in diagnose(graded).reasons)


def test_a_fit_is_kept_and_used_again_for_the_same_rows_and_model_alone(graded: Fit) -> None:
    again = _fit("grades")
    assert again.seconds == 0 < graded.seconds and again.path == graded.path
    for name, held in graded.draws.items():
        assert np.array_equal(held, again.draws[name]), name
    assert not any(name.endswith("_raw") for name in again.draws)
    keys = {
        fit_key(graded.design, SMALL, "direct"),
        fit_key(graded.design, Sampling(seed=1), "direct"),
        fit_key(graded.design, SMALL, "hibayes"),
    }
    assert len(keys) == 3


def test_a_damaged_fit_is_made_again_not_believed(graded: Fit) -> None:
    path = store_folder() / f"{fit_key(graded.design, SMALL, 'broken')}.nc"
    path.write_bytes(b"no NetCDF")
    with pytest.raises(DiffgaugeError, match="cannot be read"):
        read_draws(path)
    assert kept_fit(graded.design, SMALL, "broken") is None and not path.exists()


def test_hits_and_false_alarms_are_modelled_jointly() -> None:
    fit = _fit("claims_planted")
    [found] = contrasts(posterior_of(fit))
    assert found.measure == "discrimination" and found.p_positive > 0.9
    # Planted organisms and nulls have spreads of their own.
    assert fit.draws["organism_scale"].shape[2:] == (2,)


def test_the_folder_for_hibayes_is_self_contained(graded: Fit, tmp_path: Path) -> None:
    import yaml

    config = write_folder(graded.design, SMALL, tmp_path / "folder")
    held = yaml.safe_load(config.read_text())
    assert held["model"]["models"][0]["config"]["n_levels"] == 5
    assert held["platform"]["num_devices"] == 2
    named = [held["data_process"]["path"], *held["data_loader"]["paths"]["extracted_data"]]
    assert all((config.parent / name).is_file() for name in named)
    assert not any(Path(name).is_absolute() for name in named)
    code = config.parent / "code" / "diffgauge" / "stats"
    imported = {
        line.split()[1]
        for path in code.rglob("*.py")
        for line in path.read_text().splitlines()
        if line.startswith("from diffgauge.")
    }
    # Whatever the copied code imports at its top was copied with it.
    assert imported and all(
        (code.parent / Path(*name.split(".")[1:])).with_suffix(".py").is_file() for name in imported
    )
    levels = json.loads((config.parent / "design.json").read_text())["levels"]
    assert levels["arm_id"] == ["blackbox", "adl:method"]


def test_hibayes_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DIFFGAUGE_HIBAYES", str(tmp_path))
    assert hibayes_command() is None
    with pytest.raises(DiffgaugeError, match="make hibayes"):
        hibayes_command(required=True)
