"""The budget of model interactions: refused before the spend, never found overspent after."""

from dataclasses import dataclass

from inspect_ai.tool import ToolError

from diffgauge.records.errors import DiffgaugeError

__all__ = ["Budget"]


@dataclass
class Budget:
    """Model interactions of one run.

    Attributes:
        interactions: What the run began with.
        spent: What calls have been charged.
        refused: Calls that were refused because they cost more than was left.
    """

    interactions: int
    spent: int = 0
    refused: int = 0

    def __post_init__(self) -> None:
        if self.interactions < 0:
            raise DiffgaugeError(
                f"A budget of {self.interactions} model interactions was asked for.",
                allowed="0 or more",
            )

    @property
    def left(self) -> int:
        """Model interactions that may still be spent."""
        return self.interactions - self.spent

    def charge(self, n: int, fits: str | None = None) -> None:
        """Charges a call before it runs anything.

        Args:
            n: Model interactions it will take.
            fits: What the caller could ask instead, e.g. "3 prompts with n=2"; None when the
                number left says it all.

        Raises:
            ToolError: More than is left; nothing is charged.
        """
        if n > self.left:
            self.refused += 1
            raise ToolError(
                f"This call costs {n} model interactions and {self.left} of {self.interactions} "
                "are left. Nothing was spent. " + self._advice(fits)
            )
        self.spent += n

    def refund(self, n: int) -> None:
        """Gives back what a call was charged that then sampled nothing."""
        self.spent -= n

    def _advice(self, fits: str | None) -> str:
        if self.left == 0:
            return "Allowed: tools that cost nothing, and submit_report."
        allowed = f"Allowed: calls that cost at most {self.left}"
        return f"{allowed}, for example {fits}." if fits else f"{allowed}."
