"""All answers of a set of rows: which models are fitted, by what, and what they leave open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from diffgauge.stats.answers import Answer, answer
from diffgauge.stats.cells import PLANTED, SAME
from diffgauge.stats.engines.choice import choose
from diffgauge.stats.engines.fits import Sampling
from diffgauge.stats.features import Design, Outcome, design
from diffgauge.stats.fit_progress import FitProgress, Say
from diffgauge.stats.refits import Compared, Refit, compared, n_refits, refitted
from diffgauge.stats.strata import MATCHED, Stratum, strata, without_repeats

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Answers", "answers"]


@dataclass(frozen=True)
class Answers:
    """What the models say of a set of rows.

    Attributes:
        engine: What fitted, and why.
        found: Of each model, the headline's first.
        refits: The headline with one thing changed; only where asked for.
        notes: What is missing, and why.
        compared: The headline's model beside simpler ones; only where asked for.
        parts: Every stratum with rows of the headline's outcome, fitted or not, and these rows.
    """

    engine: str
    found: tuple[Answer, ...]
    refits: tuple[Refit, ...]
    notes: tuple[str, ...]
    compared: tuple[Compared, ...] = ()
    parts: tuple[tuple[Stratum, Design], ...] = ()

    @property
    def headline(self) -> Answer | None:
        """The answer of the main outcome in the stratum with most samples; None without any."""
        return self.found[0] if self.found else None


def answers(
    frame: DataFrame,
    *,
    engine: str = "auto",
    deep: bool = False,
    sampling: Sampling | None = None,
    say: Say | None = None,
) -> Answers:
    """Fits the models and reads off the answers.

    By default the models of the stratum with most samples: of good rubric grades and of all grades,
    or of first places where no grades were asked for; and of claims, where benign nulls were met.

    Args:
        frame: Rows as `stats.rows.rows` gives them.
        engine: ``auto``, ``direct`` or ``hibayes`` (`engines.choice.choose`).
        deep: Whether to fit every stratum and outcome, to refit the headline under narrower and
            wider priors and without each organism in turn, and to hold its model against simpler
            ones.
        sampling: None takes the defaults.
        say: Is told of each fit before it begins and how long the rest takes; None tells nobody.

    Returns:
        The answers; without graded rows none, and a note.

    Raises:
        DiffgaugeError: The engine is not there or fails.
    """
    chosen, how = choose(engine), sampling or Sampling()
    graded, n_copies = without_repeats(frame[frame["graded"].astype(bool)])
    notes = []
    if n_copies:
        notes.append(
            f"{n_copies} samples repeat a deterministic investigator's transcript: it counts once."
        )
    parts = strata(graded)
    if not parts:
        return Answers(chosen.reason, (), (), (*notes, "Nothing is graded: no answer."))
    notes += _missing(parts, deep)
    jobs = [(one, outcome) for one in parts[: None if deep else 1] for outcome in _asked(one, deep)]
    if not jobs:
        return Answers(chosen.reason, (), (), (*notes, "Nothing has a grade: no answer."))
    main = jobs[0][1]
    designs = tuple((one, design(one, main)) for one in parts if main in _asked(one, deep))
    n_more = n_refits(designs[0][1]) if deep else 0
    progress = FitProgress(len(jobs) + n_more, say or (lambda _: None))
    found = []
    for one, outcome in jobs:
        progress.begin(f"{outcome}, {one.words}")
        found.append(answer(one, outcome, chosen.fit, how))
        notes += [f"{outcome}: {note}" for note in found[-1].design.notes]
    return Answers(
        chosen.reason,
        tuple(found),
        refitted(found[0], chosen.fit, how, progress) if deep else (),
        tuple(dict.fromkeys(notes)),
        compared(found[0], chosen.fit, how, progress) if deep else (),
        designs,
    )


def _asked(one: Stratum, deep: bool) -> list[Outcome]:
    """Returns the outcomes that can be modelled, the headline's first."""
    frame = one.frame
    planted = frame[frame["null"] == PLANTED]
    wanted: list[Outcome] = []
    if planted["grade"].notna().any():
        wanted += ["good_grades", "grades"]
    if planted["top1"].notna().any() and (deep or not wanted):
        wanted.append("successes")
    if planted["identification"].notna().any() and deep:
        wanted.append("scores")
    reports = frame[frame["p_planted"].notna()]
    nulls = reports[reports["null"] != PLANTED]["null"]
    if (reports["null"] == PLANTED).any():
        if (~nulls.isin(SAME)).any():
            wanted.append("claims_planted")
        if nulls.isin(SAME).any() and deep:
            wanted.append("claims_differs")
    return wanted


def _missing(parts: list[Stratum], deep: bool) -> list[str]:
    """Returns sentences on what the rows do not let the models say."""
    first, notes = parts[0], []
    if len(parts) > 1 and not deep:
        rest = "; ".join(one.words for one in parts[1:])
        notes.append(f"Arms are compared within {first.words}; --deep also fits: {rest}.")
    if len(first.arms) < 2:
        notes.append(f"Only {first.arms[0]} ran within {first.words}: there is no uplift.")
    elif not any(MATCHED in arm for arm in first.arms):
        notes.append(
            "No matched blackbox ran: methods are compared with plain blackbox, which did not get "
            "the samples that went into the artifact."
        )
    if first.frame[(first.frame["null"] != PLANTED) & ~first.frame["null"].isin(SAME)].empty:
        notes.append("No benign nulls ran: what is claimed falsely is not known.")
    return notes
