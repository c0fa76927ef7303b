"""The pair's work adds next to nothing to how long Inspect's event loop stands still."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from inspect_ai.model import ChatMessage
from inspect_ai.tool import ToolInfo

from diffgauge.evals.tasks import blackbox
from diffgauge.models.pair import Row
from diffgauge.models.pool import PairPool
from diffgauge.models.service import PairService
from diffgauge.records.subjects import Reply
from tests.evals.runs import OTHER, Registry, ran
from tests.evals.scripted_model import SUBMIT, Turn, following, n_turns

pytestmark = pytest.mark.tiny

N_SAMPLES = 8
N_QUESTIONS = 3
ALLOWED = 0.05
"""Seconds, at the 95th percentile."""
TICK = 0.005
A_BATCH = 0.3
"""Seconds: about what one batch of all investigators' questions takes here."""


def lateness_in_a_run(folder: Path) -> list[float]:
    """How late a ticker in the run's own event loop wakes, in seconds, each time."""
    late: list[float] = []
    ticking: list[asyncio.Task[None]] = []

    async def tick() -> None:
        while True:
            start = time.perf_counter()
            await asyncio.sleep(TICK)
            late.append(time.perf_counter() - start - TICK)

    def turn(messages: list[ChatMessage], _: list[ToolInfo]) -> Turn:
        if not ticking:
            ticking.append(asyncio.get_running_loop().create_task(tick()))
        if n_turns(messages) == N_QUESTIONS:
            return [SUBMIT]
        return [("ask_models", {"prompts": ["what is a boat ?", "tell me of the sea"], "n": 4})]

    task = blackbox(organism=OTHER, budget=16 * N_QUESTIONS)
    log = ran(task, following(turn), folder, epochs=N_SAMPLES, max_samples=N_SAMPLES)
    assert log.status == "success", log.error
    return late


def p95(late: list[float]) -> float:
    assert len(late) >= 10
    return statistics.quantiles(late, n=20)[-1]


async def stubbed(self: PairService, rows: Sequence[Row]) -> list[Reply]:
    """Replies that cost the loop nothing and take as long as real ones: as many quiet ticks."""
    await asyncio.sleep(A_BATCH)
    return [Reply(text="the sea", n_tokens=2, finished=True) for _ in rows]


async def blocking(self: PairService, rows: Sequence[Row]) -> list[Reply]:
    """What a tool would do that ran its model in the event loop."""
    time.sleep(A_BATCH / 2)
    return [Reply(text="the sea", n_tokens=2, finished=True) for _ in rows]


def test_the_pair_does_not_hold_up_the_event_loop(
    registry: Registry, pool: PairPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lateness_in_a_run(tmp_path)  # What is imported and loaded once is no stall of every run.
    found = {"real": p95(lateness_in_a_run(tmp_path))}
    for name, generate in (("stubbed", stubbed), ("blocking", blocking)):
        with monkeypatch.context() as patched:
            patched.setattr(PairService, "generate", generate)
            found[name] = p95(lateness_in_a_run(tmp_path))
    assert found["real"] - found["stubbed"] <= ALLOWED, found
    assert found["blocking"] - found["stubbed"] > ALLOWED, "the test would see a loop held up"
