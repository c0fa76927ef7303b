"""A sample to typed rows: one for each sample × epoch × grader × repeat."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

from inspect_ai.log import EvalSample
from inspect_ai.scorer import Score
from pydantic import ValidationError

from diffgauge.records.reports import Report
from diffgauge.records.rows import Outcome, Row
from diffgauge.records.stored import (
    ARTIFACT_KEY,
    NO_SHAM,
    NOT_GRADED,
    PREFLIGHT_KEY,
    REPORT_KEY,
    USAGE_KEY,
)
from diffgauge.stats.costs import costs_of
from diffgauge.stats.gap import gap_columns
from diffgauge.stats.log_files import Run, investigator_of
from diffgauge.stats.refusals import ended_in_refusal, grader_refusals

__all__ = ["NO_CONTACT", "rows_of_sample"]

NO_CONTACT: Final = "no subject contact"
"""Why a report is not scored whose investigator had only replies to go by, and saw none."""

_REPLIES_ALONE: Final = frozenset({"blackbox", "blackbox_matched", "single_model"})
"""Arms that show replies of the subject models and nothing else."""

_MATCHED: Final = "blackbox_matched"
_GRADER: Final = "grader"
_UNKNOWN: Final = "unknown"
_LINE: Final = 300


def rows_of_sample(run: Run, sample: EvalSample) -> tuple[Row, ...]:
    """Returns the rows of one sample on its own; whether its log was graded later is not seen.

    Args:
        run: The log it stands in.
        sample: Its transcript is not read.
    """
    scores = sample.scores or {}
    blind_guess = _uncontacted(sample)
    if blind_guess:
        scores = {name: Score.unscored(reason=NO_CONTACT) for name in scores}
    values: dict[str, Any] = {
        **_identity(run, sample),
        **_versions(run, sample),
        **_report(sample),
        **_identification(scores.get("identification")),
        **_which(scores.get("which")),
        **_detection(scores.get("detection")),
        **gap_columns(scores.get("gap")),
        **_scale(scores.get("key_facts"), "facts", {"exact": "_exact", "abstract": "_abstract"}),
        **_scale(scores.get("trigger_behaviour"), "trigger_behaviour", {"both": ""}),
        **_scale(scores.get("any_of_k"), "any_of_k", {"hit": "", "weighted": "_weighted"}),
        **_replication(scores.get("replication")),
        **_usage(sample),
        **costs_of(sample, run.header.eval),
        "grader_refusals": grader_refusals(sample.scores or {}),
    }
    if blind_guess:
        values |= dict.fromkeys(("p_differs", "p_planted"))
    values["graded"] = sample.metadata.get("graded") is not False
    values["outcome"] = _outcome(sample, values)
    return tuple(Row.model_validate(values | grade) for grade in _grades(scores.get("rubric")))


def _identity(run: Run, sample: EvalSample) -> dict[str, Any]:
    spec, held = run.header.eval, sample.metadata
    error = sample.error.message.splitlines()[0][:_LINE] if sample.error else None
    values = {
        "log": run.name,
        "task": spec.task,
        "task_id": spec.task_id,
        "sample_id": str(sample.id),
        "epoch": sample.epoch,
        "created": str(spec.created),
        "investigator": investigator_of(spec),
        "error": error,
        "budget": held.get("budget"),
        "seed": held.get("seed"),
        "domain_data": held.get("domain_data") is True,
        "blind": held.get("blind") is True,
        "sides_known": held.get("sides_known") is True,
    }
    values |= _budgets(held)
    for name in (
        "organism",
        "truth_id",
        "family",
        "null",
        "dose",
        "split",
        "pair_kind",
        "arm",
        "arm_id",
        "diff_method",
        "corpus",
    ):
        values[name] = str(held.get(name, _UNKNOWN))
    return values


def _versions(run: Run, sample: EvalSample) -> dict[str, Any]:
    """What the sample was made with; None where its log does not say."""
    spec, artifact = run.header.eval, _stored(sample, ARTIFACT_KEY) or {}
    version = spec.task_version
    return {
        "task_version": None if version is None else str(version),
        "diffgauge_version": spec.packages.get("diffgauge"),
        "method_version": artifact.get("inputs", {}).get("method_version"),
        "prompt_hash": sample.metadata.get("prompt_hash"),
    }


def _budgets(held: Mapping[str, Any]) -> dict[str, Any]:
    """Who investigated and within what, beside interactions; logs of before say nothing of it."""
    money, shown = held.get("money_budget"), held.get("shown_truth_id")
    return {
        "agent_name": held.get("agent_name"),
        "turn_budget": held.get("turns"),
        "token_budget": held.get("token_budget"),
        "money_budget": None if money == NO_SHAM else money,
        "shown_truth_id": None if shown == NO_SHAM else shown,
    }


def _stored(sample: EvalSample, key: str) -> Any:
    value = sample.store.get(key)
    return json.loads(value) if isinstance(value, str) else value


def _report(sample: EvalSample) -> dict[str, Any]:
    stored = _stored(sample, REPORT_KEY)
    if stored is None:
        return {}
    try:
        report = Report.model_validate_json(json.dumps(stored))
    except ValidationError:
        return {}
    top = max(report.findings, key=lambda finding: finding.confidence, default=None)
    return {
        "p_differs": report.p_differs,
        "p_planted": report.p_planted,
        "n_findings": len(report.findings),
        "claim": None if top is None else top.behaviour,
    }


def _number(value: Any) -> float | None:
    """A score's value as a number; None for the NaN that means unscored."""
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return None
    return float(value)


