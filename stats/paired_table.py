"""Two sets of logs, pair by pair, as a table, sentences and a small figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Final

from diffgauge.stats.drawing import COLOURS, RC, Drawn, drawn
from diffgauge.stats.evidence import mark
from diffgauge.stats.findings import key_of
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.log_sets import LogSet
from diffgauge.stats.paired_sets import SetContrast, contrasts, differing, unshared
from diffgauge.stats.parts import Part, Picture, Words
from diffgauge.stats.tables import ARM_COLUMNS, Column, Table, Value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["paired_parts"]

_LINE_INCHES: Final = 0.5
_PANEL_INCHES: Final = 1.75
_PLACE: Final = tuple(column for column in ARM_COLUMNS if column.key != "investigator")
_CAPTION: Final = (
    "Differences of shares, the later set less the first, with 90 % intervals over organisms; a "
    "mark without one: all pairs agree. The small figures are pairs and organisms."
)
_CONTRAST: Final = Column("contrast", "contrast", "The set, less the one it is compared with.")


def paired_parts(sets: Sequence[LogSet]) -> tuple[Part, ...]:
    """Returns sentences, figure and tables of sets against each other.

    Args:
        sets: Of `logs.Logs.sets`.

    Returns:
        Nothing where none pairs, but for a sentence that says so where two sets were named: many
        are files that a shell listed.
    """
    found = contrasts(sets)
    if not found:
        return (Words((_nothing(*sets),)),) if len(sets) == 2 else ()
    words = tuple(_words(found))
    picture = Picture("paired_sets", partial(_draw, found), " ".join(words), _CAPTION, _mark(found))
    said = Words((*words, *_only_in_one(sets, found)))
    return said, picture, _differences(found), _shares(found)


def _only_in_one(sets: Sequence[LogSet], found: Sequence[SetContrast]) -> list[str]:
    paired = {one.second for one in found}
    return [
        f"Only in {name}, of {sets[0].name} and {second.name}: {arm} (budget {budget}, "
        f"{n} samples)."
        for second in sets[1:]
        if second.name in paired
        for name, (arm, budget, *_), n in unshared(sets[0], second)
    ]


def _nothing(first: LogSet, second: LogSet) -> str:
    return (
        f"No graded sample of {first.name} has a partner in {second.name} (same organism, arm, "
        "budget, corpus, sides, blindness, epoch): nothing is compared pair by pair."
    )


def _differences(found: Sequence[SetContrast]) -> Table:
    measures = {one.key: one.measure for one in found}
    lines = []
    for part in _by_arm(found):
        values = _named(part[0])
        values |= {one.key: one.difference for one in part}
        # Measures of one kind of organisms are of the same samples.
        kinds = {one.null: one for one in part}.values()
        values["only_first"] = sum(one.only_first for one in kinds)
        values["only_second"] = sum(one.only_second for one in kinds)
        lines.append(values)
    return Table(
        "paired_sets",
        "Sets of logs against each other, pair by pair",
        f"Differences of shares over samples that both sets have, 90 % intervals over organisms; n "
        "counts pairs. An interval is undefined where all pairs agree. Of false positives less is "
        f"better. {_differ(found)} All tables but these two are of all sets together.",
        (
            _CONTRAST,
            *_PLACE,
            *(
                Column(key, words, "Its share in the one set less its share in the other.")
                for key, words in measures.items()
            ),
            Column("only_first", "no partner, subtracted set", "Its samples without a partner."),
            Column("only_second", "no partner, other set", "Its samples without a partner."),
        ),
        tuple(lines),
        _mark(found),
    )


def _shares(found: Sequence[SetContrast]) -> Table:
    lines = [
        _named(one)
        | {"measure": one.measure, "first": one.of_first, "second": one.of_second}
        | {"difference": one.difference}
        for one in found
    ]
    return Table(
        "paired_shares",
        "What these are differences of",
        "Shares in each set, over the pairs in which both have a value.",
        (
            _CONTRAST,
            *_PLACE,
            Column("measure", "measure", "A share of samples."),
            Column("first", "subtracted set", "Its share."),
            Column("second", "other set", "Its share."),
            Column("difference", "difference", "The other less the subtracted; 0 for no change."),
        ),
        tuple(lines),
        _mark(found),
    )


def _named(one: SetContrast) -> dict[str, Value]:
    arm, budget, corpus, sides_known, _ = one.place
    return {
        "contrast": f"{one.second} − {one.first}",
        "arm": arm,
        "budget": budget,
        "corpus": corpus,
        "sides": "known" if sides_known else "hidden",
    }


def _mark(found: Sequence[SetContrast]) -> str:
    return mark([row for one in found for pair in one.pairs for row in pair])


def _by_arm(found: Sequence[SetContrast]) -> list[list[SetContrast]]:
    return [
        list(part) for _, part in groupby(found, lambda one: (one.first, one.second, one.place))
    ]


def _by_sets(found: Sequence[SetContrast]) -> list[list[SetContrast]]:
    return [list(part) for _, part in groupby(found, lambda one: (one.first, one.second))]


def _differ(found: Sequence[SetContrast]) -> str:
    sentences = []
    for part in _by_sets(found):
        told = differing(part)
        sentences.append(
            f"{part[0].first} against {part[0].second}: "
            + (f"other {told}." if told else "nothing recorded differs but the runs.")
        )
    return " ".join(sentences)


def _words(found: Sequence[SetContrast]) -> list[str]:
    """Returns one sentence for each arm of two sets."""
    return [
        f"{part[0].second} less {part[0].first}, {part[0].place[0]} (budget {part[0].place[1]}, "
        f"{len(pairs)} pairs of {len(organisms)} organisms): "
        + "; ".join(f"{one.measure} {_said(one.difference)}" for one in part if one.difference.n)
        + "."
        for part in _by_arm(found)
        if (pairs := {key_of(ours): ours for one in part for ours, _ in one.pairs})
        if (organisms := {row.truth_id for row in pairs.values()})
    ]


def _said(one: Estimate) -> str:
    return f"{one.value:+.2f}" + (
        "" if math.isnan(one.low) else f" [{one.low:+.2f}, {one.high:+.2f}]"
    )


def _draw(found: Sequence[SetContrast]) -> Drawn:
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines = _by_arm(found)
    measures = {one.key: one.measure for one in found}
    with mpl.rc_context(RC):
        size = (2.2 + _PANEL_INCHES * len(measures), 1.4 + _LINE_INCHES * len(lines))
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(1, len(measures), sharey=True, squeeze=False)[0]
        for axis, (key, words) in zip(axes, measures.items(), strict=True):
            _panel(axis, words, [one for part in lines for one in part if one.key == key], lines)
        axes[0].set_yticks(range(len(lines)), _labels(lines), fontsize=8)
        axes[0].set_ylim(len(lines) - 0.4, -0.6)
        figure.suptitle(
            f"{_mark(found)}   ·   differences with 90 % intervals, n = pairs / organisms",
            fontsize=8.5,
        )
        return drawn(figure)


def _panel(
    axis: Axes, words: str, ones: Sequence[SetContrast], lines: Sequence[Sequence[SetContrast]]
) -> None:
    places = {(part[0].second, part[0].place): at for at, part in enumerate(lines)}
    axis.axvline(0, color="#222222", lw=0.9)
    for one in ones:
        at = places[one.second, one.place]
        _line(axis, at, one.difference, COLOURS[at % len(COLOURS)])
    axis.set_xlim(-1.03, 1.03)
    axis.set_xticks([-1, 0, 1], ["−1", "0", "+1"])
    axis.set_title(words.replace(": ", "\n").replace(" (", "\n("), fontsize=9)
    left = "left" if words.startswith("false") else "right"
    axis.set_xlabel(f"{left} is better", fontsize=8, color="#444444")
    axis.grid(axis="x", color="#e5e5e5", lw=0.6)
    axis.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.tick_params(axis="y", length=0)


def _labels(lines: Sequence[Sequence[SetContrast]]) -> list[str]:
    several = len({(part[0].first, part[0].second) for part in lines}) > 1
    return [
        f"{f'{part[0].second} − {part[0].first}: ' if several else ''}{part[0].place[0]}, "
        f"{part[0].place[1]}"
        for part in lines
    ]


def _line(axis: Axes, at: int, one: Estimate, colour: str) -> None:
    if math.isnan(one.value):
        axis.text(0, at, "no pairs", ha="center", va="center", fontsize=7, color="#666666")
        return
    if not math.isnan(one.low):
        axis.plot([one.low, one.high], [at, at], color=colour, lw=2.2, solid_capstyle="butt")
    axis.plot([one.value], [at], "o", color=colour, ms=6, clip_on=False)
    counts = f"{one.n} / {one.n_organisms}"
    axis.text(1.0, at - 0.28, counts, ha="right", fontsize=6.5, color="#444444")
