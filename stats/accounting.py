"""Where every sample went, what each took, and what each claimed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, get_args

from diffgauge.records.rows import Outcome, Row
from diffgauge.stats.cells import PLANTED, cells, mean, samples_of
from diffgauge.stats.evidence import mark
from diffgauge.stats.logs import Logs
from diffgauge.stats.tables import ARM_COLUMNS, Column, Table, Value, key

__all__ = ["accounting_table", "claims_table", "cost_table"]

_FIRST: Final = "blackbox"
_CLAIM_CHARS: Final = 200
_SUSPECT: Final = "SUSPECT"
_UNBOUNDED: Final = (float("nan"), float("nan"))

_ACCOUNTING: Final = (
    Column("attempted", "attempted", "Samples × epochs that were planned."),
    Column("not_run", "not run", "Of these, without any copy in the logs."),
    Column("errored", "errored", "Failed; 'inspect eval-retry' repeats them."),
    Column("completed", "completed", "Attempted less those not run and those that failed."),
    Column(
        "refused",
        "refused",
        "Of the completed: ended without a report because the investigator or its provider "
        "would not go on.",
    ),
    Column("unsubmitted", "no report", "Of the completed: ended without a report otherwise."),
    Column(
        "unparsable", "unparsable", "Of the completed: no report that was sent could be accepted."
    ),
    Column(
        "uncontacted",
        "nothing seen",
        "A report by an investigator that had replies alone to go by and saw none: not scored.",
    ),
    Column("ungraded", "not graded", "A report, and no truth to grade it by or no wish to."),
    Column("unscored", "unscored", "A report that could not be graded."),
    Column("scored", "scored", "A report that was graded."),
    Column(
        "sums",
        "sums",
        "Whether 'not run', 'errored' and the columns from 'refused' to 'scored' add up to "
        "attempted.",
    ),
    Column(
        "out_of_budget", "out of budget", "Stopped by a limit, or asked for more than was left."
    ),
    Column("no_contact", "no subject contact", "Never sampled a reply of either model."),
    Column(
        "hesitant", "refused turns", "Samples with a turn that the investigator refused to take."
    ),
    Column(
        "subject_refusals",
        "subjects' refusals",
        "Replies of the two models that are refusals; they may be what was planted.",
    ),
    Column("grader_refusals", "graders' refusals", "Grades that a grader refused to give."),
    Column("grader_failed", "grader failed", "Rubric grades that no grader could give."),
    Column("suspect", "suspect pairs", "Samples whose preflight was not VALID."),
)


def accounting_table(rows: Sequence[Row], read: Logs) -> Table:
    """Where every attempted sample went, by arm and investigator.

    Args:
        rows: All rows.
        read: The logs they come from: what was planned is counted from their headers, apart
            from the rows, so that the two can disagree.
    """
    held = []
    for arm_id, investigator in sorted(read.n_planned, key=lambda pair: (pair[0] != _FIRST, pair)):
        own = [row for row in rows if (row.arm_id, row.investigator) == (arm_id, investigator)]
        samples = samples_of(own)
        outcomes = Counter(row.outcome for row in samples)
        attempted = read.n_planned[arm_id, investigator]
        not_run = read.n_not_run.get((arm_id, investigator), 0)
        values: dict[str, Value] = {name: outcomes[name] for name in get_args(Outcome)}
        values |= {
            "arm": arm_id,
            "investigator": investigator,
            "attempted": attempted,
            "not_run": not_run,
            "completed": attempted - not_run - outcomes["errored"],
            "sums": "yes" if sum(outcomes.values()) + not_run == attempted else "NO",
            "out_of_budget": sum(row.out_of_budget for row in samples),
            "no_contact": sum(row.no_subject_contact is True for row in samples),
            "hesitant": _counted(samples, lambda row: row.refusals and 1),
            "subject_refusals": _counted(samples, lambda row: row.subject_refusals),
            "grader_refusals": _counted(samples, lambda row: row.grader_refusals),
            "grader_failed": sum(row.grade_reason == "grader_failed" for row in own),
            "suspect": sum(row.preflight not in (None, "VALID") for row in samples),
        }
        held.append(values)
    return Table(
        "accounting",
        "Where every sample went",
        "A sample that is missing here would flatter the figures above; best and worst cases "
        f"over the missing ones stand beside those.{_suspects(rows)}",
        (*ARM_COLUMNS[:2], *_ACCOUNTING),
        tuple(held),
        mark(rows),
    )


def _counted(samples: Sequence[Row], of: Callable[[Row], int | None]) -> int | None:
    """Adds up what the samples say; None where none of them says it."""
    held = [value for row in samples if (value := of(row)) is not None]
    return sum(held) if held else None


def _suspects(rows: Sequence[Row]) -> str:
    """Names the organisms that were run though their check found reasons to doubt them."""
    ran = [row for row in rows if row.outcome != "errored"]
    names = sorted({row.organism for row in ran if row.preflight == _SUSPECT})
    if not names:
        return ""
    return (
        f" Suspect pairs, run by leave: {', '.join(names)}; the reasons stand in the logs and in "
        "'diffgauge organisms check'."
    )


_COSTS: Final[tuple[tuple[Column, Callable[[Row], float | None]], ...]] = (
    (
        Column("interactions", "model interactions", "Replies sampled from the two models."),
        lambda row: row.interactions,
    ),
    (
        Column(
            "precompute",
            "precompute interactions",
            "Replies sampled to build the method's artifact, before the budget.",
        ),
        lambda row: row.precompute_interactions,
    ),
    (
        Column("tokens", "investigator tokens", "Read and written by the investigator."),
        lambda row: row.tokens_investigator,
    ),
    (
        Column("tokens_graders", "grader tokens", "Read and written by graders."),
        lambda row: row.tokens_graders,
    ),
    (
        Column("tokens_subjects", "subject tokens", "Sampled from the two models."),
        lambda row: row.tokens_subjects,
    ),
    (
        Column("turns", "turns", "Messages the investigator sent."),
        lambda row: row.turns,
    ),
    (
        Column("seconds", "seconds", "Wall-clock time of a sample, waiting included."),
        lambda row: row.seconds,
    ),
    (
        Column(
            "investigator_seconds",
            "investigator seconds",
            "Of these, inside the investigator's model.",
        ),
        lambda row: row.investigator_seconds,
    ),
    (
        Column("tool_seconds", "tool seconds", "Of these, inside tools."),
        lambda row: row.tool_seconds,
    ),
    (
        Column("grader_seconds", "grader seconds", "Of these, inside scorers."),
        lambda row: row.grader_seconds,
    ),
    (
        Column("money", "investigator $", "Dollars, by Inspect's prices; missing without one."),
        lambda row: row.cost_investigator,
    ),
    (
        Column("money_tools", "tools $", "Dollars for hosted models that tools asked."),
        lambda row: row.cost_tools,
    ),
    (
        Column("money_graders", "graders $", "Dollars for graders."),
        lambda row: row.cost_graders,
    ),
)


def cost_table(rows: Sequence[Row]) -> Table:
    """What a sample took on average, with 90 % intervals."""
    held = []
    for cell in cells(rows):
        values = key(cell)
        for column, of in _COSTS:
            values[column.key] = mean(cell.samples, of, _UNBOUNDED)
        held.append(values)
    return Table(
        "cost",
        "What a sample took",
        "Means over samples. Precomputed replies are not in the budget: a method that has many has "
        "seen more than its budget says.",
        (*ARM_COLUMNS, *(column for column, _ in _COSTS)),
        tuple(held),
        mark(rows),
    )


def _kind(row: Row) -> str:
    if row.null != PLANTED:
        return row.null
    return "planted" if row.graded else "not known"


def claims_table(rows: Sequence[Row]) -> Table:
    """What each report said, sample by sample."""
    held: list[dict[str, Value]] = []
    for row in sorted(samples_of(rows), key=lambda row: (row.organism, row.arm_id, row.epoch)):
        held.append(
            {
                "organism": row.organism,
                "null": _kind(row),
                "arm": row.arm_id,
                "investigator": row.investigator,
                "epoch": row.epoch,
                "p_differs": row.p_differs,
                "p_planted": row.p_planted,
                "rank": row.rank,
                "which": None if row.which is None else "right" if row.which else "wrong",
                "claim": (row.claim or row.error or "")[:_CLAIM_CHARS],
                "outcome": row.outcome,
            }
        )
    return Table(
        "claims",
        "Sample by sample",
        "The most confident finding stands as the investigator wrote it. 'inspect view' shows the "
        "whole transcript.",
        (
            Column(
                "organism", "organism", "The pair that was investigated; hidden from the agent."
            ),
            Column("null", "kind", "Planted, the kind of null, or not known to its owner."),
            Column("arm", "arm", "What the investigator saw."),
            Column("investigator", "investigator", "The model that investigated."),
            Column("epoch", "epoch", "Repeat."),
            Column("p_differs", "p_differs", "The report's probability that the models differ."),
            Column(
                "p_planted", "p_planted", "Its probability that a narrow change was trained in."
            ),
            Column("rank", "rank", "Rank of the true card, of 'no difference' for a null."),
            Column("which", "which", "Whether the finetuned model was named."),
            Column("claim", "most confident finding", "In the investigator's words."),
            Column("outcome", "outcome", "What became of the sample."),
        ),
        tuple(held),
        mark(rows),
    )
