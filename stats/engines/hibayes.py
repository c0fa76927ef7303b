"""The HiBayES engine: a folder it can be run from by hand, a run of it, and the same reader."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from diffgauge.records.errors import DiffgaugeError
from diffgauge.stats.engines.fits import Fit, Sampling, fit_key, kept_fit, read_draws, store_folder
from diffgauge.stats.features import Design

__all__ = [
    "ENVIRONMENT_VARIABLE",
    "fit_by_hibayes",
    "hibayes_command",
    "run_folder",
    "write_folder",
]

ENVIRONMENT_VARIABLE: Final = "DIFFGAUGE_HIBAYES"
"""Environment variable that names the virtual environment HiBayES is installed in."""

_DEFAULT_ENVIRONMENT: Final = ".venv-hibayes"
_COMMAND: Final = "hibayes-full"
_TAG: Final = "diffgauge"
_ENGINE: Final = "hibayes"
_TAIL: Final = 1500
_STATS: Final = Path(__file__).parents[1]
_CODE: Final = (
    "__init__.py",
    "coding.py",
    "hibayes_module.py",
    "models/__init__.py",
    "models/effects.py",
    "models/likelihoods.py",
    "models/outcomes.py",
    "models/priors.py",
)
_ENTRY: Final = '''"""Registers diffgauge's models with HiBayES, from the code in this folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "code"))

