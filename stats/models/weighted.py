"""Rows that stand for several alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpyro.primitives import Messenger

__all__ = ["weighted"]


class _Weighted(Messenger):  # type: ignore[misc]
    def __init__(self, weights: Any) -> None:
        super().__init__()
        self._weights = weights

    def process_message(self, msg: dict[str, Any]) -> None:
        if msg["type"] == "sample" and msg["name"] == "obs":
            msg["scale"] = self._weights


def weighted(model: Callable[[Any], None], features: Any, weights: Any) -> None:
    """Runs a model in which each row counts so many times.

    Equal rows add equal terms to the log-likelihood, so that ten of them and one of weight ten
    have the same posterior; a row of weight 0 is not there.

    Args:
        model: Any of `outcomes.MODELS` as a function of the features alone.
        features: Its features.
        weights: 0 or more, shape ``n_rows``.
    """
    with _Weighted(weights):
        model(features)
