"""What stands on a run's hypothesis board."""

from dataclasses import dataclass, field
from typing import Final

from diffgauge.records.board import BoardEntry
from diffgauge.records.errors import DiffgaugeError

__all__ = ["MAX_OPEN", "Board"]

MAX_OPEN: Final = 10
"""Open hypotheses at once: as many as a report may have findings."""


@dataclass
class Board:
    """The hypotheses of one run, in the order they were added.

    Attributes:
        entries: Rejected ones among them.
    """

    entries: list[BoardEntry] = field(default_factory=list)

    @property
    def open(self) -> tuple[BoardEntry, ...]:
        """Those that were not rejected."""
        return tuple(entry for entry in self.entries if entry.status == "open")

    def add(self, text: str, confidence: float) -> None:
        """Adds a hypothesis under the next number.

        Raises:
            DiffgaugeError: So many are open that no more can be shown.
        """
        if len(self.open) >= MAX_OPEN:
            raise DiffgaugeError(
                f"{len(self.open)} hypotheses are open.",
                allowed=f"at most {MAX_OPEN} at once",
                advice="Reject or revise one of them.",
            )
        self.entries.append(BoardEntry(id=len(self.entries) + 1, text=text, confidence=confidence))

    def revise(self, id: int, text: str | None = None, confidence: float | None = None) -> None:
        """Changes an open hypothesis; None leaves what is there.

        Raises:
            DiffgaugeError: None of that number is open.
        """
        entry = self._open_one(id)
        self.entries[id - 1] = entry.model_copy(
            update={
                "text": entry.text if text is None else text,
                "confidence": entry.confidence if confidence is None else confidence,
            }
        )

    def reject(self, id: int, reason: str) -> None:
        """Gives an open hypothesis up; it stays on the board with the reason.

        Raises:
            DiffgaugeError: None of that number is open.
        """
        entry = self._open_one(id)
        self.entries[id - 1] = entry.model_copy(update={"status": "rejected", "reason": reason})

    def _open_one(self, id: int) -> BoardEntry:
        found = next((entry for entry in self.open if entry.id == id), None)
        if found is None:
            raise DiffgaugeError(
                f"No open hypothesis has the number {id}.",
                allowed=", ".join(str(entry.id) for entry in self.open) or "none is open",
            )
        return found