import diffgauge.stats.hibayes_module
'''
_READ_ME: Final = """Made by diffgauge. To run it by hand here, where HiBayES is installed:

    hibayes-full --config config.yaml --out out --no-tui --no-frequent-save

data.parquet: the rows. design.json: the levels of each factor, the reference first. config.yaml:
what HiBayES is to do. diffgauge_models.py and code/: the models, the source that diffgauge runs.
"""


def hibayes_command(*, required: bool = False) -> Path | None:
    """Returns the program ``hibayes-full`` that can be used.

    It is looked for in the environment that `ENVIRONMENT_VARIABLE` names, in ``.venv-hibayes`` of
    the working directory, and, where HiBayES can be imported, beside the running Python.

    Args:
        required: Whether it is an error that there is none.

    Raises:
        DiffgaugeError: There is none and it is required.
    """
    places = [Path(os.environ.get(ENVIRONMENT_VARIABLE) or _DEFAULT_ENVIRONMENT) / "bin"]
    if find_spec("hibayes") is not None:
        places.append(Path(sys.executable).parent)
    for place in places:
        if (place / _COMMAND).is_file():
            return (place / _COMMAND).absolute()
    if required:
        raise DiffgaugeError(
            f"HiBayES is not set up: {_where_looked()}.",
            advice="Run 'make hibayes', or take --engine direct, which fits the same models.",
        )
    return None


def _where_looked() -> str:
    """Returns in words where HiBayES was looked for."""
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    place = f"{ENVIRONMENT_VARIABLE}={named}" if named else f"no {_DEFAULT_ENVIRONMENT} here"
    return f"{place}, and it cannot be imported"


def write_folder(design: Design, sampling: Sampling, folder: Path) -> Path:
    """Writes everything HiBayES needs to fit a design, all paths relative to the folder.

    Args:
        design: Rows and model.
        sampling: How to sample.
        folder: Where; it is made.

    Returns:
        The configuration.

    Raises:
        DiffgaugeError: It cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        design.table.to_parquet(folder / "data.parquet", index=False)
        levels = {"levels": {name: list(names) for name, names in design.levels.items()}}
        _write(folder / "design.json", json.dumps(levels, indent=1))
        _write(folder / "diffgauge_models.py", _ENTRY)
        _write(folder / "README.txt", _READ_ME)
        package = folder / "code" / "diffgauge"
        for name in _CODE:
            target = package / "stats" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(_STATS / name, target)
        _write(package / "__init__.py", "")
        _write(folder / "config.yaml", _yaml(_config(design, sampling)))
    except OSError as error:
        raise DiffgaugeError(
            f"The folder for HiBayES cannot be written: {folder}: {error.strerror or error}."
        ) from error
    return folder / "config.yaml"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _yaml(held: dict[str, Any]) -> str:
    import yaml

    text: str = yaml.safe_dump(held, sort_keys=False)
    return text


def _config(design: Design, sampling: Sampling) -> dict[str, Any]:
    """Returns the configuration; its checks do not draw plots that would wait for an answer."""
    priors: dict[str, float] = {}
    if sampling.widened != 1:
        # The defaults stand in the models' source; only what differs is written.
        from diffgauge.stats.models.priors import Priors

        priors = asdict(Priors().widened(sampling.widened))
    return {
        "platform": {
            "device_type": "cpu",
            "num_devices": sampling.n_chains,
            "chain_method": "parallel",
        },
        "data_loader": {"paths": {"extracted_data": ["data.parquet"]}},
        "data_process": {
            "path": "diffgauge_models.py",
            "processors": [{"diffgauge_features": {"design": "design.json"}}],
        },
        "model": {
            "path": "diffgauge_models.py",
            "models": [
                {
                    "name": "diffgauge_model",
                    "config": {
                        "tag": _TAG,
                        "outcome": design.model,
                        **design.settings,
                        "priors": priors,
                        "fit": {
                            "method": "NUTS",
                            "samples": sampling.n_draws,
                            "warmup": sampling.n_warmup,
                            "chains": sampling.n_chains,
                            "seed": sampling.seed,
                            "target_accept": sampling.target_accept,
                            "max_tree_depth": sampling.max_depth,
                            "init_strategy": "median",
                            "progress_bar": False,
                        },
                    },
                }
            ],
        },
        "check": {"checkers": ["r_hat", "divergences", "ess_bulk"]},
        "communicate": {"communicators": [{"summary_table": {"best_model": False}}]},
    }


def fit_by_hibayes(design: Design, sampling: Sampling) -> Fit:
    """Fits a design with HiBayES in an environment of its own.

    Args:
        design: Rows and model.
        sampling: How to sample.

    Returns:
        The fit; ``path`` is HiBayES's own file, in the folder that it was run from.

    Raises:
        DiffgaugeError: HiBayES is not set up, or it failed; the end of what it said is told.
    """
    command = hibayes_command(required=True)
    kept = kept_fit(design, sampling, _ENGINE)
    if kept is not None:
        return kept
    began = time.monotonic()
    key = fit_key(design, sampling, _ENGINE)
    folder = store_folder() / f"{key}-hibayes"
    write_folder(design, sampling, folder)
    found = run_folder(Path(str(command)), folder)
    target = store_folder() / f"{key}.nc"
    part = target.with_suffix(f".{os.getpid()}.part")
    shutil.copyfile(found, part)
    part.replace(target)
    draws, n_divergent = read_draws(target)
    seconds = time.monotonic() - began
    return Fit(design, sampling, draws, n_divergent, _ENGINE, seconds, target)


def run_folder(command: Path, folder: Path) -> Path:
    """Runs HiBayES on a folder of `write_folder` and returns the file of draws.

    Raises:
        DiffgaugeError: It failed, or ended without draws: its exit code alone does not tell.
    """
    import yaml

    config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    n_devices = config["platform"]["num_devices"]
    done = subprocess.run(
        [
            str(command),
            "--config",
            "config.yaml",
            "--out",
            "out",
            "--no-tui",
            "--no-frequent-save",
        ],
        cwd=folder,
        # HiBayES asks for as many devices as there are cores unless a number stands here already.
        env=_environment(n_devices),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    _write(folder / "hibayes.log", f"{done.stdout}\n{done.stderr}")
    found = sorted((folder / "out").glob(f"models/*{_TAG}/inference_data.nc"))
    if done.returncode or not found:
        said = (done.stderr.strip() or done.stdout.strip())[-_TAIL:]
        raise DiffgaugeError(
            f"HiBayES failed (exit code {done.returncode}). It ended with: {said}",
            advice=f"The whole stands in {folder / 'hibayes.log'}; --engine direct does without.",
        )
    return found[0]


def _environment(n_devices: int) -> dict[str, str]:
    """Returns the environment of the run: no path of ours, so that the folder's code is used."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    flags = f"--xla_force_host_platform_device_count={n_devices}"
    return {**kept, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
