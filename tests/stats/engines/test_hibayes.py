"""HiBayES for real: needs its environment, named by ``DIFFGAUGE_HIBAYES``."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml

import diffgauge
from diffgauge.stats.engines.direct import fit_directly
from diffgauge.stats.engines.fits import Sampling, read_draws
from diffgauge.stats.engines.hibayes import fit_by_hibayes, hibayes_command, write_folder
from diffgauge.stats.features import Outcome, design
from diffgauge.stats.rows import rows
from diffgauge.stats.strata import strata
from tests.graders.conftest import only_registry
from tests.stats.grids import write_two_arms
from tests.stats.tables import grid

pytestmark = pytest.mark.hibayes

SMALL = Sampling(n_warmup=200, n_draws=200, n_chains=2)


@pytest.fixture(autouse=True)
def command() -> Path:
    """HiBayES's program."""
    found = hibayes_command()
    if found is None:
        pytest.skip("HiBayES is not set up")
    return found


@pytest.mark.parametrize("outcome", ["grades", "claims_planted"])
def test_both_engines_draw_the_same(outcome: Outcome) -> None:
    frame = grid(
        {"blackbox": [0.2] * 5, "adl:method": [0.6] * 5},
        n_epochs=2,
        false_alarms={"adl:method": 0.2},
        n_nulls=3,
    )
    made = design(strata(frame)[0], outcome)
    direct, other = fit_directly(made, SMALL), fit_by_hibayes(made, SMALL)
    assert set(direct.draws) == set(other.draws) and other.engine == "hibayes"
    for name, held in direct.draws.items():
        gap = np.abs(held.mean(axis=(0, 1)) - other.draws[name].mean(axis=(0, 1)))
        # The same function, key and settings: equal draws where versions agree, and far within
        # Monte-Carlo error of 400 draws in any case.
        assert (gap <= 0.35 * held.std(axis=(0, 1)) + 1e-6).all(), name
    assert fit_by_hibayes(made, SMALL).seconds == 0


def test_the_folder_runs_by_hand_from_anywhere(command: Path, tmp_path: Path) -> None:
    frame = grid({"blackbox": [0.2] * 4, "adl:method": [0.6] * 4}, n_epochs=2)
    folder = tmp_path / "moved"
    write_folder(design(strata(frame)[0], "successes"), SMALL, tmp_path / "made")
    (tmp_path / "made").rename(folder)
    arguments = ["--config", "config.yaml", "--out", "out", "--no-tui", "--no-frequent-save"]
    subprocess.run([str(command), *arguments], cwd=folder, check=True, capture_output=True)
    draws, n_divergent = read_draws(
        folder / "out/models/diffgauge_modeldiffgauge/inference_data.nc"
    )
    assert draws["arm_id_effects"].shape == (2, 200, 2) and n_divergent is not None


def test_hibayes_reads_our_logs_through_the_extractor(
    command: Path, cards: Path, tmp_path: Path
) -> None:
    with only_registry(cards):
        write_two_arms(tmp_path / "logs")
    made = design(strata(rows([str(tmp_path / "logs")]))[0], "good_grades")
    root = Path(diffgauge.__path__[0]).parent
    module = str(root / "diffgauge" / "stats" / "hibayes_module.py")
    fit = {"method": "NUTS", "samples": SMALL.n_draws, "warmup": SMALL.n_warmup}
    fit |= {"chains": SMALL.n_chains, "seed": SMALL.seed, "progress_bar": False}
    fit |= {"target_accept": SMALL.target_accept, "max_tree_depth": SMALL.max_depth}
    config = {
        "platform": {"device_type": "cpu", "num_devices": 2, "chain_method": "parallel"},
        "data_loader": {
            "paths": {"files_to_process": ["logs"]},
            "extractors": {"path": module, "enabled": ["diffgauge_samples"]},
        },
        "data_process": {
            "path": module,
            "processors": [{"diffgauge_rows": {"outcome": "good_grades"}}],
        },
        "model": {
            "path": module,
            "models": [
                {
                    "name": "diffgauge_model",
                    "config": {
                        "tag": "mine",
                        "outcome": made.model,
                        **made.settings,
                        "fit": {**fit, "init_strategy": "median"},
                    },
                }
            ],
        },
        "check": {"checkers": ["r_hat"]},
        "communicate": {"communicators": [{"summary_table": {"best_model": False}}]},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    flags = "--xla_force_host_platform_device_count=2"
    subprocess.run(
        [str(command), "--config", "config.yaml", "--out", "out", "--no-tui", "--no-frequent-save"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root), "XLA_FLAGS": flags},
        check=True,
        capture_output=True,
    )
    draws, _ = read_draws(tmp_path / "out/models/diffgauge_modelmine/inference_data.nc")
    direct = fit_directly(made, SMALL).draws
    assert set(draws) == set(direct)
    for name, held in direct.items():
        gap = np.abs(held.mean(axis=(0, 1)) - draws[name].mean(axis=(0, 1)))
        assert (gap <= 0.35 * held.std(axis=(0, 1)) + 1e-6).all(), name
