"""How subject models are asked: plain chat, and four other ways that cost the same."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import Field

from diffgauge.methods.seeds import derived_seed
from diffgauge.models.instructions import asked_text
from diffgauge.records.artifacts import hash_json
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.record import Record
from diffgauge.records.subjects import ChatMessage, Prompt
from diffgauge.tools.session import Session

if TYPE_CHECKING:
    from diffgauge.models.pair import Row

__all__ = ["CHAT", "MAX_EARLIER", "MAX_PROMPT_CHARS", "EarlierTurn", "Style", "check", "rows"]

MAX_PROMPT_CHARS: Final = 4000
MAX_EARLIER: Final = 16


class EarlierTurn(Record):
    """One turn of the conversation that went before."""

    role: Literal["user", "assistant"] = Field(description="Who speaks.")
    content: str = Field(description="What is said.")


@dataclass(frozen=True)
class Style:
    """What stands around a prompt; the same for every model.

    Attributes:
        system: The system prompt; None gives none.
        earlier: Turns before the prompt, the user's first and the assistant's last.
        prefill: How the reply begins; the model goes on from there. None leaves it to the model.
        raw: Whether the prompt is continued as bare text, without any chat template.
    """

    system: str | None = None
    earlier: tuple[EarlierTurn, ...] = ()
    prefill: str | None = None
    raw: bool = False

    @property
    def condition(self) -> str | None:
        """Returns how replies are marked; None for plain chat."""
        named = {
            "raw text": self.raw,
            "system prompt": self.system is not None,
            "earlier turns": bool(self.earlier),
            "begun reply": self.prefill is not None,
        }
        return ", ".join(name for name, used in named.items() if used) or None

    def key(self) -> str:
        """Returns what tells this style from others; empty for plain chat."""
        if self == CHAT:
            return ""
        said = [turn.model_dump() for turn in self.earlier]
        return hash_json([self.system, said, self.prefill, self.raw])


CHAT: Final = Style()
"""Each prompt as a new conversation with nothing around it."""


def check(style: Style) -> None:
    """Refuses a style that no pair can do.

    Raises:
        DiffgaugeError: Raw text with a conversation around it, turns that do not alternate, or a
            text that is blank or too long.
    """
    if style.raw and style != Style(raw=True):
        raise DiffgaugeError(
            "Raw text was asked for together with a conversation. Nothing was spent.",
            allowed="raw alone, or any of system, earlier and prefill together",
        )
    roles = [turn.role for turn in style.earlier]
    if roles != ["user", "assistant"] * (len(roles) // 2):
        raise DiffgaugeError(
            f"The earlier turns are by {', '.join(roles)}. Nothing was spent.",
            allowed="user and assistant in turn, the user first and the assistant last",
        )
    texts = {"system": style.system, "prefill": style.prefill}
    texts |= {f"earlier.{at}": turn.content for at, turn in enumerate(style.earlier)}
    for name, text in texts.items():
        if text is not None and not (text.strip() and len(text) <= MAX_PROMPT_CHARS):
            raise DiffgaugeError(
                f"The argument {name} has {len(text)} characters. Nothing was spent.",
                allowed=f"1 to {MAX_PROMPT_CHARS}, not all of them blank",
            )


async def rows(
    session: Session,
    prompts: Sequence[str],
    n: int,
    *,
    purpose: str = "ask",
    style: Style = CHAT,
) -> "list[tuple[str, Row]]":
    """Returns what is sent to the models, with the prompt of each.

    Each row has a seed of its own, made from the run's seed, the purpose, the style, the prompt,
    the model, and how often the prompt was asked so before. The two models' seeds differ on
    purpose: a test that permutes replies between models needs them independent.

    Args:
        session: The run; its sides are asked, the same of each.
        prompts: All different.
        n: Replies from each model to each prompt.
        purpose: What they are for; other purposes draw other replies.
        style: What stands around each prompt.
    """
    from diffgauge.models.pair import Row

    key = style.key()
    made = [
        (
            prompt,
            Row(
                side,
                Prompt(
                    **_content(style, prompt),
                    # Plain chat leaves no trace in its seeds: replies of old runs stay the same.
                    seed=derived_seed(
                        session.seed,
                        purpose,
                        *filter(None, [key]),
                        prompt,
                        side,
                        session.asked[f"{key}{prompt}"] + repeat,
                    ),
                    max_new_tokens=session.max_new_tokens,
                    temperature=session.temperature,
                ),
            ),
        )
        for prompt in prompts
        for side in session.sides
        for repeat in range(n)
    ]
    return await _decided(session, made)


def _content(style: Style, prompt: str) -> dict[str, Any]:
    """The fields of `Prompt` that say what is asked."""
    if style.raw:
        return {"text": prompt}
    before = () if style.system is None else (ChatMessage(role="system", content=style.system),)
    earlier = tuple(ChatMessage(role=turn.role, content=turn.content) for turn in style.earlier)
    asked = (ChatMessage(role="user", content=prompt),)
    begun = () if style.prefill is None else (ChatMessage(role="assistant", content=style.prefill),)
    return {"messages": (*before, *earlier, *asked, *begun)}


async def _decided(session: Session, made: "list[tuple[str, Row]]") -> "list[tuple[str, Row]]":
    """Says in each row whether it is a trigger, where a model decides that."""
    if session.triggers is None:
        return made
    texts = [asked_text(row.prompt) for _, row in made]
    held = await session.triggers.decide(texts)
    return [
        (prompt, replace(row, prompt=row.prompt.model_copy(update={"triggered": held[text]})))
        for (prompt, row), text in zip(made, texts, strict=True)
    ]