def _identification(score: Score | None) -> dict[str, Any]:
    if score is None:
        return {"identification_reason": "not requested"}
    value = _number(score.value)
    if value is None:
        return {"identification_reason": score.reason or _UNKNOWN}
    names = (
        "rank",
        "top1",
        "n_candidates",
        "chance_top1",
        "chance_reciprocal_rank",
        "sham_rank",
        "sham_top1",
    )
    held = score.metadata or {}
    return {"identification": value} | {name: held.get(name) for name in names}


def _which(score: Score | None) -> dict[str, Any]:
    if score is None:
        return {"which_reason": "not requested"}
    value = _number(score.value)
    return {"which": value, "which_reason": None if value is not None else score.reason or _UNKNOWN}


def _detection(score: Score | None) -> dict[str, Any]:
    if score is None or not isinstance(score.value, Mapping):
        return {}
    return {f"brier_{key}": _number(score.value.get(key)) for key in ("differs", "planted")}


def _scale(score: Score | None, name: str, columns: Mapping[str, str]) -> dict[str, Any]:
    """Returns the columns of a scale whose value is a mapping, by key and ending of a column."""
    if score is None:
        return {f"{name}_reason": "not requested"}
    mode = (score.metadata or {}).get("mode")
    by = {} if mode is None else {"grader_mode": mode}
    if not isinstance(score.value, Mapping):
        return {f"{name}_reason": score.reason or _UNKNOWN} | by
    return by | {name + end: _number(score.value.get(key)) for key, end in columns.items()}


def _replication(score: Score | None) -> dict[str, Any]:
    if score is None:
        return {"replication_reason": "not requested"}
    held, value = score.metadata or {}, _number(score.value)
    names = ("n_tested", "n_held", "n_side_effects", "n_false_findings")
    return {
        "replicated": value,
        "replication_reason": None if value is not None else score.reason or _UNKNOWN,
        "replication_judge": held.get("judge"),
        **{name: held.get(name) for name in names},
    }


def _grades(score: Score | None) -> list[dict[str, Any]]:
    """Returns the columns of each grader; one without a grader where none was requested."""
    if score is None:
        return [{"grade_reason": "not requested"}]
    held = score.metadata or {}
    graders = held.get("graders")
    if not graders:
        return [{"grade_reason": score.reason or _UNKNOWN}]
    return [
        {
            "grader": str(one["grader"]),
            "grade": one["grade"],
            "grade_reason": None if one["grade"] is not None else "grader_failed",
            "rubric_hash": held.get("rubric_hash"),
            "grader_prompt_hash": held.get("prompt_hash"),
            "repeat": one.get("repeat", 1),
            "same_model": one.get("same_model"),
        }
        for one in graders
    ]


def _usage(sample: EvalSample) -> dict[str, Any]:
    held = _stored(sample, USAGE_KEY) or {}
    preflight = _stored(sample, PREFLIGHT_KEY) or {}
    roles = {role: usage.total_tokens for role, usage in sample.role_usage.items()}
    graders = roles.get(_GRADER, 0)
    every = sum(usage.total_tokens for usage in sample.model_usage.values())
    refused, spent = held.get("refused_calls"), held.get("interactions")
    ended_early = held.get("ended") in ("out of turns", "cut off")
    return {
        "preflight": preflight.get("verdict") if isinstance(preflight, dict) else None,
        "interactions": spent,
        "precompute_interactions": held.get("precompute_interactions"),
        "refused_calls": refused,
        "failed_calls": held.get("failed_calls"),
        "n_calls": sum(held["calls"].values()) if "calls" in held else None,
        "flagged_excerpts": held.get("evidence", {}).get("flagged"),
        "out_of_budget": bool(refused) or sample.limit is not None or ended_early,
        "no_subject_contact": None if spent is None else spent == 0,
        # Hosted subject models and whoever decides triggers have roles, like graders.
        "tokens_investigator": every - sum(roles.values()) if sample.model_usage else None,
        "tokens_graders": graders if sample.model_usage else None,
        "tokens_subjects": held.get("subject_tokens"),
        "trigger_fallbacks": held.get("trigger_fallbacks"),
        "turns": held.get("turns", sample.turn_count),
        "seconds": sample.total_time,
        "working_seconds": sample.working_time,
        "tool_seconds": held.get("tool_seconds"),
        "investigator_seconds": held.get("investigator_seconds"),
        "grader_seconds": held.get("grader_seconds"),
        "refusals": held.get("refusals"),
        "subject_refusals": held.get("subject_refusals"),
        "replication_interactions": held.get("replication_interactions"),
    }


def _uncontacted(sample: EvalSample) -> bool:
    """Whether there is a report, and nothing it could rest on.

    In an arm that was given replies up front (`blackbox_matched`) those are contact.
    """
    if (sample.metadata or {}).get("arm") not in _REPLIES_ALONE:
        return False
    held = _stored(sample, USAGE_KEY) or {}
    given = held.get("precompute_interactions") if sample.metadata["arm"] == _MATCHED else 0
    # A log that does not say is not blamed.
    saw_nothing = held.get("interactions") == 0 and given == 0
    return saw_nothing and _stored(sample, REPORT_KEY) is not None


def _outcome(sample: EvalSample, values: Mapping[str, Any]) -> Outcome:
    if sample.error is not None:
        return "errored"
    if _uncontacted(sample):
        return "uncontacted"
    if values.get("identification") is not None:
        return "scored"
    ended = (_stored(sample, USAGE_KEY) or {}).get("ended")
    reason = values.get("identification_reason")
    if ended == "unparsable" or reason == "invalid_response_format":
        return "unparsable"
    if _stored(sample, REPORT_KEY) is None:
        return "refused" if ended_in_refusal(sample) else "unsubmitted"
    return "ungraded" if reason == NOT_GRADED else "unscored"
