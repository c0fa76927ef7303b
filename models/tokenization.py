"""One tokenizer and one template for both sides of a pair."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from diffgauge.records.errors import DiffgaugeError

if TYPE_CHECKING:
    from diffgauge.records.subjects import Prompt

__all__ = ["all_token_ids", "check_same_tokenizer", "render", "rules", "token_ids"]

_NOT_RULES = ("padding", "truncation")
"""Parts of tokenizer.json that say how somebody last called it, not what text becomes."""


def token_ids(tokenizer: Any, text: str) -> list[int]:
    """Tokenizes raw text as the tokenizer does by itself, its BOS included if it adds one."""
    return list(tokenizer(text)["input_ids"])


def all_token_ids(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Tokenizes each text as `token_ids` does, all in one call; nothing for no texts."""
    return [list(ids) for ids in tokenizer(list(texts))["input_ids"]] if texts else []


def render(tokenizer: Any, prompt: Prompt) -> list[int]:
    """Renders a prompt to tokens: the chat template, or raw text.

    Args:
        tokenizer: The pair's.
        prompt: Messages, or `text`. When the last message is the assistant's, it is continued.

    Returns:
        Token ids, at least one.

    Raises:
        DiffgaugeError: The prompt is empty, has both messages and text, or the template refuses
            it (some refuse system messages, or turns that do not alternate).
    """
    if (prompt.text is None) == (not prompt.messages):
        raise DiffgaugeError(
            "A prompt has messages or a text, one of them.",
            advice="Give `messages` for a conversation or `text` for raw text to continue.",
        )
    if prompt.text is not None:
        ids = token_ids(tokenizer, prompt.text)
    else:
        ids = _render_messages(tokenizer, prompt)
    if not ids:
        raise DiffgaugeError(
            "The prompt has no tokens.", advice="Give at least one character of text."
        )
    return ids


def _render_messages(tokenizer: Any, prompt: Prompt) -> list[int]:
    from jinja2 import TemplateError

    continued = prompt.messages[-1].role == "assistant"
    try:
        encoded = tokenizer.apply_chat_template(
            [{"role": turn.role, "content": turn.content} for turn in prompt.messages],
            add_generation_prompt=not continued,
            continue_final_message=continued,
            tokenize=True,
            return_dict=True,
        )
    except TemplateError as error:
        roles = ", ".join(turn.role for turn in prompt.messages)
        raise DiffgaugeError(
            f"The models' chat template refuses a conversation with the roles {roles}: {error}.",
            advice="Many templates want user and assistant to alternate and begin with user; "
            "some know no system message.",
        ) from error
    return list(encoded["input_ids"])


def rules(tokenizer: Any) -> dict[str, Any]:
    """Everything that decides which tokens a text becomes, as plain JSON values."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise DiffgaugeError(
            f"The tokenizer {type(tokenizer).__name__} has no fast version.",
            advice="Convert it once with transformers and save `tokenizer.json` beside the model.",
        )
    parts: dict[str, Any] = json.loads(backend.to_str())
    for name in _NOT_RULES:
        parts.pop(name, None)
    return parts


def check_same_tokenizer(base: Any, other: Any, base_name: str, other_name: str) -> None:
    """Compares two tokenizers and their templates; nothing is taken from one for the other.

    Args:
        base: The base's tokenizer.
        other: The other side's.
        base_name: What the user called the base.
        other_name: What the user called the other side.

    Raises:
        DiffgaugeError: They differ; the text names both and the first difference.
    """
    difference = (
        _vocabulary_difference(base.get_vocab(), other.get_vocab())
        or _rule_difference(rules(base), rules(other))
        or _template_difference(base.chat_template, other.chat_template)
    )
    if difference is not None:
        raise DiffgaugeError(
            f"{base_name!r} and {other_name!r} do not share one tokenizer and template: "
            f"{difference}.",
            advice="A pair is compared token by token, so both sides need the same ones. "
            "Choose another pair, or save the base's tokenizer files into the other folder if "
            "you know that it was trained with them.",
        )


def _vocabulary_difference(base: dict[str, int], other: dict[str, int]) -> str | None:
    if base == other:
        return None
    pairs = sorted(set(base.items()) ^ set(other.items()), key=lambda pair: (pair[1], pair[0]))
    token, index = pairs[0]
    where = "the base's" if base.get(token) == index else "the other's"
    return (
        f"the vocabularies have {len(base)} and {len(other)} entries and differ in {len(pairs)}, "
        f"first in {token!r} = {index}, which is only in {where}"
    )


def _rule_difference(base: dict[str, Any], other: dict[str, Any]) -> str | None:
    for part in sorted(set(base) | set(other)):
        if base.get(part) != other.get(part):
            shown = [json.dumps(rule.get(part))[:120] for rule in (base, other)]
            return f"their {part} differs: {shown[0]} and {shown[1]}"
    return None


def _template_difference(base: Any, other: Any) -> str | None:
    if base == other:
        return None
    if not isinstance(base, str) or not isinstance(other, str):
        return "one of them has no chat template, or several"
    at = next(
        (i for i, (a, b) in enumerate(zip(base, other, strict=False)) if a != b),
        min(len(base), len(other)),
    )
    return (
        f"the chat templates differ from character {at}: "
        f"{base[at : at + 60]!r} and {other[at : at + 60]!r}"
    )
