"""Logs on disk to samples: which files count, which copies of a sample, and what was left out."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from inspect_ai.log import EvalLog, EvalSample, EvalSpec, read_eval_log, read_eval_log_samples

from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.printing import neutralised

__all__ = [
    "Logs",
    "Run",
    "Sampled",
    "command_of",
    "investigator_of",
    "log_files",
    "read_logs",
]

_SUFFIX: Final = ".eval"
_UNREAD: Final = {"messages", "events", "events_data", "attachments"}
_FACTORS: Final = ("organism", "arm_id", "truth_id", "null")
_OFFLINE: Final = "diffgauge/"
_INVESTIGATOR: Final = "diffgauge/investigator"
_LINE: Final = 300


@dataclass(frozen=True)
class Run:
    """One log file.

    Attributes:
        path: The file.
        header: Inspect's header, without samples.
        changed_ns: When the file was last written.
    """

    path: Path
    header: EvalLog
    changed_ns: int

    @property
    def attempted(self) -> int:
        """Samples × epochs the run set out to do."""
        ids = self.header.eval.dataset.sample_ids or []
        return len(ids) * (self.header.eval.config.epochs or 1)


@dataclass(frozen=True)
class Sampled:
    """One sample of one run."""

    run: Run
    sample: EvalSample


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
    """

    samples: list[Sampled] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    n_planned: dict[tuple[str, str], int] = field(default_factory=dict)
    n_not_run: dict[tuple[str, str], int] = field(default_factory=dict)
    n_copies: int = 0
    n_repeats: int = 0
    notes: list[str] = field(default_factory=list)


def log_files(logs: Sequence[str | Path]) -> list[Path]:
    """Returns the log files named, folders searched.

    Args:
        logs: Files and folders.

    Returns:
        Existing files, each once, sorted.

    Raises:
        DiffgaugeError: A path is not there, or there is no log at all.
    """
    found: set[Path] = set()
    for entry in map(Path, logs):
        if entry.is_dir():
            found.update(entry.rglob(f"*{_SUFFIX}"))
        elif entry.is_file():
            found.add(entry)
        else:
            raise DiffgaugeError(f"There is no log at {entry}.", allowed="a .eval file or a folder")
    if not found:
        shown = ", ".join(str(entry) for entry in logs) or "nothing"
        raise DiffgaugeError(
            f"There are no logs in {shown}.",
            advice="Run a task first, for example: inspect eval diffgauge/blackbox.",
        )
    return sorted(found)


def read_logs(logs: Sequence[str | Path]) -> Logs:
    """Reads every sample of diffgauge's tasks out of logs, each once.

    Args:
        logs: ``.eval`` files or folders of them.

    Returns:
        The samples. A log that cannot be read, one still being written, one that failed, and
        samples of other tasks are named in the notes; what they hold is used where it can be.

    Raises:
        DiffgaugeError: There are no logs, none can be read, or none holds a sample of ours.
    """
    read = Logs()
    copies: list[Sampled] = []
    files = log_files(logs)
    for path in files:
        copies.extend(_samples(path, read))
    if not read.runs:
        raise DiffgaugeError(
            "None of the logs can be read. " + " ".join(read.notes), allowed="Inspect's .eval logs"
        )
    if not copies:
        raise DiffgaugeError(
            f"The {len(files)} logs hold no finished sample of diffgauge's tasks. "
            + " ".join(read.notes)
        )
    best = _best_copies(copies)
    read.n_copies = len(copies) - len(best)
    read.samples = _without_repeats(best)
    read.n_repeats = len(best) - len(read.samples)
    _count_planned(read, best)
    if read.n_copies:
        read.notes.append(
            f"{read.n_copies} samples stand in several logs (retries); the newest good copy counts."
        )
    if read.n_repeats:
        read.notes.append(
            f"{read.n_repeats} samples repeat another run of the same cell by a deterministic "
            "investigator and count once."
        )
    return read


