"""Rows that may be compared: one budget, one corpus, sides known or not; repeats taken out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = [
    "BLACKBOX",
    "MATCHED",
    "NO_CORPUS",
    "Stratum",
    "arm_order",
    "references",
    "strata",
    "without_repeats",
]

BLACKBOX: Final = "blackbox"
MATCHED: Final = "blackbox_matched"

NO_CORPUS: Final = "none"
_OFFLINE: Final = "diffgauge/"
_CELL: Final = (
    "investigator",
    "arm_id",
    "organism",
    "budget",
    "corpus",
    "sides_known",
    "blind",
)
_RUN: Final = ("task_id", "sample_id", "epoch")
_LIMITS: Final = ("turn_budget", "token_budget", "money_budget")
"""Further limits that logs may say; arms are compared only where these match too."""

_TRACE: Final = (
    "claim",
    "p_differs",
    "p_planted",
    "n_findings",
    "identification",
    "outcome",
    "interactions",
    "n_calls",
    "turns",
    "tokens_investigator",
    "tokens_subjects",
)
"""What two runs of a deterministic investigator share where they were the same run."""


@dataclass(frozen=True)
class Stratum:
    """Rows within which arms may be compared.

    Attributes:
        budget: Model interactions allowed; None where the logs do not say.
        corpus: Where the methods read; arms that read nothing stand in the strata of all corpora.
        sides_known: Whether the investigator was told which model is the finetuned one.
        frame: The rows, columns as in `records.rows.Row`.
        limits: Further limits, in words, where they vary among the rows.
    """

    budget: int | None
    corpus: str
    sides_known: bool
    frame: DataFrame
    limits: tuple[str, ...] = ()

    @property
    def arms(self) -> list[str]:
        """The arms in it, the reference first."""
        return arm_order(self.frame["arm_id"].unique())

    @property
    def words(self) -> str:
        """The stratum in words."""
        sides = "sides known" if self.sides_known else "sides hidden"
        corpus = "" if self.corpus == NO_CORPUS else f", corpus {self.corpus}"
        budget = "unknown" if self.budget is None else self.budget
        return ", ".join([f"budget {budget}{corpus}", sides, *self.limits])


def strata(frame: DataFrame) -> list[Stratum]:
    """Returns the strata, those with a comparison and the most samples first.

    Args:
        frame: Rows as `stats.rows.rows` gives them.
    """
    found = []
    limits = [name for name in _LIMITS if name in frame.columns and frame[name].nunique() > 1]
    for key, part in frame.groupby(["budget", "sides_known", *limits], dropna=False):
        values: tuple[Any, ...] = key if isinstance(key, tuple) else (key,)
        budget, sides_known, *others = values
        corpora = sorted(set(part["corpus"]) - {NO_CORPUS}) or [NO_CORPUS]
        told = tuple(
            f"{name.replace('_', ' ')} {value:g}"
            for name, value in zip(limits, others, strict=True)
            if value == value
        )
        for corpus in corpora:
            held = part[part["corpus"].isin([corpus, NO_CORPUS])]
            limit = int(budget) if budget == budget and budget is not None else None
            found.append(Stratum(limit, corpus, bool(sides_known), held, told))
    return sorted(found, key=_rank)


def _rank(one: Stratum) -> tuple[bool, int, str]:
    return len(one.arms) < 2, -len(one.frame), one.words


def arm_order(arms: Iterable[str]) -> list[str]:
    """Returns arms with the reference first: blackbox, else a matched one, else by name."""
    return sorted(set(map(str, arms)), key=lambda arm: (arm != BLACKBOX, MATCHED not in arm, arm))


def references(arm: str, arms: list[str]) -> list[str]:
    """Returns what an arm is compared with, the headline's reference first.

    Args:
        arm: The arm.
        arms: All arms of the stratum.

    Returns:
        The method's own matched blackbox where it ran, then blackbox; for a matched blackbox
        blackbox alone, which says what more samples are worth; nothing for blackbox itself.
    """
    method = arm.rpartition(":")[0]
    wanted = [f"{method}:{MATCHED}", BLACKBOX] if method else [BLACKBOX]
    return [one for one in wanted if one in arms and one != arm]


def without_repeats(frame: DataFrame) -> tuple[DataFrame, int]:
    """Returns the rows without copies of one transcript, and how many runs were copies.

    A deterministic investigator that meets the same replies does the same again: such epochs are
    one observation. Rows hold no transcript; runs of one cell and organism that agree in all they
    spent, called, claimed and got are taken for one. Runs of other investigators all count, and so
    do all grades of a run that does.
    """
    import numpy as np
    import pandas as pd

    keys = list(_RUN)
    told = zip(frame["grader"], frame["grade"], strict=True)
    grades = pd.Series([f"{grader} {grade}" for grader, grade in told], index=frame.index)
    given = grades.groupby([frame[name] for name in keys], sort=False).agg(" ".join)
    runs = frame.drop_duplicates(keys).assign(grades=given.to_numpy())
    offline = runs["investigator"].str.startswith(_OFFLINE)
    copies = runs[runs.duplicated([*_CELL, *_TRACE, "grades"]) & offline]
    dropped = set(copies[keys].itertuples(index=False, name=None))
    kept = [key not in dropped for key in frame[keys].itertuples(index=False, name=None)]
    return frame[np.array(kept, dtype=bool)], len(copies)
