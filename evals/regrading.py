"""Grading finished logs anew: scorers and graders alone, into new logs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from zipfile import BadZipFile

from inspect_ai._util.error import PrerequisiteError

from diffgauge.evals.scoring import SCORERS, scorers
from diffgauge.evals.surroundings import plain_words
from diffgauge.records.errors import DiffgaugeError, unknown_name
from diffgauge.records.record import Record

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSample
    from inspect_ai.model import Model
    from inspect_ai.scorer import Scorer

__all__ = ["Regraded", "regrade", "regraded_path"]

_SUFFIX: Final = ".eval"
_MARK: Final = "-regraded"
_PACKAGE: Final = "diffgauge/"
_FACTORS: Final = ("organism", "arm_id", "truth_id", "null")
_GRADER: Final = "grader"
_REPEATS: Final = "grader_repeats"
_NO_MODEL: Final = "none/none"

_UNREADABLE: Final = (OSError, ValueError, KeyError, EOFError, NotImplementedError, BadZipFile)
"""What reading a damaged log raises."""

Graders = str | Sequence["str | Model"]


class Regraded(Record):
    """What became of one log.

    Attributes:
        log: The original, which is as it was.
        outcome: ``written``; ``there already``, left as it was; or ``left out``.
        out: The new log; None where it was left out.
        n_samples: Samples graded.
        reason: Why it was left out; None otherwise.
    """

    log: str
    outcome: Literal["written", "there already", "left out"]
    out: str | None = None
    n_samples: int = 0
    reason: str | None = None


def regraded_path(log: Path, out: Path | None) -> Path:
    """Returns where the new log of one goes: next to it, or into a folder."""
    return (out or log.parent) / f"{log.stem}{_MARK}{_SUFFIX}"


def regrade(
    logs: Sequence[str | Path],
    *,
    names: Sequence[str] = SCORERS,
    graders: Graders = (),
    repeats: int | None = None,
    out: Path | None = None,
    force: bool = False,
    told: Callable[[int, int, Path], None] = lambda at, of, log: None,
) -> list[Regraded]:
    """Grades logs anew, one after another, each written in one step.

    Args:
        logs: ``.eval`` files, or folders of them, in which logs graded anew are passed over.
        names: Which; the other grades of a log are kept as they are.
        graders: Models for the role ``grader``; none leaves those that the log was run with.
        repeats: How often each grader applies the rubric; None is as often as in the log's run.
        out: Folder for the new logs; None puts each next to its original.
        force: Whether a log that was graded anew before is replaced.
        told: Called before each log with its number from 0, how many there are, and its path.

    Returns:
        What became of each. A log without samples of ours, one that cannot be read and one that is
        still being written is left out with the reason; the others are graded.

    Raises:
        DiffgaugeError: A path is not there, there is no log at all, two logs would become one, a
            scorer is unknown, a grader cannot be made, or a log cannot be written.
    """
    _chosen(names, repeats or 1)
    files = list(_files(logs))
    targets = {path: regraded_path(path, out) for path in files}
    _check_targets(targets)
    done = []
    for at, (path, target) in enumerate(targets.items()):
        told(at, len(files), path)
        if target.exists() and not force:
            done.append(Regraded(log=str(path), outcome="there already", out=str(target)))
        else:
            done.append(
                _regraded(path, target, lambda log: _chosen(names, repeats or _own(log)), graders)
            )
    return done


def _chosen(names: Sequence[str], repeats: int) -> dict[str, Scorer]:
    asked = {name.removeprefix(_PACKAGE) for name in names}
    for name in sorted(asked - set(SCORERS)):
        raise unknown_name("scorer", name, SCORERS)
    return scorers(repeats, asked)


def _own(log: EvalLog) -> int:
    """Returns how often the rubric was applied in a log's run."""
    return int(log.eval.task_args.get(_REPEATS) or 1)


def _files(logs: Sequence[str | Path]) -> Iterator[Path]:
    n = 0
    for entry in dict.fromkeys(map(Path, logs)):
        if entry.is_dir():
            found = sorted(entry.rglob(f"*{_SUFFIX}"))
            files = [path for path in found if not path.stem.endswith(_MARK)]
        elif entry.is_file():
            files = [entry]
        else:
            raise DiffgaugeError(f"There is no log at {entry}.", allowed="a .eval file or a folder")
        n += len(files)
        yield from files
    if not n:
        raise DiffgaugeError(
            f"There are no logs in {', '.join(map(str, logs)) or 'nothing'}.",
            allowed="Inspect's .eval logs",
        )