def _samples(path: Path, read: Logs) -> Iterable[Sampled]:
    shown = neutralised(path.name)
    try:
        header = read_eval_log(str(path), header_only=True)
        held = list(
            read_eval_log_samples(
                str(path), all_samples_required=False, exclude_fields=set(_UNREAD)
            )
        )
    except Exception as error:
        # Whatever is wrong inside one file, the other files still count.
        read.notes.append(f"{shown} cannot be read ({type(error).__name__}) and was left out.")
        return []
    run = Run(path, header, path.stat().st_mtime_ns)
    ours = [one for one in held if all(key in (one.metadata or {}) for key in _FACTORS)]
    if held and not ours:
        read.notes.append(f"{shown} is a log of another task and was left out.")
        return []
    read.runs.append(run)
    if header.status == "started":
        read.notes.append(
            f"{shown} is still running or was killed: {len(ours)} of {run.attempted} samples count."
        )
    elif header.status in ("error", "cancelled"):
        why = neutralised(header.error.message.splitlines()[0][:_LINE]) if header.error else ""
        read.notes.append(
            f"{shown} ended as {header.status!r}{': ' + why if why else ''}: {len(ours)} of "
            f"{run.attempted} samples count; 'inspect eval-retry' continues it."
        )
    return [Sampled(run, one) for one in ours]


def _newest_good_last(one: Sampled) -> tuple[bool, str, int, str]:
    return (
        one.sample.error is None,
        str(one.run.header.eval.created),
        one.run.changed_ns,
        str(one.run.path),
    )


def _best_copies(copies: Sequence[Sampled]) -> list[Sampled]:
    best: dict[tuple[str, str, int], Sampled] = {}
    for one in sorted(copies, key=_newest_good_last):
        best[one.run.header.eval.task_id, str(one.sample.id), one.sample.epoch] = one
    return sorted(best.values(), key=_order)


def _order(one: Sampled) -> tuple[str, str, int, str]:
    held = one.sample.metadata
    return str(held["arm_id"]), str(held["organism"]), one.sample.epoch, str(one.run.path)


def _without_repeats(samples: Sequence[Sampled]) -> list[Sampled]:
    """Keeps one of the samples that a deterministic investigator cannot but repeat."""
    kept: dict[Any, Sampled] = {}
    for one in samples:
        spec = one.run.header.eval
        key: Any = id(one)
        if investigator_of(spec).startswith(_OFFLINE):
            factors = sorted((name, str(value)) for name, value in one.sample.metadata.items())
            key = (
                spec.task,
                investigator_of(spec),
                str(one.sample.id),
                one.sample.epoch,
                tuple(factors),
            )
        if key not in kept or _newest_good_last(kept[key]) < _newest_good_last(one):
            kept[key] = one
    return sorted(kept.values(), key=_order)


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
        spec = one.run.header.eval
        named[spec.task_id] = (str(one.sample.metadata["arm_id"]), investigator_of(spec))
        done[spec.task_id] += 1
    kept = Counter(_arm(one) for one in read.samples)
    dropped = Counter(_arm(one) for one in best)
    for task_id, n in planned.items():
        arm = named[task_id]
        read.n_planned[arm] = read.n_planned.get(arm, 0) + n
        left = max(0, n - done[task_id])
        read.n_not_run[arm] = read.n_not_run.get(arm, 0) + left
    for arm, n in dropped.items():
        read.n_planned[arm] -= n - kept[arm]


def _arm(one: Sampled) -> tuple[str, str]:
    return str(one.sample.metadata["arm_id"]), investigator_of(one.run.header.eval)


def investigator_of(spec: EvalSpec) -> str:
    """Returns who wrote the reports: the model, or the solver named to run in its place.

    A solver of ours such as `diffgauge/oracle` asks no model, whichever stands in the command;
    somebody else's may, and is named with it.
    """
    if spec.solver in (None, _INVESTIGATOR):
        return spec.model
    return spec.solver if spec.solver.startswith(_OFFLINE) else f"{spec.solver} on {spec.model}"


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
