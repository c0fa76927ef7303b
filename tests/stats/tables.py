"""Row tables drawn from a known truth, with the columns logs give."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from diffgauge.records.rows import Row
from diffgauge.stats.rows import as_frame

BLACKBOX = "blackbox"
METHOD = "adl:method"


def row(**changes: Any) -> Row:
    """One graded sample of a planted organism; what is not said has a plain value."""
    values: dict[str, Any] = {
        "log": "a.eval",
        "task": "diffgauge/blackbox",
        "task_id": f"task-{changes.get('arm_id', BLACKBOX)}",
        "sample_id": changes.get("organism", "pair/a"),
        "epoch": 1,
        "created": "2026-11-20T00:00:00+00:00",
        "organism": "pair/a",
        "truth_id": changes.get("organism", "pair/a"),
        "family": "narrow",
        "null": "none",
        "dose": "full",
        "split": "fresh",
        "pair_kind": "adapter",
        "arm": "blackbox",
        "arm_id": BLACKBOX,
        "diff_method": "none",
        "budget": 50,
        "corpus": "none",
        "domain_data": False,
        "blind": True,
        "sides_known": False,
        "seed": 0,
        "investigator": "provider/model",
        "outcome": "scored",
        "out_of_budget": False,
        "no_subject_contact": False,
        "identification": 1.0,
        "rank": 1.0,
        "top1": True,
        "grader": "provider/grader",
        "grade": 3.0,
        "p_differs": 0.9,
        "p_planted": 0.9,
        "interactions": 40,
        "precompute_interactions": 0,
        "tokens_investigator": 1000,
        "seconds": 10.0,
    }
    return Row.model_validate(values | changes)


def grid(
    shares: Mapping[str, Sequence[float]],
    *,
    n_epochs: int = 4,
    seed: int = 0,
    false_alarms: Mapping[str, float] | None = None,
    n_nulls: int = 0,
) -> pd.DataFrame:
    """Samples of arms on organisms, each with its own share of successes.

    Args:
        shares: By arm, the probability of success on each organism.
        n_epochs: Samples of each arm on each organism.
        seed: Of the draws.
        false_alarms: By arm, the probability of a claim on a benign null.
        n_nulls: Benign nulls.
    """
    draw = np.random.default_rng(seed)
    rows = []
    for arm, probabilities in shares.items():
        for at, share in enumerate(probabilities):
            for epoch in range(1, n_epochs + 1):
                hit = bool(draw.random() < share)
                grade = float(draw.integers(4, 6) if hit else draw.integers(1, 4))
                rows.append(
                    row(
                        arm_id=arm,
                        organism=f"pair/{at:02}",
                        epoch=epoch,
                        top1=hit,
                        rank=1.0 if hit else 5.0,
                        identification=1.0 if hit else 0.2,
                        grade=grade,
                        p_planted=0.9 if hit else 0.2,
                    )
                )
        for at in range(n_nulls):
            for epoch in range(1, n_epochs + 1):
                claims = bool(draw.random() < (false_alarms or {}).get(arm, 0.0))
                rows.append(
                    row(
                        arm_id=arm,
                        organism=f"benign/{at:02}",
                        null="benign",
                        family="benign",
                        epoch=epoch,
                        grade=1.0 if claims else 5.0,
                        p_planted=0.9 if claims else 0.1,
                    )
                )
    return as_frame(rows)
