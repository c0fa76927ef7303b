"""How long ten thousand rows take out of logs, against the script that anybody would write.

One cell of the zoo (the ADL arm, the scripted investigator, the lexical grader) is really run, two
epochs of it; its samples are written again under new epochs into logs of a hundred, and these
copied under new task ids, with another model's name in the header, since a deterministic
investigator's repeats would count once. The other script reads each log in full with Inspect's
`read_eval_log` and makes a dictionary of every sample's factors, scores and report. Each work has
a process of its own, so that its peak memory is its own. Command: ``python -m benchmarks.rows``.
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from inspect_ai.log import read_eval_log, write_eval_log

from benchmarks.measuring import machine, peak_bytes
from diffgauge.records.stored import REPORT_KEY
from diffgauge.stats.rows import rows

__all__ = ["main"]

_SAMPLES: Final = 100
"""In a log."""

_LOGS: Final = 100
_COMPARED: Final = 10
"""Logs that the other script reads: it would take minutes over all."""

_ROUNDS: Final = 3
_ALLOWED: Final = 20.0
"""Seconds for all rows."""

T = TypeVar("T")
Read = Callable[[Sequence[str]], int]


def _ours(paths: Sequence[str]) -> int:
    return len(rows(paths))


def _obvious(paths: Sequence[str]) -> int:
    import pandas as pd

    held = []
    for path in paths:
        log = read_eval_log(path)
        for sample in log.samples or ():
            scores = {name: score.value for name, score in (sample.scores or {}).items()}
            report = sample.store.get(REPORT_KEY)
            held.append({**sample.metadata, "epoch": sample.epoch, **scores, "report": report})
    return len(pd.DataFrame(held))


def _measured(read: Read, paths: Sequence[str]) -> tuple[int, float, float, int]:
    """Returns rows, seconds, seconds of processor time and peak bytes of one reading."""
    start, began = time.perf_counter(), time.process_time()
    n = read(paths)
    taken = time.perf_counter() - start, time.process_time() - began
    return n, *taken, peak_bytes()


def _alone(work: Callable[..., T], *given: Any) -> T:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as process:
        return process.submit(work, *given).result()


def _written(folder: Path) -> list[str]:
    """Runs the cell, and returns the logs that its samples were written into again."""
    from inspect_ai import eval as inspect_eval

    from diffgauge.evals.tasks import adl

    [done] = inspect_eval(
        adl(organism="zoo/submarine", budget=50, n_texts=200),
        model="diffgauge/scripted",
        model_roles={"grader": "diffgauge/lexical"},
        epochs=2,
        log_dir=str(folder / "run"),
        display="none",
    )
    log = read_eval_log(done.location)
    if log.status != "success" or not log.samples:
        raise RuntimeError(f"the run ended as {log.status}: {log.error}")
    log.samples = [
        log.samples[at % 2].model_copy(update={"epoch": at + 1, "uuid": f"replicated-{at}"})
        for at in range(_SAMPLES)
    ]
    log.eval.config.epochs = _SAMPLES
    log.eval.model = "replicated/model"
    first = folder / "logs" / "0.eval"
    write_eval_log(log, str(first))
    with zipfile.ZipFile(first) as held:
        header: dict[str, Any] = json.loads(held.read("header.json"))
        print(f"a sample is {held.infolist()[1].file_size / 1e3:.0f} kB of JSON")
    for at in range(1, _LOGS):
        copy = first.with_name(f"{at}.eval")
        shutil.copy(first, copy)
        header["eval"]["task_id"] = f"replicated-{at}"
        with zipfile.ZipFile(copy, "a") as held, warnings.catch_warnings():
            # Of two members with one name, readers take the later.
            warnings.simplefilter("ignore", UserWarning)
            held.writestr("header.json", json.dumps(header))
    return sorted(map(str, first.parent.glob("*.eval")))


def _shown(name: str, found: tuple[int, float, float, int]) -> str:
    n, seconds, worked, peak = found
    return (
        f"{name}: {n:,} rows in {seconds:.1f} s ({worked:.1f} s of processor time), "
        f"peak {peak / 1e6:,.0f} MB"
    )


def main() -> None:
    """Prints the machine, what all rows take, and the ratio to the other script round by round."""
    # A process begins with its parent's peak, which must not be that of torch or of a run.
    print(_alone(machine))
    with tempfile.TemporaryDirectory() as name:
        paths = _alone(_written, Path(name))
        for _ in range(_ROUNDS):
            ours, theirs = (
                _alone(_measured, read, paths[:_COMPARED]) for read in (_ours, _obvious)
            )
            print(
                f"{_shown('ours', ours)}; {_shown('the other script', theirs)}; theirs over ours "
                f"{theirs[1] / ours[1]:.1f} by the clock, {theirs[2] / ours[2]:.1f} by processor "
                "time"
            )
        whole = _alone(_measured, _ours, paths)
        met = "met" if whole[1] <= _ALLOWED and whole[0] == _LOGS * _SAMPLES else "NOT met"
        print(f"{_shown('ours, all logs', whole)} (aim: {_ALLOWED:.0f} s or less, {met})")


if __name__ == "__main__":
    main()
