"""What HiBayES finds by ``path:``: our models, a processor, an extractor, under its decorators.

The only module that imports HiBayES. It runs in HiBayES's environment, where the rest of diffgauge
need not be: beside it, only `coding` and the models are needed, and for the extractor alone the
whole. `docs/hibayes.md` says how to start from HiBayES.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hibayes.load import extractor
from hibayes.model import model
from hibayes.process import process

from diffgauge.stats.coding import features_of
from diffgauge.stats.models.outcomes import MODELS, model_of
from diffgauge.stats.models.priors import Priors

__all__ = ["diffgauge_features", "diffgauge_model", "diffgauge_rows", "diffgauge_samples"]


def _features(design: str) -> Callable[..., Any]:
    """Codes the table by the levels of a design.

    Args:
        design: JSON file with ``levels``: each factor's levels, the reference first.
    """

    def processor(state: Any, display: Any = None) -> Any:
        levels = json.loads(Path(design).read_text(encoding="utf-8"))["levels"]
        state.features = features_of(state.processed_data, levels)
        state.coords = {name: list(names) for name, names in levels.items()}
        state.dims = {
            **{f"{name}_effects": [name] for name in levels},
            "organism_arm_id_effects": ["organism", "arm_id"],
        }
        return state

    return processor


def _model(
    outcome: str,
    main: list[str] | None = None,
    interactions: list[list[str]] | None = None,
    pooled: list[str] | None = None,
    n_levels: int | None = None,
    priors: dict[str, float] | None = None,
) -> Callable[[Any], None]:
    """Returns the model of an outcome.

    Args:
        outcome: ``grades``, ``successes``, ``scores`` or ``claims``.
        main: Factors with an effect for each level.
        interactions: Pairs of factors.
        pooled: Factors whose levels stand for more of their kind.
        n_levels: Levels of a grade or score.
        priors: Scales that are not the defaults, by name (`models.priors.Priors`).
    """
    if outcome not in MODELS:
        raise ValueError(f"Unknown outcome {outcome!r}. Allowed: {', '.join(MODELS)}.")
    return model_of(
        outcome,
        main=main or (),
        interactions=interactions or (),
        pooled=pooled or (),
        n_levels=n_levels,
        priors=Priors(**(priors or {})),
    )


def _samples() -> Callable[..., dict[str, Any]]:
    """Extracts a sample of diffgauge's tasks as its row, grades of all graders as one JSON text."""

    def extract(sample: Any, eval_log: Any) -> dict[str, Any]:
        from diffgauge.stats.log_files import Run
        from diffgauge.stats.sample_rows import rows_of_sample

        rows = rows_of_sample(Run(eval_log.location, eval_log), sample)
        row = rows[0].model_dump()
        row["log_name"] = row.pop("log")
        row["grades"] = json.dumps([[one.grader, one.grade] for one in rows])
        return row

    return extract


def _rows(outcome: str, budget: int | None = None) -> Callable[..., Any]:
    """Turns extracted samples into the rows and features of one outcome.

    Args:
        outcome: A key of `features.OUTCOMES`.
        budget: The budget to keep; None takes the stratum with most samples.
    """

    def processor(state: Any, display: Any = None) -> Any:
        from diffgauge.stats.features import design
        from diffgauge.stats.strata import strata

        # HiBayES's own columns include a log's address under our name.
        frame = state.processed_data.drop(columns=["log"], errors="ignore")
        frame = frame.rename(columns={"log_name": "log"})
        frame = frame[frame["arm_id"].notna()]
        given = frame.pop("grades").map(json.loads)
        frame = frame.drop(columns=["grader", "grade"]).assign(one=given).explode("one")
        frame["grader"] = frame["one"].map(lambda one: one[0])
        frame["grade"] = frame["one"].map(lambda one: one[1])
        parts = [one for one in strata(frame) if budget is None or one.budget == budget]
        if not parts:
            raise ValueError(f"No samples have the budget {budget}.")
        made = design(parts[0], outcome)  # type: ignore[arg-type]  # checked by design
        state.processed_data = made.table
        state.features = made.features
        state.coords = {name: list(names) for name, names in made.levels.items()}
        state.dims = {f"{name}_effects": [name] for name in made.levels}
        return state

    return processor


def _named(builder: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Names a builder as HiBayES is to register it."""
    builder.__name__ = name
    return builder


diffgauge_features = process(_named(_features, "diffgauge_features"))
diffgauge_rows = process(_named(_rows, "diffgauge_rows"))
diffgauge_model = model(_named(_model, "diffgauge_model"))
diffgauge_samples = extractor(_named(_samples, "diffgauge_samples"))
