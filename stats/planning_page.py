"""A plan as sentences, a table, a power curve and its twin in JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from diffgauge.stats.drawing import COLOURS, RC, as_png, as_svg
from diffgauge.stats.intervals import LEVEL, Estimate
from diffgauge.stats.planning import Assumed, Grid, Power
from diffgauge.stats.planning_logs import Costs, Seen
from diffgauge.stats.rendering import table_json
from diffgauge.stats.tables import Column, Table, Value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Plan", "files", "in_words", "plan_table"]

_MARK: Final = "evidence: simulation"
_HOUR: Final = 3600.0


@dataclass(frozen=True)
class Plan:
    """Everything a plan tells.

    Attributes:
        assumed: What was simulated from.
        powers: Of each size.
        call: P(uplift > 0) above which an uplift is called.
        target: Share of simulations that is asked for.
        budget: Model interactions allowed to an investigation.
        seen: What logs told; None without logs.
    """

    assumed: Assumed
    powers: tuple[Power, ...]
    call: float
    target: float
    budget: int
    seen: Seen | None

    @property
    def enough(self) -> Power | None:
        """The size with the fewest investigations that reaches the target; None where none does."""
        reached = [one for one in self.powers if one.called.value >= self.target]
        return min(reached, key=self._n_samples) if reached else None

    def _n_samples(self, one: Power) -> int:
        return one.grid.samples(len(self.assumed.arms))

    def cost(self, grid: Grid) -> Costs:
        """Returns what a grid takes in all; NaN where nothing says.

        By the means of the logs where there are some, else interactions by the budget.
        """
        if self.seen is None:
            return Costs(grid.samples(len(self.assumed.arms)) * self.budget, math.nan, math.nan)
        each = grid.samples(1)
        base, methods = asdict(self.seen.baseline), asdict(self.seen.methods)
        return Costs(
            **{name: each * (base[name] + self.assumed.n_methods * methods[name]) for name in base}
        )


def in_words(plan: Plan) -> list[str]:
    """Returns the recommendation in sentences, with what it rests on."""
    assumed = plan.assumed
    words = [*(plan.seen.words if plan.seen else ()), _assumptions(plan)]
    if not assumed.effect:
        shares = "; ".join(f"{_size(one.grid)}: {_shown(one.called)}" for one in plan.powers)
        return [
            *words,
            f"With no uplift at all, P(uplift > 0) of one named method is above {plan.call:g} in "
            f"this share of grids: {shares}. {1 - plan.call:.2g} would be exact.",
        ]
    enough = plan.enough
    if enough is None:
        best = max(plan.powers, key=lambda one: one.called.value)
        words.append(
            f"None of these sizes reaches a power of {plan.target:g}; {_size(best.grid)} come "
            f"nearest with {_shown(best.called)}. Ask for more organisms (--organisms), or for a "
            "larger effect."
        )
    else:
        words.append(_recommended(plan, enough))
    return [*words, *_more(plan)]


def _assumptions(plan: Plan) -> str:
    assumed = plan.assumed
    _, added = assumed.logits
    others = assumed.n_methods - 1
    rest = f" {others} other method{'s' * (others > 1)} without an effect run beside it." * (
        others > 0
    )
    return (
        f"Simulated: blackbox succeeds with {assumed.level:.2f} on a new organism, one method with "
        f"{assumed.level + assumed.gain:.2f} (uplift {assumed.gain:+.2f} in success probability, "
        f"{added:+.2f} logits).{rest} Spreads in logits: organisms {assumed.organism:.2f}, "
        f"organism × arm {assumed.slope:.2f}."
    )


def _recommended(plan: Plan, one: Power) -> str:
    cost = plan.cost(one.grid)
    surely = "" if one.called.low >= plan.target else " (that it reaches it is not sure)"
    takes = [
        f"{one.grid.samples(len(plan.assumed.arms)):,} investigations",
        f"{cost.interactions:,.0f} model interactions",
    ]
    if not math.isnan(cost.seconds):
        takes.append(f"{cost.seconds / _HOUR:.1f} hours one after the other")
    if not math.isnan(cost.dollars):
        takes.append(f"${cost.dollars:,.2f}")
    smaller = [
        other
        for other in plan.powers
        if other.grid.n_epochs == one.grid.n_epochs
        and other.grid.n_organisms < one.grid.n_organisms
    ]
    less = f" {_size(smaller[-1].grid)} give {_shown(smaller[-1].called)}." if smaller else ""
    return (
        f"Take {_size(one.grid)} with every arm: P(uplift > 0) is then above {plan.call:g} with "
        f"probability {_shown(one.called)}, which reaches {plan.target:g}{surely}. That takes "
        f"{', '.join(takes)}; nulls come on top.{less}"
    )


def _more(plan: Plan) -> list[str]:
    """Returns how much more than what was run is needed."""
    if plan.seen is None or plan.enough is None:
        return []
    done, grid = plan.seen, plan.enough.grid
    more = max(0, grid.n_organisms - done.n_organisms)
    epochs = max(0, grid.n_epochs - done.n_epochs)
    parts = []
    if more:
        parts.append(f"{more} more organisms with {grid.n_epochs} epochs each")
    if epochs and done.n_organisms:
        parts.append(f"{epochs} more epochs of the {done.n_organisms} organisms there are")
    if not parts:
        return ["What was run is as large as that already."]
    return [f"Beyond what was run that is {' and '.join(parts)}."]


def _size(grid: Grid) -> str:
    plural = "" if grid.n_epochs == 1 else "s"
    return f"{grid.n_organisms} organisms × {grid.n_epochs} epoch{plural}"


def _shown(one: Estimate) -> str:
    return f"{one.value:.2f} [{one.low:.2f}, {one.high:.2f}]"


def plan_table(plan: Plan) -> Table:
    """Returns each size with its power and what it takes."""
    rows: list[dict[str, Value]] = []
    for one in plan.powers:
        cost = plan.cost(one.grid)
        rows.append(
            {
                "organisms": one.grid.n_organisms,
                "epochs": one.grid.n_epochs,
                "called": _told(one.called),
                "false": _told(one.false),
                "simulations": one.called.n,
                "width": one.width,
                "samples": one.grid.samples(len(plan.assumed.arms)),
                "interactions": None if math.isnan(cost.interactions) else round(cost.interactions),
                "hours": None if math.isnan(cost.seconds) else cost.seconds / _HOUR,
                "dollars": None if math.isnan(cost.dollars) else cost.dollars,
            }
        )
    called = "power" if plan.assumed.effect else "false calls"
    return Table(
        "plan",
        "What grids of these sizes would show",
        "Every arm meets every organism so many times. Shares of simulated grids with exact "
        f"binomial {LEVEL:.0%} intervals; each grid is fitted by the report's own model of "
        "successes, all arms in one.",
        (
            Column("organisms", "organisms", "Distinct truths with something planted."),
            Column("epochs", "epochs", "Investigations of an organism in an arm."),
            Column(
                "called",
                called,
                f"Share in which P(uplift > 0) of the first method is above {plan.call:g}.",
            ),
            Column("false", "any false call", "Share in which that holds of a method without one."),
            Column("simulations", "simulations", "Simulated grids of this size."),
            Column("width", "interval", f"Mean width of the {LEVEL:.0%} interval of the uplift."),
            Column("samples", "investigations", "Organisms × epochs × arms, without nulls."),
            Column(
                "interactions",
                "interactions",
                "Replies asked for: by the logs' means, else all of the budget.",
            ),
            Column("hours", "hours", "By the logs' mean seconds, one after the other."),
            Column("dollars", "dollars", "By the logs' mean costs, where they have prices."),
        ),
        tuple(rows),
        _MARK,
    )


def _told(one: Estimate) -> str | None:
    return None if math.isnan(one.value) else _shown(one)


def files(plan: Plan, command: str) -> dict[str, bytes]:
    """Returns ``plan.json``, ``power.svg`` and ``power.png``.

    Args:
        plan: The plan.
        command: The command that makes it again.
    """
    _, added = plan.assumed.logits
    held = {
        "evidence": _MARK,
        "command": command,
        "words": in_words(plan),
        "assumed": {**asdict(plan.assumed), "gain": plan.assumed.gain, "logits": added},
        "call": plan.call,
        "target": plan.target,
        "recommended": asdict(plan.enough.grid) if plan.enough and plan.assumed.effect else None,
        "powers": [
            {**asdict(one.grid), "called": _ends(one.called), "false": _ends(one.false)}
            for one in plan.powers
        ],
        "tables": {"plan": table_json(plan_table(plan))},
    }
    svg, png = _draw(plan)
    text = json.dumps(held, indent=1, allow_nan=False) + "\n"
    return {"plan.json": text.encode(), "power.svg": svg.encode(), "power.png": png}


def _ends(one: Estimate) -> dict[str, float | int] | None:
    if math.isnan(one.value):
        return None
    return {"share": one.value, "low": one.low, "high": one.high, "n": one.n}


def _draw(plan: Plan) -> tuple[str, bytes]:
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(RC):
        figure = Figure(figsize=(6.4, 4.2), layout="constrained")
        FigureCanvasAgg(figure)
        axis = figure.subplots()
        every = sorted({one.grid.n_epochs for one in plan.powers})
        for at, n_epochs in enumerate(every):
            of = [one for one in plan.powers if one.grid.n_epochs == n_epochs]
            _curve(axis, of, COLOURS[at % len(COLOURS)], at - (len(every) - 1) / 2)
        if plan.assumed.effect:
            axis.axhline(plan.target, color="#888888", lw=0.9, ls=":")
        else:
            axis.axhline(1 - plan.call, color="#888888", lw=0.9, ls=":")
        ticks = sorted({one.grid.n_organisms for one in plan.powers})
        axis.set_xscale("log", base=2)
        axis.set_xticks(ticks, [str(n) for n in ticks])
        axis.set_xticks([], minor=True)
        axis.set_xlim(ticks[0] / 1.2, ticks[-1] * 1.2)
        axis.set_ylim(-0.02, 1.02)
        axis.set_xlabel("organisms")
        axis.set_ylabel(f"share of grids with P(uplift > 0) > {plan.call:g}")
        axis.legend(frameon=False, loc="lower right" if plan.assumed.effect else "upper right")
        axis.grid(axis="y", color="#e5e5e5", lw=0.6)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
        n = min(one.called.n for one in plan.powers)
        axis.set_title(
            f"uplift {plan.assumed.gain:+.2f} of one of {plan.assumed.n_methods}, blackbox at "
            f"{plan.assumed.level:.2f}\n{_MARK} · {n} grids a point, exact {LEVEL:.0%} intervals",
            fontsize=9,
        )
        return as_svg(figure), as_png(figure)


def _curve(axis: Axes, powers: Sequence[Power], colour: str, aside: float) -> None:
    # A little aside of one another, so that intervals of several epochs do not cover each other.
    x = [one.grid.n_organisms * 2 ** (0.05 * aside) for one in powers]
    n_epochs = powers[0].grid.n_epochs
    label = f"{n_epochs} epoch{'' if n_epochs == 1 else 's'}"
    axis.plot(x, [one.called.value for one in powers], "o-", color=colour, ms=4, label=label)
    for at, one in zip(x, powers, strict=True):
        axis.plot([at, at], [one.called.low, one.called.high], color=colour, lw=1.6)
