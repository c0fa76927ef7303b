"""Which pairs are in memory: leased ones stay, the least recently used others make room."""

from __future__ import annotations

import functools
import threading
from asyncio import wrap_future
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from diffgauge.models.pair import ModelPair
from diffgauge.models.service import PairService
from diffgauge.records.errors import DiffgaugeError

__all__ = ["PairPool", "pool"]

_CAPACITY = 2


@dataclass
class _Entry:
    """One pair: being loaded while `service` is None."""

    service: PairService | None = None
    n_leases: int = 0
    waiting: list[Future[PairService]] = field(default_factory=list)


class PairPool:
    """Keeps pairs in memory and lends them.

    Works across threads and event loops: nothing in it belongs to a loop. A caller that leases a
    second pair while it holds a first may wait for itself when the capacity is 1.

    Args:
        capacity: Pairs in memory at once; who asks for one more waits until one is free.
        memory_bytes: Unleased pairs are unloaded while the weights of all take more; None sets
            no such limit.
    """

    def __init__(self, capacity: int = _CAPACITY, memory_bytes: int | None = None) -> None:
        if capacity < 1:
            raise DiffgaugeError(f"A pool of {capacity} pairs holds none.", allowed="1 or more")
        self.capacity = capacity
        self.memory_bytes = memory_bytes
        self._lock = threading.Lock()
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="pair-loader")
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._queue: list[tuple[str, Callable[[], ModelPair], Future[PairService]]] = []

    async def lease(self, key: str, load: Callable[[], ModelPair]) -> PairService:
        """Lends a pair, loading it if it is not in memory; to be released once by the same key.

        Args:
            key: Names the pair; equal keys mean equal pairs.
            load: Called at most once at a time for a key, on a thread of its own.

        Returns:
            The pair's service, shared with everybody else who leased this key.

        Raises:
            Exception: Whatever `load` raised, to everyone who waited for it.
        """
        answer: Future[PairService] = Future()
        with self._lock:
            self._queue.append((key, load, answer))
        self._serve()
        return await self._receive(key, answer)

    def release(self, key: str) -> None:
        """Gives a lease back; the pair stays in memory until its room is needed.

        Args:
            key: As leased.

        Raises:
            DiffgaugeError: Nobody holds a lease of this key.
        """
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry.n_leases == 0:
                raise DiffgaugeError(f"No lease of the pair {key!r} is held.")
            entry.n_leases -= 1
            self._entries.move_to_end(key)
        self._serve()

    def resident(self) -> list[str]:
        """Returns the keys of the pairs in memory or being loaded, least recently used first."""
        with self._lock:
            return list(self._entries)

    def clear(self) -> None:
        """Unloads every pair that is not leased."""
        with self._lock:
            for key in [key for key, entry in self._entries.items() if _idle(entry)]:
                self._unload(key)

    async def _receive(self, key: str, answer: Future[PairService]) -> PairService:
        received = False
        try:
            service = await wrap_future(answer)
            received = True
            return service
        finally:
            if not received:
                with self._lock:
                    withdrawn = answer.cancel()
                # Cancelled between being lent a pair and being woken: the lease would stay.
                if not withdrawn and answer.exception() is None:
                    self.release(key)

    def _serve(self) -> None:
        """Serves whoever waits and can be served."""
        with self._lock:
            missing = self._admit()
        for key, load in missing:
            # Outside the lock: a load that is already over calls back on this very thread.
            loading = self._loader.submit(_open, load)
            loading.add_done_callback(functools.partial(self._loaded, key))

    def _admit(self) -> list[tuple[str, Callable[[], ModelPair]]]:
        """Lends what is there, in order of arrival, and returns what must be loaded first."""
        left, missing = [], []
        for key, load, answer in self._queue:
            if answer.cancelled():
                continue
            entry = self._entries.get(key)
            if entry is None:
                if not self._make_room():
                    left.append((key, load, answer))
                    continue
                entry = self._entries[key] = _Entry()
                missing.append((key, load))
            self._entries.move_to_end(key)
            if entry.service is None:
                entry.waiting.append(answer)
            else:
                _lend(entry, answer)
        self._queue = left
        self._shrink()
        return missing

    def _make_room(self) -> bool:
        """Unloads idle pairs until one more fits; False when too many are in use."""
        while len(self._entries) >= self.capacity:
            idle = next((key for key, entry in self._entries.items() if _idle(entry)), None)
            if idle is None:
                return False
            self._unload(idle)
        return True

    def _shrink(self) -> None:
        """Unloads idle pairs while the weights take more than they may."""
        if self.memory_bytes is None:
            return
        for key in [key for key, entry in self._entries.items() if _idle(entry)]:
            services = [entry.service for entry in self._entries.values()]
            if sum(s.pair.n_bytes for s in services if s is not None) <= self.memory_bytes:
                return
            self._unload(key)

    def _unload(self, key: str) -> None:
        entry = self._entries.pop(key)
        assert entry.service is not None
        entry.service.close()

    def _loaded(self, key: str, loading: Future[PairService]) -> None:
        """Answers everyone who waits for a pair; called on the loader's thread."""
        error = loading.exception()
        with self._lock:
            entry = self._entries[key]
            waiting, entry.waiting = entry.waiting, []
            if error is None:
                entry.service = loading.result()
                for answer in waiting:
                    _lend(entry, answer)
            else:
                del self._entries[key]
        self._serve()
        if error is not None:
            for answer in waiting:
                if answer.set_running_or_notify_cancel():
                    answer.set_exception(error)


def _open(load: Callable[[], ModelPair]) -> PairService:
    return PairService(load())


def _idle(entry: _Entry) -> bool:
    return entry.service is not None and entry.n_leases == 0


def _lend(entry: _Entry, answer: Future[PairService]) -> None:
    """Counts a lease for a caller that still wants it."""
    assert entry.service is not None
    if answer.set_running_or_notify_cancel():
        entry.n_leases += 1
        answer.set_result(entry.service)


@functools.cache
def pool() -> PairPool:
    """Returns the process-wide pool."""
    return PairPool()
