"""One investigation: the pair, the names, the budget, and everything that was shown."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from inspect_ai.util import sample_limits, store

from diffgauge.records.results import Result
from diffgauge.records.stored import ALIASES_KEY, BOARD_KEY, USAGE_KEY
from diffgauge.records.subjects import SIDES, Side
from diffgauge.records.tool_results import Remaining
from diffgauge.tools.accounting import Usage
from diffgauge.tools.blinding import Aliases
from diffgauge.tools.budget import Budget
from diffgauge.tools.evidence import Shown
from diffgauge.tools.guard import LeakGuard
from diffgauge.tools.hypotheses import Board
from diffgauge.tools.presenting import present, with_board
from diffgauge.tools.subject_service import SubjectService
from diffgauge.tools.triggers import Triggers

__all__ = ["Session", "turns_left"]


def turns_left() -> int | None:
    """Returns the turns the running sample has left, or None when they are not limited."""
    remaining = sample_limits().turn.remaining
    return None if remaining is None else max(0, int(remaining))


@dataclass
class Session:
    """What the tools of one sample share. Made by its solver, never global.

    Attributes:
        service: Runs the pair, or asks hosted models.
        aliases: The run's names of the two models.
        budget: Model interactions.
        seed: Seeds every reply of this run.
        guard: Stops what must not be shown.
        usage: What was used so far.
        sides: The models that may be asked.
        board: The investigator's hypotheses.
        max_chars: Longest tool result, in characters of JSON.
        max_reply_chars: The same for replies to `ask_models`, which were paid for.
        max_new_tokens: Replies are cut after so many tokens.
        temperature: Of replies; 1 is the models' own distribution.
        turns: Says the turns left; None where they are not limited.
        triggers: Decides by a model where a conditional instruction holds; None leaves it to
            the pair.
        shown: Every result shown, for the check of excerpts.
        asked: How often each prompt was asked: asking again gives fresh replies.
        paid_calls: Calls of each paid tool, for the same reason.
    """

    service: SubjectService
    aliases: Aliases
    budget: Budget
    seed: int
    guard: LeakGuard = field(default_factory=LeakGuard)
    usage: Usage = field(default_factory=Usage)
    sides: tuple[Side, ...] = SIDES
    board: Board = field(default_factory=Board)
    max_chars: int = 7500
    max_reply_chars: int = 15000
    max_new_tokens: int = 64
    temperature: float = 1.0
    turns: Callable[[], int | None] = turns_left
    triggers: Triggers | None = None
    shown: Shown = field(default_factory=Shown)
    asked: Counter[str] = field(default_factory=Counter)
    paid_calls: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.guard = replace(self.guard, blinded=self.aliases.blinded)

    def remaining(self) -> Remaining:
        """Returns what may still be spent."""
        return Remaining(
            interactions=self.budget.left, of=self.budget.interactions, turns=self.turns()
        )

    def show(
        self, tool: str, results: Sequence[Result], said: str = "", max_chars: int | None = None
    ) -> str:
        """Turns results into what the investigator reads, and remembers it.

        Args:
            tool: Whose results.
            results: With sides, not names.
            said: The investigator's own words in the call.
            max_chars: Longest text; None is `max_chars` of the session.

        Returns:
            JSON of a `ToolResult`, with the open hypotheses behind it: they are not remembered,
            because a quotation of the investigator's own words is no evidence.

        Raises:
            LeakError: They would tell what must stay hidden.
        """
        named = self.aliases.shown(results)
        self.guard.check_results(tool, named, said)
        text = present(named, self.remaining(), max_chars or self.max_chars)
        self.shown.add(tool, text)
        return with_board(text, self.board.open)

    def show_board(self) -> str:
        """Returns the whole board as the investigator reads it, JSON of a `ToolResult`."""
        return with_board(present([], self.remaining(), self.max_chars), self.board.entries)

    def record(self) -> None:
        """Writes names, usage and hypotheses into the running sample's store."""
        store().set(ALIASES_KEY, self.aliases.as_json())
        if self.board.entries:
            store().set(BOARD_KEY, [entry.model_dump(mode="json") for entry in self.board.entries])
        if self.triggers is not None:
            self.usage.trigger_fallbacks = self.triggers.fallbacks
        store().set(USAGE_KEY, self.usage.as_json(self.budget))
