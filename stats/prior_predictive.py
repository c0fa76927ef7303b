"""What the priors say before any data: drawn for `docs/statistics.md`.

``python -m diffgauge.stats.prior_predictive FILE.svg``
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from diffgauge.stats.drawing import COLOURS, RC, as_svg
from diffgauge.stats.features import GRADES
from diffgauge.stats.responses import Posterior, beneficiaries, new_organism
from diffgauge.stats.simulation import ARMS, Size, layout

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["draw", "main", "prior_figures", "prior_posterior"]

_SEED: Final = 20261128
_N: Final = 20_000
_BINS: Final = 40


def prior_posterior(n: int = _N) -> Posterior:
    """Returns draws from the priors of the model of grades, as if they were a posterior's.

    Args:
        n: Draws.
    """
    import numpy as np

    from diffgauge.stats.models.priors import Priors

    priors, draw = Priors(), np.random.default_rng(_SEED)

    def spread(width: float) -> NDArray[np.float64]:
        return np.abs(draw.normal(0, width, n))

    levels = draw.dirichlet([priors.concentration] * len(GRADES), n)
    below = np.clip(np.cumsum(levels, axis=1)[:, :-1], 1e-6, 1 - 1e-6)
    effects = spread(priors.arm)[:, None] * draw.normal(size=(n, 1))
    sites = {
        "arm_id_effects": np.concatenate([np.zeros((n, 1)), effects], axis=1),
        "organism_scale": spread(priors.organism),
        "organism_arm_id_scale": spread(priors.slope),
        "cuts": np.log(below) - np.log1p(-below),
    }
    design = replace(layout(Size()), outcome="grades", values=GRADES)
    return Posterior(design, sites)


def prior_figures(of: Posterior) -> dict[str, NDArray[np.float64]]:
    """Returns what priors say of success, uplift, grades and the organisms that benefit."""
    level = new_organism(of, ARMS[0], "success")
    return {
        "success probability, blackbox": level,
        "uplift in success probability": new_organism(of, ARMS[1], "success") - level,
        "expected grade, blackbox": new_organism(of, ARMS[0], "grade"),
        "share of organisms helped": beneficiaries(of, ARMS[1], ARMS[0]),
    }


def draw(figures: dict[str, NDArray[np.float64]]) -> str:
    """Draws histograms of the figures, with median and 90 % interval, as SVG."""
    import matplotlib as mpl
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(RC):
        figure = Figure(figsize=(11, 2.4), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(1, len(figures))
        for axis, (name, held) in zip(axes, figures.items(), strict=True):
            axis.hist(held, bins=_BINS, density=True, color=COLOURS[0], alpha=0.75)
            low, middle, high = np.quantile(held, [0.05, 0.5, 0.95])
            axis.set_title(name, fontsize=9)
            axis.set_xlabel(f"{middle:.2f} [{low:.2f}, {high:.2f}]", fontsize=8)
            axis.set_yticks([])
        figure.suptitle("prior predictive, a new organism: median and 90 % interval", fontsize=9)
        return as_svg(figure)


def main(argv: Sequence[str]) -> None:
    """Draws the figure into the file named, and prints its numbers."""
    import numpy as np

    figures = prior_figures(prior_posterior())
    Path(argv[0]).write_text(draw(figures), encoding="utf-8")
    for name, held in figures.items():
        low, middle, high = np.quantile(held, [0.05, 0.5, 0.95])
        print(f"{name}: {middle:.2f} [{low:.2f}, {high:.2f}]")


if __name__ == "__main__":
    main(sys.argv[1:])
