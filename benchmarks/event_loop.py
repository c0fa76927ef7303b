"""How long Inspect's event loop stands still with 40 investigations at once, and a call's cost.

The same 40 epochs of one cell of the zoo (the ADL arm, the scripted investigator, the artifact
computed before) run three times a round: with the real pair; with replies that are there at once;
and with replies that cost nothing and take about as long as the real ones took. A ticker in the
run's own loop measures how late it wakes: what the loop could not do meanwhile. Beside it stands
what of that the loop's thread worked itself (its CPU time): other processes on the machine make a
loop late and add nothing there, nor does a worker that holds the interpreter's lock. A tool call's
own time is taken where replies are there at once, so that nothing of the model is in it. Command:
``python -m benchmarks.event_loop``, on a quiet machine; it takes some minutes.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil
from inspect_ai import eval as inspect_eval

from benchmarks.measuring import machine
from diffgauge.evals.tasks import adl
from diffgauge.models.pair import Row
from diffgauge.models.service import PairService
from diffgauge.records.subjects import Reply
from diffgauge.tools import calling
from diffgauge.tools.session import Session

__all__ = ["main"]

_ORGANISM: Final = "zoo/submarine"
_AT_ONCE: Final = 40
_BUDGET: Final = 10
_TEXTS: Final = 200
_ROUNDS: Final = 3
_TICK: Final = 0.005
"""Seconds between two ticks."""

_STALLS_ALLOWED: Final = 0.05
_CALL_ALLOWED: Final = 0.02

Generate = Callable[[PairService, Sequence[Row]], Awaitable[list[Reply]]]


@dataclass
class Measured:
    """One run.

    Attributes:
        late: How late each tick came, in seconds.
        worked: What the loop's thread worked before each tick, in seconds of CPU.
        calls: Seconds of each tool call, by tool.
        cpu: Seconds of CPU of each tool call.
        batches: Seconds that each request for replies took.
        seconds: Of the whole run.
    """

    late: list[float] = field(default_factory=list)
    worked: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    calls: dict[str, list[float]] = field(default_factory=dict)
    batches: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def p95(self, cpu: bool = False) -> float:
        """Returns the 95th percentile of lateness, or of the thread's own work, in milliseconds."""
        return 1000 * statistics.quantiles(self.worked if cpu else self.late, n=20)[-1]


@contextmanager
def _replaced(owner: Any, name: str, by: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, by)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _real(measured: Measured, generate: Generate) -> Generate:
    async def timed(self: PairService, rows: Sequence[Row]) -> list[Reply]:
        start = time.perf_counter()
        replies = await generate(self, rows)
        measured.batches.append(time.perf_counter() - start)
        return replies

    return timed


def _stub(wait: float) -> Generate:
    async def instead(self: PairService, rows: Sequence[Row]) -> list[Reply]:
        if wait:
            await asyncio.sleep(wait)
        return [
            Reply(text=f"The {row.side} sea is calm.", n_tokens=6, finished=True) for row in rows
        ]

    return instead


def _timed_calls(measured: Measured) -> Callable[..., Awaitable[str]]:
    """Times every tool call; the first one starts the ticker, in the run's own loop."""
    started: list[asyncio.Task[None]] = []
    true = calling.called

    async def tick() -> None:
        while True:
            start, worked = time.perf_counter(), time.thread_time()
            await asyncio.sleep(_TICK)
            measured.late.append(time.perf_counter() - start - _TICK)
            measured.worked.append(time.thread_time() - worked)

    async def timed(session: Session, name: str, arguments: Mapping[str, Any], answer: Any) -> str:
        if not started:
            started.append(asyncio.get_running_loop().create_task(tick()))
        start, worked = time.perf_counter(), time.thread_time()
        try:
            return await true(session, name, arguments, answer)
        finally:
            measured.calls.setdefault(name, []).append(time.perf_counter() - start)
            measured.cpu.append(time.thread_time() - worked)

    return timed


