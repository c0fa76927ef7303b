"""The one view a method may have of a language model that is not a subject."""

from typing import Protocol

__all__ = ["TextModel"]


class TextModel(Protocol):
    """An injected language model: a comparator, a namer, a grader's help with tokens."""

    async def complete(self, prompt: str, *, seed: int) -> str:
        """Returns the model's reply to one prompt."""
        ...
