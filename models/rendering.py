"""How a pair's prompts become tokens, for each of its sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from diffgauge.models.instructions import given
from diffgauge.models.splicing import Spliced, Splicer
from diffgauge.models.tokenization import conversation_ids, render
from diffgauge.records.subjects import ChatMessage, Prompt, Side

if TYPE_CHECKING:
    from diffgauge.models.templates import ChatTemplate
    from diffgauge.records.organisms import Instruction

__all__ = ["Rendering"]


class Rendering:
    """One tokenizer, one template, and what the finetuned side alone is told.

    Args:
        tokenizer: The pair's.
        template: What is known of its chat template.
        instruction: Of a `prompted` pair; None for all others.

    Attributes:
        tokenizer: As given.
        template: As given.
        growth: The most tokens that the instruction adds to a row; 0 without one.
    """

    def __init__(
        self, tokenizer: Any, template: ChatTemplate, instruction: Instruction | None = None
    ) -> None:
        self.tokenizer = tokenizer
        self.template = template
        self._instruction = instruction
        self._splicer = None
        if instruction is not None:
            self._splicer = Splicer(tokenizer, template, instruction)
        self.growth = 0 if self._splicer is None else self._splicer.growth

    def render(self, prompt: Prompt, side: Side) -> list[int]:
        """Renders a prompt for one side; see `ModelPair.render`.

        A system message begins the first user's where the template knows none.
        """
        told = (
            side == "finetuned"
            and self._instruction is not None
            and given(self._instruction, prompt)
        )
        if prompt.text is None:
            messages = self._with_system(prompt.messages)
            prompt = prompt.model_copy(update={"messages": messages})
        if told and self._instruction is not None:
            if prompt.text is None and prompt.messages:
                messages = self.template.instructed(prompt.messages, self._instruction.text)
                prompt = prompt.model_copy(update={"messages": messages})
            elif self._splicer is not None:
                ids = render(self.tokenizer, prompt, self.template.options)
                return self._splicer.row(ids).token_ids
        return render(self.tokenizer, prompt, self.template.options)

    def conversation(self, turns: Sequence[ChatMessage]) -> list[int]:
        """Renders a conversation that is read, its closing tokens included.

        A system message begins the first user's where the template knows none.
        """
        return conversation_ids(self.tokenizer, self._with_system(turns), self.template.options)

    def _with_system(self, turns: Sequence[ChatMessage]) -> tuple[ChatMessage, ...]:
        """Puts a system message where the template shows it."""
        if turns and turns[0].role == "system" and not self.template.knows_system:
            return self.template.instructed(turns[1:], turns[0].content)
        return tuple(turns)

    def placed(self, side: Side, token_ids: Sequence[Sequence[int]]) -> list[Spliced]:
        """Returns rows as one side runs them: with the instruction where it is due."""
        if side == "base" or self._splicer is None:
            return [Spliced(list(row)) for row in token_ids]
        return self._splicer.rows(token_ids)

    def own_length(self, row: Sequence[int]) -> int:
        """Returns the tokens of a row without the instruction's."""
        return len(row) - (0 if self._splicer is None else self._splicer.added(row))