def _run(folder: Path, generate: Generate | None) -> Measured:
    """Runs the 40 investigations once; None asks the real pair."""
    measured = Measured()
    used = _real(measured, PairService.generate) if generate is None else generate
    with (
        _replaced(PairService, "generate", used),
        _replaced(calling, "called", _timed_calls(measured)),
    ):
        start = time.perf_counter()
        [log] = inspect_eval(
            adl(organism=_ORGANISM, budget=_BUDGET, n_texts=_TEXTS),
            model="diffgauge/scripted",
            epochs=_AT_ONCE,
            max_samples=_AT_ONCE,
            log_dir=str(folder),
            display="none",
        )
        measured.seconds = time.perf_counter() - start
    if log.status != "success":
        raise RuntimeError(f"the run ended as {log.status}: {log.error}")
    return measured


def _spread(values: Sequence[float]) -> str:
    ordered = sorted(values)
    return f"{statistics.median(ordered):.1f} [{ordered[0]:.1f}, {ordered[-1]:.1f}]"


def _shown(name: str, rounds: Sequence[Measured]) -> None:
    worst = 1000 * max(max(one.late) for one in rounds)
    seconds = statistics.median(one.seconds for one in rounds)
    print(
        f"{name}: lateness p95 {_spread([one.p95() for one in rounds])} ms, worst {worst:.0f} ms, "
        f"own work p95 {_spread([one.p95(cpu=True) for one in rounds])} ms; {seconds:.1f} s a run "
        f"of {_AT_ONCE} samples, {len(rounds)} rounds"
    )


def _added(real: Sequence[Measured], stubs: Sequence[Measured], name: str) -> None:
    for cpu, what in ((False, "lateness"), (True, "own work")):
        added = [one.p95(cpu) - other.p95(cpu) for one, other in zip(real, stubs, strict=True)]
        met = "met" if statistics.median(added) <= 1000 * _STALLS_ALLOWED else "NOT met"
        print(
            f"the model adds to the p95 of {what} over {name}: {_spread(added)} ms "
            f"(aim: {1000 * _STALLS_ALLOWED:.0f} or less, {met})"
        )


def _calls(rounds: Sequence[Measured]) -> None:
    every = [taken for one in rounds for times in one.calls.values() for taken in times]
    cpu = 1000 * statistics.median(taken for one in rounds for taken in one.cpu)
    median = 1000 * statistics.median(every)
    met = "met" if median <= 1000 * _CALL_ALLOWED else "NOT met"
    print(
        f"a tool call without the model: median {median:.1f} ms ({cpu:.1f} ms of CPU), p95 "
        f"{1000 * statistics.quantiles(every, n=20)[-1]:.1f} ms over {len(every)} calls "
        f"(aim: under {1000 * _CALL_ALLOWED:.0f} at the median, {met})"
    )
    for name in sorted(rounds[0].calls):
        times = [taken for one in rounds for taken in one.calls[name]]
        print(f"  {name}: median {1000 * statistics.median(times):.1f} ms, {len(times)} calls")


def main(rounds: int = _ROUNDS) -> None:
    """Prints the machine, its load, the stalls of each kind of run, and what a call costs.

    Args:
        rounds: Counted ones; the model's part is taken within a round.
    """
    print(machine())
    print("load over 1, 5 and 15 minutes: " + ", ".join(f"{x:.1f}" for x in psutil.getloadavg()))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Imports, the pair, its check and the artifact are no stall of every run.
        _run(folder, None)
        kinds: dict[str, list[Measured]] = {"real": [], "instant": [], "quiet": []}
        for _ in range(rounds):
            real = _run(folder, None)
            kinds["real"].append(real)
            kinds["instant"].append(_run(folder, _stub(0.0)))
            kinds["quiet"].append(_run(folder, _stub(statistics.median(real.batches))))
    _shown("the real pair", kinds["real"])
    _shown("replies that are there at once", kinds["instant"])
    _shown("replies that take as long and cost nothing", kinds["quiet"])
    _added(kinds["real"], kinds["instant"], "replies that are there at once")
    _added(kinds["real"], kinds["quiet"], "replies that take as long")
    _calls(kinds["instant"])
    print("load at the end: " + ", ".join(f"{x:.1f}" for x in psutil.getloadavg()))


if __name__ == "__main__":
    main()
