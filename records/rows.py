"""One graded sample as statistics see it: factors, grades, and what it took."""

from typing import Literal

from pydantic import Field

from diffgauge.records.record import Record

__all__ = ["Outcome", "Row"]

Outcome = Literal["scored", "ungraded", "unscored", "unparsable", "unsubmitted", "errored"]
"""What became of a sample, each sample exactly one.

``scored``: its report was graded (`identification` has a value). ``ungraded``: there is a report,
and nothing to grade it by, or no wish to. ``unscored``: there is a report and no grade of it.
``unparsable``: every report it sent was refused. ``unsubmitted``: it ended without one.
``errored``: it failed.
"""


class Row(Record):
    """One sample × epoch × grader; without a grader, one sample × epoch.

    None means that the log does not say; a grade that is None was not given, and the field
    ``…_reason`` beside it says why where the grader said so.

    Attributes:
        log: Name of the log file.
        task: Registered name of the task.
        task_id: Shared by a run and its retries.
        sample_id: Inspect's id of the sample.
        epoch: 1-based repeat.
        created: When the run began, ISO 8601.
        organism: Card id.
        truth_id: The organism as statistics count it: doses and seeds of one truth are one.
        family: Kind of planted difference.
        null: Kind of null, ``none`` when a difference was planted.
        dose: Dose of the finetuning data.
        split: Split of the card.
        pair_kind: How the pair is loaded.
        arm: What the investigator saw.
        arm_id: Arm and method as one factor.
        diff_method: The method, ``none`` without one.
        budget: Model interactions allowed.
        corpus: Where the method read, ``none`` without one.
        domain_data: Whether that was the organism's own training text.
        blind: Whether the models were named by aliases.
        sides_known: Whether the investigator was told which is the finetuned one.
        seed: Seed of the cell.
        investigator: Model that investigated.
        graded: Whether its report was to be graded: False for a pair without a truth.
        outcome: What became of the sample.
        out_of_budget: Whether a limit ended it or a call was refused for want of budget.
        no_subject_contact: Whether no reply of a subject model was ever sampled.
        error: First line of the error; None without one.
        preflight: Verdict of the preflight.
        p_differs: The report's probability that the models differ.
        p_planted: The report's probability that a narrow change was trained in.
        n_findings: Findings in the report.
        claim: Behaviour in the most confident finding; text of a model.
        identification: Reciprocal rank of the true candidate.
        rank: Its rank.
        top1: Whether it is first, alone.
        n_candidates: Among how many.
        chance_top1: What chance gives.
        chance_reciprocal_rank: What chance gives.
        identification_reason: Why it has no value.
        which: 1 right, 0 wrong.
        which_reason: Why it has no value.
        brier_differs: Brier score of `p_differs`.
        brier_planted: Brier score of `p_planted`.
        grader: Model that gave `grade`; None where no rubric grade was requested.
        grade: Rubric grade, 1 to 5.
        grade_reason: Why it has no value.
        rubric_hash: Of the rubric in force.
        interactions: Model interactions spent.
        precompute_interactions: Replies sampled to build the artifact.
        refused_calls: Tool calls refused for want of budget.
        failed_calls: Tool calls answered by another error.
        n_calls: Tool calls in all.
        flagged_excerpts: Excerpts that occur in no tool result.
        tokens_investigator: Tokens read and written by the investigator.
        tokens_graders: Tokens read and written by graders.
        tokens_subjects: Tokens sampled from subject models.
        trigger_fallbacks: Prompts whose trigger no readable answer of the role `trigger` decided,
            so that words did; None where no model was asked.
        turns: Messages the investigator sent.
        seconds: Wall-clock seconds of the sample.
        working_seconds: Of these, seconds not spent waiting for a slot.
        tool_seconds: Of these, seconds inside tools.
        replicated: Share of the tested findings that hold on fresh samples.
        replication_reason: Why it has no value.
        n_tested: Findings tested on fresh samples.
        n_held: Of these, those that hold.
        n_side_effects: Of these, those that are not about what was planted; None where that is
            not known.
        n_false_findings: Tested findings that do not hold.
        replication_interactions: Replies sampled to test them, outside the budget.
        replication_judge: Who judged the fresh replies: ``offline``, or the graders' names.
    """

    log: str
    task: str
    task_id: str
    sample_id: str
    epoch: int = Field(ge=1)
    created: str
    organism: str
    truth_id: str
    family: str
    null: str
    dose: str
    split: str
    pair_kind: str
    arm: str
    arm_id: str
    diff_method: str
    budget: int | None
    corpus: str
    domain_data: bool
    blind: bool
    sides_known: bool
    seed: int | None
    investigator: str
    graded: bool = True
    outcome: Outcome
    out_of_budget: bool
    no_subject_contact: bool | None
    error: str | None = None
    preflight: str | None = None
    p_differs: float | None = Field(default=None, ge=0, le=1)
    p_planted: float | None = Field(default=None, ge=0, le=1)
    n_findings: int | None = None
    claim: str | None = None
    identification: float | None = Field(default=None, ge=0, le=1)
    rank: float | None = Field(default=None, ge=1)
    top1: bool | None = None
    n_candidates: int | None = None
    chance_top1: float | None = None
    chance_reciprocal_rank: float | None = None
    identification_reason: str | None = None
    which: float | None = Field(default=None, ge=0, le=1)
    which_reason: str | None = None
    brier_differs: float | None = Field(default=None, ge=0, le=1)
    brier_planted: float | None = Field(default=None, ge=0, le=1)
    grader: str | None = None
    grade: float | None = Field(default=None, ge=1, le=5)
    grade_reason: str | None = None
    rubric_hash: str | None = None
    interactions: int | None = None
    precompute_interactions: int | None = None
    refused_calls: int | None = None
    failed_calls: int | None = None
    n_calls: int | None = None
    flagged_excerpts: int | None = None
    tokens_investigator: int | None = None
    tokens_graders: int | None = None
    tokens_subjects: int | None = None
    trigger_fallbacks: int | None = None
    turns: int | None = None
    seconds: float | None = None
    working_seconds: float | None = None
    tool_seconds: float | None = None
    replicated: float | None = Field(default=None, ge=0, le=1)
    replication_reason: str | None = None
    n_tested: int | None = None
    n_held: int | None = None
    n_side_effects: int | None = None
    n_false_findings: int | None = None
    replication_interactions: int | None = None
    replication_judge: str | None = None