def _check_targets(targets: Mapping[Path, Path]) -> None:
    twice = {target for target in targets.values() if list(targets.values()).count(target) > 1}
    if twice:
        raise DiffgaugeError(
            f"Several logs would become {min(twice)}: their names are equal.",
            advice="Grade their folders one at a time, each into a folder of its own.",
        )
    for path, target in targets.items():
        if target.resolve() in {one.resolve() for one in targets}:
            raise DiffgaugeError(f"{target} would be replaced by {path} graded anew.")


def _regraded(
    path: Path,
    target: Path,
    made: Callable[[EvalLog], Mapping[str, Scorer]],
    graders: Graders,
) -> Regraded:
    from inspect_ai.log import read_eval_log, write_eval_log

    try:
        log = read_eval_log(str(path))
    except _UNREADABLE as error:
        why = f"it cannot be read ({type(error).__name__})"
        return Regraded(log=str(path), outcome="left out", reason=why)
    held = [one for one in log.samples or () if all(key in one.metadata for key in _FACTORS)]
    if log.status == "started" or not held:
        why = "it is still being written" if log.status == "started" else "no sample is ours"
        return Regraded(log=str(path), outcome="left out", reason=why)
    n = _score(log, made(log), graders)
    # In the same folder, so that the last step is one of the file system's.
    partial = target.with_name(f".{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_eval_log(log, str(partial), format="eval")
        partial.replace(target)
    except OSError as error:
        raise DiffgaugeError(
            f"{target} cannot be written: {error.strerror or error}.",
            advice="Name another folder with --out.",
        ) from error
    return Regraded(log=str(path), outcome="written", out=str(target), n_samples=n)


def _score(log: EvalLog, scorers: Mapping[str, Scorer], graders: Graders) -> int:
    """Grades the samples that did not fail, in place; the grades of other scorers are kept."""
    from inspect_ai import score

    every = log.samples or []
    _forget(log, set(scorers))
    whole = [sample for sample in every if sample.error is None]
    results, roles = log.results, log.eval.model_roles
    log.samples = whole
    # Every other model of the log would be made anew, with the keys that takes, and not asked.
    own = {name: bound for name, bound in (roles or {}).items() if name == _GRADER}
    log.eval.model_roles = None if graders else own
    try:
        scored = score(
            log,
            list(scorers.values()),
            model=_NO_MODEL,
            action="append",
            model_roles={_GRADER: _bound(graders)} if graders else None,
            display="none",
            copy=False,
        )
    except PrerequisiteError as error:
        raise DiffgaugeError(plain_words(error)) from error
    log.eval.model_roles = roles
    by_place: dict[tuple[Any, int], EvalSample] = {
        (sample.id, sample.epoch): sample for sample in scored.samples or ()
    }
    log.samples = [by_place.get((one.id, one.epoch), one) for one in every]
    log.results, log.reductions = scored.results, scored.reductions
    if log.results is not None and results is not None:
        log.results.total_samples = results.total_samples
        log.results.completed_samples = results.completed_samples
    return len(whole)


def _bound(graders: Graders) -> Any:
    models = [graders] if isinstance(graders, str) else list(graders)
    return models[0] if len(models) == 1 else models


def _forget(log: EvalLog, names: set[str]) -> None:
    """Takes out the grades that are given anew, in every place where a log has them."""
    for sample in log.samples or ():
        if sample.error is None:
            sample.scores = {
                name: one for name, one in (sample.scores or {}).items() if name not in names
            }
    if log.results is not None:
        log.results.scores = [
            one for one in log.results.scores if one.scorer.removeprefix(_PACKAGE) not in names
        ]
    log.reductions = [
        one for one in log.reductions or [] if one.scorer.removeprefix(_PACKAGE) not in names
    ]
    log.eval.scorers = [
        one for one in log.eval.scorers or [] if one.name.removeprefix(_PACKAGE) not in names
    ]
