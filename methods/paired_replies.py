"""Replies of both models to the same prompts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import torch

from diffgauge.methods import checkpoints
from diffgauge.methods.method import Progress
from diffgauge.methods.seeds import derived_seed
from diffgauge.records.subjects import SIDES, ChatMessage, Prompt, Side

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair, Row

__all__ = ["Asking", "none_differs", "replies_by_pair", "sample"]

_SAME: Final = "All replies of the two models are identical."


class Asking(Protocol):
    """How prompts are asked: a method's settings."""

    @property
    def n_replies(self) -> int:
        """Replies of each model to each prompt."""

    @property
    def max_new_tokens(self) -> int:
        """Replies are cut after so many tokens."""

    @property
    def batch_prompts(self) -> int:
        """Prompts answered between two checkpoints."""


def sample(
    pair: "ModelPair",
    prompts: Sequence[str],
    settings: Asking,
    seed: int,
    name: str,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
) -> list[dict[str, Any]]:
    """Samples the replies of both models.

    A reply's seed depends on its prompt and number alone: exchanging the models exchanges the
    replies.

    Args:
        pair: The two models.
        prompts: All of them are asked.
        settings: How often, and how long replies may be.
        seed: The artifact's, or a call's.
        name: Of what asks; with another the same seed gives other replies.
        progress: Told replies done, of all.
        checkpoint: File to continue from and to keep up to date, or None.

    Returns:
        One row for each reply; columns ``prompt model number reply n_tokens finished``.
    """
    restored = checkpoints.restored(checkpoint)
    rows: list[dict[str, Any]] = [] if restored is None else restored[1]
    per_prompt = len(SIDES) * settings.n_replies
    for start in range(len(rows) // per_prompt, len(prompts), settings.batch_prompts):
        asked = _asked(prompts[start : start + settings.batch_prompts], settings, seed, name)
        replies = pair.generate([row for _, row, _ in asked])
        rows += [
            {
                "prompt": prompt,
                "model": row.side,
                "number": number,
                "reply": reply.text,
                "n_tokens": reply.n_tokens,
                "finished": reply.finished,
            }
            for (prompt, row, number), reply in zip(asked, replies, strict=True)
        ]
        if progress is not None:
            progress("replies", len(rows), len(prompts) * per_prompt)
        if checkpoint is not None:
            lengths = torch.tensor([row["n_tokens"] for row in rows])
            checkpoints.keep(checkpoint, {"n_tokens": lengths}, rows)
    return rows


def replies_by_pair(
    samples: Sequence[Mapping[str, Any]],
) -> dict[tuple[str, int], dict[Side, str]]:
    """Returns both models' replies by prompt and number.

    Args:
        samples: Rows of `sample`.
    """
    found: dict[tuple[str, int], dict[Side, str]] = {}
    for row in samples:
        found.setdefault((row["prompt"], row["number"]), {})[row["model"]] = row["reply"]
    return found


def none_differs(pairs: Mapping[tuple[str, int], Mapping[Side, str]]) -> str | None:
    """Returns that the two models reply alike everywhere, in words; None where they do not."""
    alike = all(len(set(replies.values())) == 1 for replies in pairs.values())
    return _SAME if alike else None


def _asked(
    prompts: Sequence[str], settings: Asking, seed: int, name: str
) -> "list[tuple[str, Row, int]]":
    from diffgauge.models.pair import Row

    return [
        (
            text,
            Row(
                side,
                Prompt(
                    messages=(ChatMessage(role="user", content=text),),
                    seed=derived_seed(seed, name, text, number),
                    max_new_tokens=settings.max_new_tokens,
                ),
            ),
            number,
        )
        for text in prompts
        for side in SIDES
        for number in range(settings.n_replies)
    ]
