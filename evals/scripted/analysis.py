"""The evidence of one conversation weighed: stages of replies, leads, the method's signal.

No reply is used twice. Terms to look for are fixed before a stage's prompts are asked: from a
method's results for the bank, and from those and all earlier replies for every round of
follow-ups. Each stage tests them, and everything else, on new replies.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from diffgauge.evals.scripted.beliefs import Signal, combined, signal_of
from diffgauge.evals.scripted.evidence import Conversation, Seen
from diffgauge.evals.scripted.kinship import kinship
from diffgauge.evals.scripted.leads import (
    Lead,
    mentioned,
    ranked_leads,
    reply_leads,
    shown_by,
    signal_leads,
)
from diffgauge.evals.scripted.permutation import permutation_test
from diffgauge.evals.scripted.replies import SeenReply, feature_table, plain_replies

__all__ = ["Analysis", "Stage", "analyse", "top_leads"]

TESTED_LEADS = 10
"""Leads a model that enter the test of the leads."""

_SEED = 0
"""Seeds the random exchanges of the permutation tests; they need no other."""


@dataclass(frozen=True)
class Stage:
    """Plain replies of one stage and what their tests say.

    Attributes:
        replies: All plain replies of the stage.
        n_prompts: Prompts that both models answered.
        p_any: Permutation p-value of the maximum over words, openings and styles; NaN without
            such prompts.
        p_signal: One-sided p-value that replies use the terms that a method's results had shown
            for their own model more than those for the other; NaN without such terms.
        p_replies: Likewise for terms that earlier replies had shown.
        strongest: The feature that moved most, or None.
        z_strongest: Its standardised difference, first alias minus second; NaN without one.
    """

    replies: tuple[SeenReply, ...] = ()
    n_prompts: int = 0
    p_any: float = math.nan
    p_signal: float = math.nan
    p_replies: float = math.nan
    strongest: str | None = None
    z_strongest: float = math.nan

    @property
    def evidence(self) -> float:
        """The stage's bet against "no difference": the average of its tests' e-values."""
        return combined((self.p_any, self.p_signal, self.p_replies))


@dataclass(frozen=True)
class Analysis:
    """Everything the next prompts and the report are made from.

    Attributes:
        aliases: The two models; fewer when they are not known.
        stages: The bank's replies (with any that came with the task), then each round of
            follow-ups.
        shown: Leads of the method's results, strongest first.
        said: Leads of all plain replies, strongest first.
        leads: Both added up, strongest first.
        kin: How far the terms shown for each model belong together (see `kinship`); NaN where
            no reply tells.
        places: Where a tool showed a term: the text, verbatim, and the tool.
        signal: What the method's results say.
    """

    aliases: tuple[str, ...]
    stages: tuple[Stage, ...]
    shown: tuple[Lead, ...]
    said: tuple[Lead, ...]
    leads: tuple[Lead, ...]
    kin: Mapping[str, float]
    places: Mapping[str, tuple[str, str]]
    signal: Signal

    @property
    def replies(self) -> tuple[SeenReply, ...]:
        """All plain replies, in order."""
        return tuple(reply for stage in self.stages for reply in stage.replies)


def analyse(conversation: Conversation, asked_turns: Sequence[int]) -> Analysis:
    """Weighs a conversation.

    Args:
        conversation: What the messages say.
        asked_turns: Message index of the first call that asked the bank, then of each round of
            follow-ups.

    Returns:
        The analysis; stages that have not happened are not in it.
    """
    aliases = conversation.aliases if len(conversation.aliases) == 2 else ()
    seen = conversation.seen
    stages: list[Stage] = []
    earlier: list[SeenReply] = []
    starts = list(asked_turns) or [0]
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        until = _until(seen, end)
        replies = plain_replies(until)[len(earlier) :]
        shown = ranked_leads(signal_leads(_until(seen, start), aliases))
        said = ranked_leads(reply_leads(earlier, aliases))
        stages.append(_stage(replies, aliases, shown, said))
        earlier += replies
    of_signal, of_replies = signal_leads(seen, aliases), reply_leads(earlier, aliases)
    shown = ranked_leads(of_signal)
    return Analysis(
        aliases=aliases,
        stages=tuple(stages),
        shown=tuple(shown),
        said=tuple(ranked_leads(of_replies)),
        leads=tuple(ranked_leads(of_signal, of_replies)),
        kin={name: kinship(shown, earlier, name) for name in aliases},
        places=shown_by(seen),
        signal=signal_of(seen),
    )


def top_leads(leads: Sequence[Lead], model: str, n_leads: int = TESTED_LEADS) -> list[Lead]:
    """Returns the strongest leads of one model, strongest first."""
    return [lead for lead in leads if lead.model == model][:n_leads]


def _until(seen: Sequence[Seen], turn: int | None) -> tuple[Seen, ...]:
    return tuple(entry for entry in seen if turn is None or entry.turn < turn)


def _stage(
    replies: Sequence[SeenReply],
    aliases: Sequence[str],
    shown: Sequence[Lead],
    said: Sequence[Lead],
) -> Stage:
    compared = [reply for reply in replies if reply.model in aliases]
    if len(aliases) != 2 or not compared:
        return Stage(replies=tuple(replies))
    numbers = {prompt: i for i, prompt in enumerate(dict.fromkeys(r.prompt for r in compared))}
    prompts = [numbers[reply.prompt] for reply in compared]
    is_first = [reply.model == aliases[0] for reply in compared]
    table = feature_table(compared)
    over_all = permutation_test(table.values, prompts, is_first, seed=_SEED)
    if over_all.n_prompts == 0:
        return Stage(replies=tuple(replies))

    def p_of(leads: Sequence[Lead]) -> float:
        tested = [lead for name in aliases for lead in top_leads(leads, name)]
        if not tested:
            return math.nan
        balance = np.array([[_balance(tested, reply, aliases)] for reply in compared])
        return permutation_test(balance, prompts, is_first, seed=_SEED, two_sided=False).p_value

    strongest = int(np.argmax(np.abs(over_all.z)))
    return Stage(
        replies=tuple(replies),
        n_prompts=over_all.n_prompts,
        p_any=over_all.p_value,
        p_signal=p_of(shown),
        p_replies=p_of(said),
        strongest=table.names[strongest],
        z_strongest=float(over_all.z[strongest]),
    )


def _balance(leads: Sequence[Lead], reply: SeenReply, aliases: Sequence[str]) -> float:
    """Scores of the first model's leads that a reply uses, less those of the second's."""
    scores = {lead.term: lead.score for lead in leads}
    of_first, of_second = (
        sum(scores[term] for term in mentioned(leads, reply, name)) for name in aliases
    )
    return float(of_first - of_second)
