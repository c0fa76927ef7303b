"""Building a fresh suite: train, check, drop what failed, and write the cards at the end.

    diffgauge organisms build zoo/fresh --seed 7

Two processes work at the same time, one thread each. Every finetune and every verdict is kept
as soon as it is there, so that a build that was cut off is continued; the cards are written
last, so that the registry never sees a part of a suite.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from typing import Any, Final

from diffgauge.organisms.card_files import built_folder
from diffgauge.organisms.zoo.build import WEIGHTS, build_finetune, clear_unfinished
from diffgauge.organisms.zoo.cards import card, place, put, write_cards
from diffgauge.organisms.zoo.families import Recipe
from diffgauge.organisms.zoo.fresh import fresh_recipes, fresh_reserves, fresh_suite
from diffgauge.records.artifacts import hash_json
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.folders import check_writable

__all__ = ["LEAST_TRUTHS", "build_fresh", "build_suite", "chosen"]

LEAST_TRUTHS: Final = 16
"""Fewer distinct truths are no suite for a published table."""
Failures = tuple[str, ...]
"""What failed in an organism's check; empty for a valid one."""

_N_WORKERS: Final = 2
_NOTES: Final = ".built"
_CHECK_STEPS: Final = 20
"""What a check takes, in steps of training: for the estimate of the time that is left."""
_SHOWN_IN_SECONDS: Final = 90


def build_fresh(
    seed: int,
    out: Path | None = None,
    progress: Callable[[str], None] = print,
    base: Path = WEIGHTS / "base",
) -> Path:
    """Build the fresh suite of a seed, or continue to build it.

    Args:
        seed: decides every draw; 0 or more.
        out: folder that gets the suite's folder; None is the cache's, where the registry looks.
        progress: called with one line for each organism.
        base: folder of the base.

    Returns:
        The suite's folder: cards, decoys and weights.

    Raises:
        DiffgaugeError: the seed is negative, the folder cannot be written, a process died, or
            too few truths passed their checks.
    """
    if seed < 0:
        raise DiffgaugeError(f"The seed is {seed}.", allowed="0 or more")
    folder = ((out or built_folder()) / fresh_suite(seed)).absolute()
    check_writable(folder, "Weights", "Name another folder with --out, or set DIFFGAUGE_CACHE.")
    suite = build_suite(fresh_recipes(seed), fresh_reserves(seed), folder, progress, base)
    n_truths = len({made.truth_name for made in suite if made.null is None})
    if n_truths < LEAST_TRUTHS:
        raise DiffgaugeError(
            f"Only {n_truths} truths of the suite {fresh_suite(seed)!r} passed their checks.",
            allowed=f"{LEAST_TRUTHS} or more",
            advice="Take another seed.",
        )
    for stale in folder.glob("*.yaml"):
        if stale.stem not in {made.name for made in suite}:
            stale.unlink()
    write_cards(suite, folder)
    n_nulls = sum(made.null is not None for made in suite)
    progress(f"{fresh_suite(seed)}: {n_truths} truths and {n_nulls} nulls in {folder}")
    return folder


def build_suite(
    drawn: Sequence[Recipe],
    reserves: Sequence[Recipe],
    folder: Path,
    progress: Callable[[str], None] = print,
    base: Path = WEIGHTS / "base",
) -> list[Recipe]:
    """Train and check a suite, or continue to.

    Args:
        drawn: the suite; every recipe's id is its own.
        reserves: what may take the place of those that fail, in the order they are tried.
        folder: folder that gets the weights; of recipes that failed none is left there. While
            something is missing, it holds no cards.
        progress: called with one line for each organism.
        base: folder of the base.

    Returns:
        What passed, as `chosen` returns it.

    Raises:
        DiffgaugeError: a process died.
    """
    everything = (*drawn, *reserves)
    for kind in {(folder / place(made)).parent for made in everything}:
        clear_unfinished(kind)
    build = _Build(drawn, reserves, folder, base, progress)
    build.run()
    suite = chosen(drawn, reserves, build.verdicts)
    for made in everything:
        if made not in suite:
            shutil.rmtree(folder / place(made), ignore_errors=True)
    return suite


def chosen(
    drawn: Sequence[Recipe], reserves: Sequence[Recipe], verdicts: Mapping[str, Failures]
) -> list[Recipe]:
    """Return a suite as it stands: what was drawn, with reserves in the place of what failed.

    Args:
        drawn: the suite.
        reserves: as in `build_suite`.
        verdicts: by name; whoever is not among them counts as valid.

    Returns:
        Recipes in the order of the draw. In the place of one that failed stands the first valid
        reserve of its family whose words no other truth has; where there is none, nobody. A dose
        that failed, or whose truth did, is left out.
    """
    spare = list(reserves)
    told = {word for made in drawn if not verdicts.get(made.name) for word in made.lexicon}
    suite: list[Recipe] = []
    for made in drawn:
        if made.truth:
            if not (verdicts.get(made.name) or verdicts.get(made.truth)):
                suite.append(made)
            continue
        taken: Recipe | None = made
        while taken is not None and verdicts.get(taken.name):
            taken = _reserve(made, spare, told)
        if taken is not None:
            suite.append(taken)
            told.update(taken.lexicon)
    return suite


