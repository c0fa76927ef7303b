"""Logs to samples: which copies of a sample count, what is kept of it, and what was left out."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from inspect_ai.log import EvalSample

from diffgauge.records.artifacts import hash_json
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.printing import neutralised
from diffgauge.records.rows import Row
from diffgauge.records.stored import ALIASES_KEY, REPORT_KEY
from diffgauge.stats.gap import Travelled, travelled_in
from diffgauge.stats.log_files import (
    Run,
    investigator_of,
    log_files,
    opened_run,
    samples_in,
    uncollected,
)
from diffgauge.stats.log_sets import LogSet, named_sets
from diffgauge.stats.mixed_versions import mixed_versions
from diffgauge.stats.sample_rows import rows_of_sample

__all__ = ["Logs", "Sampled", "command_of", "read_logs"]

_FACTORS: Final = ("organism", "arm_id", "truth_id", "null")
_OFFLINE: Final = "diffgauge/"
_LINE: Final = 300


@dataclass(frozen=True)
class Sampled:
    """What is kept of one sample of one run; its transcript stays in the log.

    Attributes:
        run: The run.
        id: Inspect's id of the sample.
        epoch: 1-based repeat.
        rows: Its rows, never none.
        report: JSON of the report that was accepted; None without one.
        aliases: By side, the name the investigator knew the model by.
        travelled: How far key facts got; None where that was not scored.
        deed: Hash of all that makes a deterministic investigator do the same again; None for
            investigators that are not.
    """

    run: Run
    id: str | int
    epoch: int
    rows: tuple[Row, ...]
    report: str | None
    aliases: Mapping[str, str]
    travelled: Travelled | None
    deed: str | None

    @property
    def key(self) -> tuple[str, str, int]:
        """Task id, sample id and epoch: what copies of a sample share."""
        return self.run.header.eval.task_id, str(self.id), self.epoch

    @property
    def arm(self) -> tuple[str, str]:
        """Arm and investigator."""
        return self.rows[0].arm_id, self.rows[0].investigator


@dataclass
class Logs:
    """What was read.

    Attributes:
        samples: Each sample × epoch once, the newest good copy of it.
        runs: The files they came from.
        n_planned: Samples that were planned, by arm and investigator; repeats not counted.
        n_not_run: Of these, those of which there is no copy.
        n_copies: Copies left out in favour of a better one.
        n_repeats: Samples left out because a deterministic investigator had done them before.
        notes: Sentences about what a reader should know of the logs.
        sets: Where several files, folders or addresses were named, the rows of each.
    """

    samples: list[Sampled] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    n_planned: dict[tuple[str, str], int] = field(default_factory=dict)
    n_not_run: dict[tuple[str, str], int] = field(default_factory=dict)
    n_copies: int = 0
    n_repeats: int = 0
    notes: list[str] = field(default_factory=list)
    sets: tuple[LogSet, ...] = ()


def read_logs(logs: Sequence[str | Path]) -> Logs:
    """Reads every sample of diffgauge's tasks out of logs, each once.

    One sample is held at a time; of each, what tables are made of is kept.

    Args:
        logs: ``.eval`` files, folders of them, and addresses of either that `fsspec` understands
            (``s3://bucket/folder``); each may be given a name, ``NAME=PATH``.

    Returns:
        The samples. A log that cannot be read, one still being written, one that failed, and
        samples of other tasks are named in the notes; what they hold is used where it can be.

    Raises:
        DiffgaugeError: There are no logs, none can be read, none holds a sample of ours, or an
            address cannot be reached.
    """
    read = Logs()
    files = {name: log_files(entry) for name, entry in named_sets(logs)}
    held = {address: _samples(address, read) for address in _each_once(files)}
    if not read.runs:
        raise DiffgaugeError(
            "None of the logs can be read. " + " ".join(read.notes), allowed="Inspect's .eval logs"
        )
    best, read.samples, read.n_copies = _chosen(held.values())
    if not best:
        raise DiffgaugeError(
            f"The {len(held)} logs hold no finished sample of diffgauge's tasks. "
            + " ".join(read.notes)
        )
    read.n_repeats = len(best) - len(read.samples)
    _count_planned(read, best)
    if len(files) > 1:
        read.sets = tuple(
            LogSet(name, tuple(_rows(_chosen(held[address] for address in found)[1])))
            for name, found in files.items()
        )
    read.notes += _notes(read)
    return read


def _each_once(files: Mapping[str, Sequence[str]]) -> list[str]:
    every = sorted({address for found in files.values() for address in found})
    if not every:
        raise DiffgaugeError(
            f"There are no logs in {', '.join(files) or 'nothing'}.",
            advice="Run a task first, for example: inspect eval diffgauge/blackbox.",
        )
    return every


def _rows(samples: Iterable[Sampled]) -> Iterable[Row]:
    return (row for one in samples for row in one.rows)


def _notes(read: Logs) -> list[str]:
    notes = []
    if read.n_copies:
        notes.append(
            f"{read.n_copies} samples stand in several logs (retries, sets that share them); the "
            "newest good copy counts."
        )
    if read.n_repeats:
        notes.append(
            f"{read.n_repeats} samples repeat another run of the same cell by a deterministic "
            "investigator and count once."
        )
    notes += [f"There are no rows in the set {one.name}." for one in read.sets if not one.rows]
    return notes + mixed_versions(list(_rows(read.samples)))


def _samples(address: str, read: Logs) -> list[Sampled]:
    """Reads one file, and notes what is to be said of it."""
    shown = neutralised(address.replace("\\", "/").rpartition("/")[2])
    ours: list[Sampled] = []
    n_others, broken = 0, []
    try:
        with uncollected(), opened_run(address) as (run, stream):
            for name, sample in samples_in(stream):
                if isinstance(sample, Exception):
                    broken.append(f"{name}: {type(sample).__name__}")
                elif any(key not in (sample.metadata or {}) for key in _FACTORS):
                    n_others += 1
                else:
                    ours.append(_kept(run, sample))
    except Exception as error:
        # Whatever is wrong inside one file, the other files still count.
        read.notes.append(f"{shown} cannot be read ({type(error).__name__}) and was left out.")
        return []
    if n_others and not ours:
        read.notes.append(f"{shown} is a log of another task and was left out.")
        return []
    read.runs.append(run)
    if broken:
        first = neutralised(broken[0])[:_LINE]
        read.notes.append(
            f"{shown}: {len(broken)} samples cannot be read and count as not run ({first})."
        )
    read.notes += _ended(run, shown, len(ours))
    return ours


def _ended(run: Run, shown: str, n: int) -> list[str]:
    """Says what became of a run that did not end well."""
    status, error = run.header.status, run.header.error
    if status == "started":
        return [f"{shown} is still running or was killed: {n} of {run.attempted} samples count."]
    if status in ("error", "cancelled"):
        why = neutralised(error.message.splitlines()[0][:_LINE]) if error else ""
        return [
            f"{shown} ended as {status!r}{': ' + why if why else ''}: {n} of {run.attempted} "
            "samples count; 'inspect eval-retry' continues it."
        ]
    return []


def _kept(run: Run, sample: EvalSample) -> Sampled:
    report, aliases = _text(sample, REPORT_KEY), _text(sample, ALIASES_KEY)
    rows = rows_of_sample(run, sample)
    return Sampled(
        run,
        sample.id,
        sample.epoch,
        rows,
        report,
        json.loads(aliases) if aliases else {},
        travelled_in(sample.scores),
        _deed(run, sample, rows[0]),
    )


def _text(sample: EvalSample, key: str) -> str | None:
    value = sample.store.get(key)
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _deed(run: Run, sample: EvalSample, row: Row) -> str | None:
    if not row.investigator.startswith(_OFFLINE):
        return None
    factors = sorted((name, str(value)) for name, value in sample.metadata.items())
    versions = (row.task_version, row.diffgauge_version, row.method_version)
    of = [run.header.eval.task, row.investigator, str(sample.id), sample.epoch, factors, versions]
    return hash_json(of)


def _chosen(files: Iterable[Sequence[Sampled]]) -> tuple[list[Sampled], list[Sampled], int]:
    """Returns the best copies, these without repeats, and how many copies were left out."""
    copies = [one for samples in files for one in samples]
    best = _best_copies(copies)
    return best, _graded_later(_without_repeats(best)), len(copies) - len(best)


def _newest_good_last(one: Sampled) -> tuple[bool, str, float, str]:
    good = one.rows[0].outcome != "errored"
    return good, one.rows[0].created, one.run.changed, one.run.address


def _best_copies(copies: Iterable[Sampled]) -> list[Sampled]:
    best = {one.key: one for one in sorted(copies, key=_newest_good_last)}
    return sorted(best.values(), key=_order)


def _order(one: Sampled) -> tuple[str, str, int, str]:
    return one.rows[0].arm_id, one.rows[0].organism, one.epoch, one.run.address


def _without_repeats(samples: Sequence[Sampled]) -> list[Sampled]:
    """Keeps one of the samples that a deterministic investigator cannot but repeat."""
    kept: dict[Any, Sampled] = {}
    for one in samples:
        key = one.deed or id(one)
        if key not in kept or _newest_good_last(kept[key]) < _newest_good_last(one):
            kept[key] = one
    return sorted(kept.values(), key=_order)


def _graded_later(samples: Sequence[Sampled]) -> list[Sampled]:
    """A pair may have been given its truth, and its log been graded, after the run."""
    later = {_pair(row) for row in _rows(samples) if row.identification is not None}
    return [
        replace(one, rows=tuple(row.model_copy(update={"graded": True}) for row in one.rows))
        if not one.rows[0].graded and _pair(one.rows[0]) in later
        else one
        for one in samples
    ]


def _pair(row: Row) -> tuple[str, str]:
    return row.task_id, row.organism


def _count_planned(read: Logs, best: Sequence[Sampled]) -> None:
    """Counts what the headers planned; a retry continues its first run's plan."""
    planned: dict[str, int] = {}
    named: dict[str, tuple[str, str]] = {}
    done: Counter[str] = Counter()
    for run in read.runs:
        spec = run.header.eval
        planned[spec.task_id] = max(planned.get(spec.task_id, 0), run.attempted)
        named.setdefault(spec.task_id, (spec.task, investigator_of(spec)))
    for one in best:
        task_id = one.run.header.eval.task_id
        named[task_id] = one.arm
        done[task_id] += 1
    kept = Counter(one.arm for one in read.samples)
    dropped = Counter(one.arm for one in best)
    for task_id, n in planned.items():
        arm = named[task_id]
        read.n_planned[arm] = read.n_planned.get(arm, 0) + n
        left = max(0, n - done[task_id])
        read.n_not_run[arm] = read.n_not_run.get(arm, 0) + left
    for arm, n in dropped.items():
        read.n_planned[arm] -= n - kept[arm]


def command_of(run: Run) -> str:
    """Returns a command that runs the same again, rebuilt from the log's header."""
    spec = run.header.eval
    parts = ["inspect", "eval", spec.task]
    for name, value in sorted((spec.task_args_passed or {}).items()):
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        parts += ["-T", f"{name}={text}"]
    parts += ["--model", spec.model]
    if spec.solver is not None:
        parts += ["--solver", spec.solver]
    for role, bound in sorted((spec.model_roles or {}).items()):
        models = bound if isinstance(bound, list) else [bound]
        parts += ["--model-role", f"{role}={','.join(one.model for one in models)}"]
    if (spec.config.epochs or 1) > 1:
        parts += ["--epochs", str(spec.config.epochs)]
    return shlex.join(parts)
