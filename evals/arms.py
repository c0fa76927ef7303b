"""The arms: what an investigator may see, and what of it each arm is shown."""

from typing import Final, Literal, get_args

from diffgauge.records.errors import DiffgaugeError, unknown_name

__all__ = ["ARMS", "DEFAULT_BUDGET", "WITH_METHOD", "Arm", "settled_arm"]

Arm = Literal["blackbox", "blackbox_matched", "method", "method_only", "sham", "single_model"]
ARMS: Final[tuple[Arm, ...]] = get_args(Arm)

WITH_METHOD: Final[frozenset[Arm]] = frozenset(
    {"blackbox_matched", "method", "method_only", "sham"}
)
"""Arms that need a method; the others drop it."""

DEFAULT_BUDGET: Final = 50
"""Model interactions of one investigation."""


def settled_arm(agent: str, budget: int) -> tuple[Arm, int]:
    """Returns the arm that a task's arguments mean, with its budget.

    ``method`` without model interactions and ``method_only`` are one arm under one name, so that
    no table counts it twice.

    Args:
        agent: As the user named it.
        budget: Model interactions asked for.

    Raises:
        DiffgaugeError: There is no such arm, or ``method_only`` was given interactions.
    """
    arm = next((one for one in ARMS if one == agent), None)
    if arm is None:
        raise unknown_name("agent", str(agent), ARMS)
    if arm == "method" and budget == 0:
        return "method_only", 0
    if arm == "method_only" and budget not in (0, DEFAULT_BUDGET):
        raise DiffgaugeError(
            f"The agent 'method_only' was given a budget of {budget} model interactions.",
            allowed="none: it is the agent 'method' with a budget of 0",
            advice="Leave the budget out, or name the agent 'method'.",
        )
    return arm, 0 if arm == "method_only" else budget
