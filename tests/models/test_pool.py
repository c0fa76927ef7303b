import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from diffgauge.models.pair import ModelPair
from diffgauge.models.pool import PairPool, pool
from diffgauge.models.service import PairService
from diffgauge.records.errors import DiffgaugeError
from tests.models.conftest import PairMaker

pytestmark = pytest.mark.tiny


class Loads:
    """Loaders that count; all of them hand out one tiny pair."""

    def __init__(self, pair: ModelPair) -> None:
        self.pair = pair
        self.keys: list[str] = []
        self.threads: set[int] = set()

    def of(self, key: str, seconds: float = 0.0) -> Callable[[], ModelPair]:
        def load() -> ModelPair:
            self.keys.append(key)
            self.threads.add(threading.get_ident())
            time.sleep(seconds)
            return self.pair

        return load


@pytest.fixture
def loads(pairs: PairMaker) -> Loads:
    return Loads(pairs("llama", "identical"))


def test_twelve_leases_of_one_key_load_it_once_and_off_the_loop(loads: Loads) -> None:
    shelf = PairPool()

    async def main() -> set[int]:
        leased = await asyncio.gather(*(shelf.lease("a", loads.of("a", 0.05)) for _ in range(12)))
        for _ in leased:
            shelf.release("a")
        return {id(service) for service in leased}

    assert len(asyncio.run(main())) == 1
    assert loads.keys == ["a"]
    assert threading.get_ident() not in loads.threads


def test_a_released_pair_stays_until_its_room_is_needed_and_the_oldest_goes(loads: Loads) -> None:
    shelf = PairPool(capacity=2)

    async def main() -> None:
        for key in ("a", "b", "a", "c", "a", "b"):
            await shelf.lease(key, loads.of(key))
            shelf.release(key)

    asyncio.run(main())
    assert loads.keys == ["a", "b", "c", "b"]
    assert shelf.resident() == ["a", "b"]


def test_a_leased_pair_is_never_unloaded_and_who_needs_its_room_waits(loads: Loads) -> None:
    shelf = PairPool(capacity=1)
    order: list[str] = []

    async def use(key: str, seconds: float) -> None:
        service = await shelf.lease(key, loads.of(key))
        order.append(f"{key} leased")
        await asyncio.sleep(seconds)
        assert await service.run(lambda pair: pair.n_layers) == 3
        order.append(f"{key} released")
        shelf.release(key)

    async def main() -> None:
        first = asyncio.create_task(use("a", 0.1))
        await asyncio.sleep(0.02)
        await asyncio.gather(first, use("b", 0.0))

    asyncio.run(main())
    assert order == ["a leased", "a released", "b leased", "b released"]
    assert shelf.resident() == ["b"]


def test_an_unloaded_pairs_service_is_closed(loads: Loads) -> None:
    shelf = PairPool(capacity=1)

    async def main() -> None:
        old = await shelf.lease("a", loads.of("a"))
        shelf.release("a")
        await shelf.lease("b", loads.of("b"))
        with pytest.raises(DiffgaugeError, match="closed"):
            await old.run(lambda pair: None)

    asyncio.run(main())


def test_a_pair_outlives_the_event_loop_it_was_loaded_in(loads: Loads) -> None:
    shelf = PairPool()

    async def main() -> PairService:
        service = await shelf.lease("a", loads.of("a"))
        assert await service.run(lambda pair: pair.d_model) == 32
        shelf.release("a")
        return service

    assert asyncio.run(main()) is asyncio.run(main())
    assert loads.keys == ["a"]


def test_a_failed_load_reaches_everyone_who_waited_and_can_be_tried_again(loads: Loads) -> None:
    shelf = PairPool(capacity=1)

    def fail() -> ModelPair:
        time.sleep(0.02)
        raise DiffgaugeError("no such pair")

    async def main() -> list[Any]:
        failed = await asyncio.gather(
            *(shelf.lease("a", fail) for _ in range(3)), return_exceptions=True
        )
        await shelf.lease("b", loads.of("b"))
        shelf.release("b")
        await shelf.lease("a", loads.of("a"))
        return failed

    assert [str(error) for error in asyncio.run(main())] == ["no such pair"] * 3
    assert loads.keys == ["b", "a"]


@pytest.mark.parametrize("when", [0.0, 0.02, 0.08])
def test_a_cancelled_caller_holds_no_lease(loads: Loads, when: float) -> None:
    shelf = PairPool(capacity=1)

    async def main() -> None:
        task = asyncio.create_task(shelf.lease("a", loads.of("a", 0.05)))
        await asyncio.sleep(when)
        task.cancel()
        held = (await asyncio.gather(task, return_exceptions=True))[0]
        if isinstance(held, PairService):
            shelf.release("a")
        # Were the lease still held, this would wait for ever.
        await asyncio.wait_for(shelf.lease("b", loads.of("b")), timeout=5)

    asyncio.run(main())
    with pytest.raises(DiffgaugeError, match="No lease"):
        shelf.release("a")


def test_releasing_more_than_was_leased_is_an_error(loads: Loads) -> None:
    shelf = PairPool()

    async def main() -> None:
        await shelf.lease("a", loads.of("a"))
        shelf.release("a")
        with pytest.raises(DiffgaugeError, match="No lease of the pair 'a'"):
            shelf.release("a")

    asyncio.run(main())


def test_idle_pairs_go_when_the_weights_take_too_much(loads: Loads) -> None:
    shelf = PairPool(capacity=5, memory_bytes=int(2.5 * loads.pair.n_bytes))

    async def main() -> None:
        for key in ("a", "b", "c", "d"):
            await shelf.lease(key, loads.of(key))
            shelf.release(key)

    asyncio.run(main())
    assert shelf.resident() == ["c", "d"]
    shelf.clear()
    assert shelf.resident() == []


def test_there_is_one_pool_of_the_process() -> None:
    assert pool() is pool()
    with pytest.raises(DiffgaugeError, match="1 or more"):
        PairPool(0)
