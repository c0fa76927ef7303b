"""The first stage: both models' replies to every prompt, each kept as soon as it is there."""

import random
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from inspect_ai.util import collect

from diffgauge.evals.llm_diff.settings import DiffSettings
from diffgauge.methods.seeds import derived_seed
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.hypotheses import PairedReplies, Split
from diffgauge.records.subjects import SIDES, ChatMessage, Prompt
from diffgauge.tools.hosted import HostedCallError
from diffgauge.tools.subject_service import SubjectService

if TYPE_CHECKING:
    from diffgauge.models.pair import Row

__all__ = ["generate", "split_of"]


def split_of(prompts: Sequence[str], settings: DiffSettings) -> dict[str, Split]:
    """Returns which prompts hypotheses are made from, and which are held out, drawn by seed.

    Raises:
        DiffgaugeError: There are fewer than two different prompts.
    """
    asked = list(dict.fromkeys(prompts))
    if len(asked) < 2:
        raise DiffgaugeError(
            f"{len(asked)} prompts were given.", allowed="two or more, to be split in two"
        )
    order = sorted(asked)
    random.Random(settings.seed).shuffle(order)
    n_train = min(len(order) - 1, max(1, round(settings.train_share * len(order))))
    trained = set(order[:n_train])
    return {prompt: "train" if prompt in trained else "test" for prompt in asked}


async def generate(
    service: SubjectService,
    prompts: Sequence[str],
    settings: DiffSettings,
    keep: Callable[[list[PairedReplies]], None],
    *,
    done: Collection[tuple[str, int]] = frozenset(),
) -> None:
    """Samples both models' replies.

    Args:
        service: The two models; the base is model ``a``.
        prompts: What is asked; each once.
        settings: How often, and how long replies may be.
        keep: Takes one pair of replies as soon as both are there. A prompt that a model refused to
            take is a pair with its problem.
        done: (prompt, number) that are there already.

    Raises:
        HostedCallError: A hosted model failed before it gave any reply here.
    """
    waiting = (
        (prompt, number, split)
        for prompt, split in split_of(prompts, settings).items()
        for number in range(settings.n_samples)
        if (prompt, number) not in done
    )
    heard = bool(done)

    async def work() -> None:
        nonlocal heard
        for prompt, number, split in waiting:
            try:
                replies = await service.generate(_rows(prompt, number, settings))
                heard = True
                told = {"a": replies[0].text, "b": replies[1].text}
                keep([PairedReplies(prompt=prompt, number=number, split=split, **told)])
            except (DiffgaugeError, HostedCallError) as error:
                # One that never answered would fail at every prompt; all else costs this pair.
                if isinstance(error, HostedCallError) and not heard:
                    raise
                problem = str(error)
                keep([PairedReplies(prompt=prompt, number=number, split=split, problem=problem)])

    await collect(*(work() for _ in range(max(1, settings.at_once // len(SIDES)))))


def _rows(prompt: str, number: int, settings: DiffSettings) -> "list[Row]":
    """One request of each side; each has a seed of its own, so that equal models differ, too."""
    from diffgauge.models.pair import Row

    return [
        Row(
            side,
            Prompt(
                messages=(ChatMessage(role="user", content=prompt),),
                seed=derived_seed(settings.seed, "llm_diff", prompt, side, number),
                max_new_tokens=settings.max_new_tokens,
                temperature=settings.temperature,
            ),
        )
        for side in SIDES
    ]
