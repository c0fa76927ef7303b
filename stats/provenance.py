"""Where a report comes from: commands, versions, logs, prompts and rubrics, each with its hash."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from diffgauge.records.rows import Row
from diffgauge.stats.cells import samples_of
from diffgauge.stats.evidence import mark
from diffgauge.stats.log_files import digest_of
from diffgauge.stats.logs import Logs, command_of
from diffgauge.stats.parts import Chapter, Listing, Words
from diffgauge.stats.tables import Column, Table, Value

__all__ = ["commands_of", "provenance", "versions_of"]

_MOST_COMMANDS: Final = 40
_DIGITS: Final = 16
_OWN: Final = ("diffgauge", "inspect_ai", "numpy", "scipy", "pandas", "numpyro", "jax")
_UNKNOWN: Final = "not recorded"
_READING: Final = (
    "A claim is a probability of ½ or more. Intervals of shares: exact binomial on the effective "
    "number of samples, clustered by organism; of means: percentiles over resampled organisms. "
    "Missing grades are never counted as wrong or right; best and worst cases over them stand "
    "beside the figures. The rows behind every figure: rows.parquet, rows.csv.gz; the tables as "
    "data: report.json; the same to read as text: report.md."
)


def provenance(rows: Sequence[Row], read: Logs) -> Chapter:
    """Returns the chapter that says what to run, and with what, to get the same.

    Args:
        rows: All rows.
        read: The logs they come from.
    """
    commands = commands_of(read)
    more = len(commands) - _MOST_COMMANDS
    shown = commands[:_MOST_COMMANDS] + ([f"# and {more} more: report.json"] if more > 0 else [])
    versions = versions_of(read)
    ran = ", ".join(f"{name} {one}" for name, one in versions["logs"].items()) or _UNKNOWN
    wrote = ", ".join(f"{name} {one}" for name, one in versions["report"].items())
    evidence = mark(rows)
    return Chapter(
        "provenance",
        "How it was run",
        (
            Listing("Each log was written by one of these.", "\n".join(shown), folded=False),
            Words((f"The logs were written with {ran}.", f"This report: {wrote}.", _READING)),
            _hashes(rows, evidence),
            _logs(read, evidence),
        ),
    )


def commands_of(read: Logs) -> list[str]:
    """Returns the commands that write the same logs again, each once."""
    return list(dict.fromkeys(command_of(run) for run in read.runs))


def versions_of(read: Logs) -> dict[str, dict[str, str]]:
    """Returns the versions that wrote the logs, and those that wrote this report."""
    found: dict[str, set[str]] = {}
    for run in read.runs:
        for name, one in run.header.eval.packages.items():
            found.setdefault(name, set()).add(one)
    logs = {name: ", ".join(sorted(versions)) for name, versions in sorted(found.items())}
    return {"logs": logs, "report": {"python": platform.python_version(), **_installed()}}


def _installed() -> dict[str, str]:
    held = {}
    for name in _OWN:
        try:
            held[name] = version(name)
        except PackageNotFoundError:
            continue
    return held


def _logs(read: Logs, evidence: str) -> Table:
    rows: list[dict[str, Value]] = []
    for run in sorted(read.runs, key=lambda run: (str(run.header.eval.created), run.address)):
        spec = run.header.eval
        revision = spec.revision
        commit = _UNKNOWN
        if revision is not None and revision.commit:
            commit = revision.commit + (" with changes" if revision.dirty else "")
        rows.append(
            {
                "log": run.name,
                "task": spec.task,
                "task_version": str(spec.task_version),
                "model": spec.model,
                "created": str(spec.created)[:19],
                "status": run.header.status,
                "attempted": run.attempted,
                "commit": commit,
                "digest": digest_of(run)[:_DIGITS],
            }
        )
    return Table(
        "logs",
        "Logs",
        "Every log that was read, by the time it was begun.",
        (
            Column("log", "log", "Name of the file."),
            Column("task", "task", "Registered name."),
            Column(
                "task_version",
                "version",
                "First part: raised when grades stop being comparable; second: when arguments do.",
            ),
            Column("model", "model", "That ran it."),
            Column("created", "begun", "UTC."),
            Column("status", "status", "Inspect's."),
            Column("attempted", "attempted", "Samples × epochs."),
            Column("commit", "commit", "Of the folder it was run in, where that is under git."),
            Column("digest", "SHA-256", f"Of the file, first {_DIGITS} digits."),
        ),
        tuple(rows),
        evidence,
    )


def _hashes(rows: Sequence[Row], evidence: str) -> Table:
    """Prompts and rubrics by their hashes: grades under two of them are not the same grades."""
    samples = samples_of(rows)
    found: dict[str, tuple[str, Counter[tuple[str, str | None]]]] = {
        "investigator's prompt": ("samples", Counter(("", row.prompt_hash) for row in samples)),
        "rubric": ("grades", Counter((row.family, row.rubric_hash) for row in rows)),
        "grader's prompt": ("grades", Counter(("", row.grader_prompt_hash) for row in rows)),
    }
    held: list[dict[str, Value]] = [
        {"what": what, "of": of, "hash": name, "n": n, "unit": unit}
        for what, (unit, counted) in found.items()
        for (of, name), n in sorted(counted.items(), key=str)
        if name is not None
    ]
    return Table(
        "hashes",
        "Prompts and rubrics",
        "The same hash is the same text to the letter. Two of one kind are not one experiment.",
        (
            Column("what", "what", "A prompt, or a rubric."),
            Column("of", "family", "The kind of organism a rubric is for."),
            Column("hash", "hash", "As the logs say."),
            Column("n", "n", "How often it was met."),
            Column("unit", "counted in", "Samples or grades."),
        ),
        tuple(held),
        evidence,
    )
