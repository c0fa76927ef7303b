"""One graded sample as statistics see it: factors, grades, and what it took."""

from typing import Literal

from pydantic import Field

from diffgauge.records.gaps import Break
from diffgauge.records.record import Record

__all__ = ["Outcome", "Row"]

Outcome = Literal[
    "scored",
    "ungraded",
    "unscored",
    "uncontacted",
    "unparsable",
    "refused",
    "unsubmitted",
    "errored",
]
"""What became of a sample, each sample exactly one.

``scored``: its report was graded (`identification` has a value). ``ungraded``: there is a report,
and nothing to grade it by, or no wish to. ``unscored``: there is a report and no grade of it.
``uncontacted``: there is a report by an investigator that had nothing but replies to go by, and
saw none. ``unparsable``: every report it sent was not accepted. ``refused``: it ended without one
because the investigator or its provider would not go on. ``unsubmitted``: it ended without one.
``errored``: it failed.
"""


class Row(Record):
    """One sample × epoch × grader × repeat; without a grader, one sample × epoch.

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
        investigator: Model that investigated; the solver that wrote the report in its place.
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
        grader_prompt_hash: Over the prompt that the rubric stood in.
        repeat: 1-based repeat of the same grader.
        same_model: Whether the grader is the investigator's own model.
        grader_mode: Who gave the four columns that follow, ``lexical`` or ``model``; never pooled.
        facts_exact: Share of the key facts stated exactly.
        facts_abstract: Share stated exactly or in more general terms.
        facts_reason: Why they have no value.
        trigger_behaviour: 0 to 1 in quarters, trigger and behaviour together.
        trigger_behaviour_reason: Why it has no value.
        any_of_k: 1 where a finding hits, else 0.
        any_of_k_weighted: Quadratic score of the findings' confidences, -1 to 1.
        any_of_k_reason: Why they have no value.
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
        investigator_seconds: Of these, seconds the investigator took outside of tools: its
            model's, and waiting for it.
        grader_seconds: Of these, seconds the scorers took.
        cost_investigator: Dollars for the investigator, by Inspect's prices; None without one.
        cost_tools: Dollars for hosted subject models and whoever else tools asked.
        cost_graders: Dollars for graders.
        refusals: Turns in which the investigator, or its provider, refused.
        subject_refusals: Replies of subject models that are refusals; they may be what was planted.
        grader_refusals: Grades that a grader refused to give.
        gap_exposed: Share of the card's key facts that some tool result showed.
        gap_noted: Share that the investigator wrote of.
        gap_submitted: Share that stands in a finding.
        gap_credited: Share that was graded as found.
        gap_exposed_others: What other cards' facts reach on the same results, by the same rule.
        gap_broke_at: The stage before which the fact that got furthest broke; ``none`` where one
            was credited.
        gap_reason: Why these have no value.
        agent_name: Registered name of the agent that investigated.
        turn_budget: Messages it might send.
        token_budget: Tokens it might use.
        money_budget: US dollars the sample might cost; None also where there was no limit.
        shown_truth_id: In the arm ``sham``, the truth whose artifact was shown; None in others.
        sham_rank: Rank of that truth, the wrong one.
        sham_top1: Whether it is first, alone.
        replicated: Share of the tested findings that hold on fresh samples.
        replication_reason: Why it has no value.
        n_tested: Findings tested on fresh samples.
        n_held: Of these, those that hold.
        n_side_effects: Of these, those that are not about what was planted; None where that is
            not known.
        n_false_findings: Tested findings that do not hold.
        replication_interactions: Replies sampled to test them, outside the budget.
        replication_judge: Who judged the fresh replies: ``offline``, or the graders' names.
        task_version: Of the task, as Inspect has it.
        diffgauge_version: Of the package that ran it.
        method_version: Of the method whose artifact was shown or counted.
        prompt_hash: Over the investigator's prompts.
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
    grader_prompt_hash: str | None = None
    repeat: int | None = Field(default=None, ge=1)
    same_model: bool | None = None
    grader_mode: Literal["lexical", "model"] | None = None
    facts_exact: float | None = Field(default=None, ge=0, le=1)
    facts_abstract: float | None = Field(default=None, ge=0, le=1)
    facts_reason: str | None = None
    trigger_behaviour: float | None = Field(default=None, ge=0, le=1)
    trigger_behaviour_reason: str | None = None
    any_of_k: float | None = Field(default=None, ge=0, le=1)
    any_of_k_weighted: float | None = Field(default=None, ge=-1, le=1)
    any_of_k_reason: str | None = None
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
    investigator_seconds: float | None = None
    grader_seconds: float | None = None
    cost_investigator: float | None = None
    cost_tools: float | None = None
    cost_graders: float | None = None
    refusals: int | None = None
    subject_refusals: int | None = None
    grader_refusals: int | None = None
    gap_exposed: float | None = Field(default=None, ge=0, le=1)
    gap_noted: float | None = Field(default=None, ge=0, le=1)
    gap_submitted: float | None = Field(default=None, ge=0, le=1)
    gap_credited: float | None = Field(default=None, ge=0, le=1)
    gap_exposed_others: float | None = Field(default=None, ge=0, le=1)
    gap_broke_at: Break | None = None
    gap_reason: str | None = None
    agent_name: str | None = None
    turn_budget: int | None = None
    token_budget: int | None = None
    money_budget: float | None = None
    shown_truth_id: str | None = None
    sham_rank: float | None = Field(default=None, ge=1)
    sham_top1: bool | None = None
    replicated: float | None = Field(default=None, ge=0, le=1)
    replication_reason: str | None = None
    n_tested: int | None = None
    n_held: int | None = None
    n_side_effects: int | None = None
    n_false_findings: int | None = None
    replication_interactions: int | None = None
    replication_judge: str | None = None
    task_version: str | None = None
    diffgauge_version: str | None = None
    method_version: int | None = None
    prompt_hash: str | None = None
