"""Runs the recovery scenarios and draws what comes of them.

``python -m diffgauge.stats.recovery FOLDER`` writes ``recovery.json`` and ``recovery.svg``;
``--only NAME``, also several times, runs chosen scenarios and keeps what the folder holds of the
others.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from diffgauge.stats.drawing import COLOURS, RC, as_svg
from diffgauge.stats.simulation import (
    LEFT_OUT,
    SCENARIOS,
    Outcome,
    Size,
    fitted_again,
    layout,
    recover,
)

__all__ = ["draw", "main"]

_N_FIRST: Final = 400
_N_OTHER: Final = 200
_WHOLE: Final = "as it is"


def draw(outcomes: Sequence[Outcome]) -> str:
    """Draws coverage and calls of each scenario with the exact 99 % bands, as SVG."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(RC):
        figure = Figure(figsize=(9, 1.2 + 0.5 * len(outcomes)), layout="constrained")
        FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2, sharey=True)
        for at, one in enumerate(outcomes):
            colour = COLOURS[0] if one.model == _WHOLE else COLOURS[1]
            left.plot(one.band, [at, at], color="#c8c8c8", lw=7, solid_capstyle="butt")
            left.plot([one.covered], [at], "o", color=colour)
            if one.scenario.startswith("no uplift"):
                right.plot(one.called_band, [at, at], color="#c8c8c8", lw=7, solid_capstyle="butt")
            right.plot([one.called], [at], "o", color=colour)
        names = [f"{one.scenario}\n{one.model}, n {one.n}" for one in outcomes]
        left.set_yticks(range(len(outcomes)), names, fontsize=7.5)
        left.set_ylim(len(outcomes) - 0.4, -0.6)
        left.set_xlim(0.4, 1.0)
        right.set_xlim(0.0, 1.0)
        left.set_title("90 % intervals that hold the truth", fontsize=9)
        right.set_title("P(uplift > 0) above .95", fontsize=9)
        figure.suptitle("grey: exact binomial 99 % band of the stated rate", fontsize=8)
        return as_svg(figure)


def main(argv: Sequence[str]) -> None:
    """Runs scenarios, 400 times the first and 200 the others; writes after each."""
    asked = argparse.ArgumentParser(prog="python -m diffgauge.stats.recovery")
    asked.add_argument("folder", type=Path)
    asked.add_argument("--only", action="append", choices=list(SCENARIOS))
    chosen = asked.parse_args(argv)
    folder: Path = chosen.folder
    folder.mkdir(parents=True, exist_ok=True)
    done = _held(folder / "recovery.json")
    shared: dict[Size, Any] = {}
    for name, (size, _) in SCENARIOS.items():
        if chosen.only and name not in chosen.only:
            continue
        if size not in shared:
            shared[size] = fitted_again(layout(size))
        jobs: list[tuple[str | None, Any]] = [(None, shared[size])]
        if name in LEFT_OUT:
            jobs.append((LEFT_OUT[name], None))
        for left_out, fit in jobs:
            n = _N_FIRST if name == "prior" else _N_OTHER
            found = recover(name, n, left_out=left_out, fit=fit)
            done[found.scenario, found.model] = found
            print(found, flush=True)
            _write(folder, done)


def _held(path: Path) -> dict[tuple[str, str], Outcome]:
    """Returns what a folder holds of earlier runs, by scenario and model."""
    if not path.is_file():
        return {}
    held = [
        Outcome(**{**one, "band": tuple(one["band"]), "called_band": tuple(one["called_band"])})
        for one in json.loads(path.read_text(encoding="utf-8"))
    ]
    return {(one.scenario, one.model): one for one in held}


def _write(folder: Path, done: Mapping[tuple[str, str], Outcome]) -> None:
    """Writes outcomes in the order of scenarios, each as it is before what leaves something out."""
    order = list(SCENARIOS)
    ordered = sorted(
        done.values(), key=lambda one: (order.index(one.scenario), one.model != _WHOLE)
    )
    held = json.dumps([asdict(one) for one in ordered], indent=1)
    (folder / "recovery.json").write_text(held + "\n", encoding="utf-8")
    (folder / "recovery.svg").write_text(draw(ordered), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
