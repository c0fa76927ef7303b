"""A table of names to the arrays a model reads. Nothing of ours is imported: it travels alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["compacted", "features_of"]


def features_of(table: DataFrame, levels: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Codes a table.

    Args:
        table: A column ``obs`` of whole numbers from 0 on, and one for each factor.
        levels: The names of each factor's levels, in order; the first is the reference.

    Returns:
        ``obs``; for each factor f ``f_index`` (int32) and ``num_f``; with a factor ``kind`` also
        ``null_index``, 0 for its first level and 1 for the others.

    Raises:
        ValueError: A column is missing, a value is missing, or it is none of its factor's levels.
            Coded as it stands it would become a number that JAX silently clamps.
    """
    import numpy as np

    if not np.isfinite(table["obs"].to_numpy(dtype=float)).all():
        raise ValueError("A value of 'obs' is missing.")
    features: dict[str, Any] = {"obs": table["obs"].to_numpy().astype(np.int32)}
    for name, names in levels.items():
        if name not in table.columns:
            raise ValueError(f"The table has no column {name!r}.")
        place = {level: at for at, level in enumerate(names)}
        unknown = [value for value in table[name].unique() if value not in place]
        if unknown:
            raise ValueError(f"{name!r} holds {unknown[0]!r}, which is none of its levels.")
        features[f"{name}_index"] = table[name].map(place).to_numpy().astype(np.int32)
        features[f"num_{name}"] = len(names)
    if "kind" in levels:
        features["null_index"] = (features["kind_index"] > 0).astype(np.int32)
    return features


def compacted(features: Mapping[str, Any], *, by_run: bool) -> dict[str, Any]:
    """Returns features in which rows that a model cannot tell apart stand once.

    Args:
        features: Of `features_of`.
        by_run: Whether the model has run effects; otherwise rows that differ in their run alone
            are one.

    Returns:
        The same with fewer rows, and ``weight``: how many each stands for (float32).
    """
    import numpy as np

    names = [
        name
        for name in features
        if name == "obs" or (name.endswith("_index") and (by_run or name != "run_index"))
    ]
    coded = np.stack([features[name] for name in names], axis=1)
    distinct, counts = np.unique(coded, axis=0, return_counts=True)
    made: dict[str, Any] = {
        name: held for name, held in features.items() if name.startswith("num_")
    }
    made |= {name: distinct[:, at] for at, name in enumerate(names)}
    return made | {"weight": counts.astype(np.float32)}
