"""What a sample cost in money, as far as prices are known."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from inspect_ai.log import EvalSample, EvalSpec
from inspect_ai.model import ModelUsage

__all__ = ["costs_of"]

_GRADER: Final = "grader"


def costs_of(sample: EvalSample, spec: EvalSpec) -> dict[str, float | None]:
    """Returns dollars for investigator, tools and graders, by Inspect's prices.

    Models that play a role and do not grade (hosted subjects, the judge of triggers) are called
    by tools. A model without a price has no cost, which is not a cost of 0.

    Args:
        sample: Its usage by model and by role.
        spec: Names the evaluated model, and who plays which role.

    Returns:
        ``cost_investigator``, ``cost_tools`` and ``cost_graders``; None where a model that was
        used has no price, and for graders and tools where none was asked.
    """
    roles = sample.role_usage
    graders = _total(roles[role] for role in roles if role == _GRADER)
    tools = _total(roles[role] for role in roles if role != _GRADER)
    return {
        "cost_investigator": _investigator(sample, spec),
        "cost_tools": tools,
        "cost_graders": graders,
    }


def _total(used: Iterable[ModelUsage]) -> float | None:
    costs = [one.total_cost for one in used]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known and len(known) == len(costs) else None


def _investigator(sample: EvalSample, spec: EvalSpec) -> float | None:
    """The evaluated model's cost, less what it cost in roles that it plays as well."""
    used = sample.model_usage.get(spec.model)
    if used is None or used.total_cost is None:
        return None
    cost = used.total_cost
    for role, usage in sample.role_usage.items():
        if spec.model in _models(spec, role):
            if usage.total_cost is None or len(_models(spec, role)) > 1:
                # Several graders share one figure: whose part is whose is not told.
                return None
            cost -= usage.total_cost
    return max(0.0, cost)


def _models(spec: EvalSpec, role: str) -> list[str]:
    bound: Any = (spec.model_roles or {}).get(role)
    held = bound if isinstance(bound, list) else [bound]
    return [str(one.model) for one in held if one is not None]