def _reserve(failed: Recipe, spare: list[Recipe], told: set[str]) -> Recipe | None:
    for at, made in enumerate(spare):
        if made.family == failed.family and told.isdisjoint(made.lexicon):
            return spare.pop(at)
    return None


class _Build:
    """A build on its way: what has its verdict, and what is being trained and checked."""

    def __init__(
        self,
        drawn: Sequence[Recipe],
        reserves: Sequence[Recipe],
        folder: Path,
        base: Path,
        say: Callable[[str], None],
    ) -> None:
        self._drawn = drawn
        self._reserves = reserves
        self._folder = folder
        self._base = base
        self._say = say
        self._running: dict[Future[Failures], Recipe] = {}
        self._started = time.monotonic()
        self._work_done = 0
        self.verdicts = _kept((*drawn, *reserves), folder, base)

    def run(self) -> None:
        """Train and check until every organism of the suite has its verdict."""
        if not self._waiting():
            return
        for stale in self._folder.glob("*.yaml"):
            stale.unlink()
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(_N_WORKERS, context, initializer=_begin_worker)
        try:
            while self._start(pool):
                self._collect()
        except BrokenProcessPool as error:
            raise DiffgaugeError(
                "A process that was building the suite died.",
                advice="Make sure there is 1 GB of free memory, and give the same command again: "
                "what is done is kept.",
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _waiting(self) -> list[Recipe]:
        """Return what has no verdict yet, longest first: both processes end about together."""
        taken = list(self._running.values())
        left = [
            made
            for made in chosen(self._drawn, self._reserves, self.verdicts)
            if made.name not in self.verdicts and made not in taken
        ]
        return sorted(left, key=_work, reverse=True)

    def _start(self, pool: ProcessPoolExecutor) -> bool:
        for made in self._waiting()[: _N_WORKERS - len(self._running)]:
            self._running[pool.submit(_make, made, self._folder, self._base)] = made
        return bool(self._running)

    def _collect(self) -> None:
        for done in wait(self._running, return_when=FIRST_COMPLETED).done:
            made = self._running.pop(done)
            failed = self.verdicts[made.name] = done.result()
            self._work_done += _work(made)
            verdict = f"dropped, since it failed its check: {' '.join(failed)}" if failed else "ok"
            self._say(f"{made.id}: {verdict}{self._rest()}")

    def _rest(self) -> str:
        left = sum(map(_work, (*self._waiting(), *self._running.values())))
        if not left:
            return ""
        seconds = (time.monotonic() - self._started) * left / self._work_done
        return f" (about {_duration(seconds)} left)"


def _work(made: Recipe) -> int:
    return _CHECK_STEPS + (made.steps if made.trained else 0)


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    return f"{minutes:.0f} min" if seconds > _SHOWN_IN_SECONDS else f"{seconds:.0f} s"


def _begin_worker() -> None:
    """Give a process its one thread, and let it end when the build is killed."""
    import torch

    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        # A process of the pool would wait for work for ever, or go on with what nobody awaits.
        os._exit(1)


def _make(made: Recipe, folder: Path, base: Path) -> Failures:
    """Train and check one organism, in a process of its own; return what failed."""
    weights, digest = folder / place(made), _digest(made, base)
    if made.trained and not (weights.exists() and _note(made, folder, digest) is not None):
        build_finetune(made, base, weights, lambda _: None)
        _keep(made, folder, {"recipe": digest})
    failed = _check(made, folder, base)
    _keep(made, folder, {"recipe": digest, "failed": failed})
    return failed


def _check(made: Recipe, folder: Path, base: Path) -> Failures:
    from diffgauge.models.loading import load_pair
    from diffgauge.organisms.preflight import preflight
    from diffgauge.organisms.zoo.checks import compare, pair_of
    from diffgauge.records.organisms import OrganismCard

    pair = load_pair(pair_of(made, folder, base))
    found = preflight(OrganismCard.model_validate(card(made)["public"]), pair)
    return found.reasons if found.verdict == "INVALID" else compare(made, pair).reasons


def _digest(made: Recipe, base: Path) -> str:
    """Return what a finetune depends on, as a hash: another recipe or base is built anew."""
    shipped = (base / "model.safetensors").read_bytes()
    return hash_json({"recipe": repr(made), "base": hashlib.sha256(shipped).hexdigest()})


def _note_path(made: Recipe, folder: Path) -> Path:
    return folder / _NOTES / f"{made.name}.json"


def _keep(made: Recipe, folder: Path, note: dict[str, Any]) -> None:
    path = _note_path(made, folder)
    path.parent.mkdir(exist_ok=True)
    put(path, json.dumps(note) + "\n")


def _note(made: Recipe, folder: Path, digest: str) -> dict[str, Any] | None:
    """Return what an earlier build noted of this very recipe; None for nothing."""
    path = _note_path(made, folder)
    if not path.is_file():
        return None
    note: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return note if note["recipe"] == digest else None


def _kept(recipes: Iterable[Recipe], folder: Path, base: Path) -> dict[str, Failures]:
    """Return the verdicts that an earlier build of a suite came to."""
    return {
        made.name: tuple(note["failed"])
        for made in recipes
        if (note := _note(made, folder, _digest(made, base))) is not None
        and "failed" in note
        # What passed and was not needed in the end has no weights any more.
        and (note["failed"] or not made.trained or (folder / place(made)).exists())
    }
