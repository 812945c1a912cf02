"""Turns by a real event loop and real threads."""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial

import pytest

from app.turns import CrowdedError, Turns


class Work:
    """Pieces of work that are done when they are let, and what was done, in its order."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.at_once, self.most = 0, 0
        self._lock, self._go = threading.Lock(), threading.Semaphore(0)

    def let(self, number: int) -> None:
        self._go.release(number)

    def piece(self, name: str) -> None:
        with self._lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        self._go.acquire()
        with self._lock:
            self.at_once -= 1
            self.done.append(name)


async def soon(work: Work, number: int) -> None:
    """Wait until so much is done."""
    deadline = time.monotonic() + 10
    while len(work.done) < number:
        assert time.monotonic() < deadline, work.done
        await asyncio.sleep(0.005)


def test_whoever_sends_little_waits_for_little_of_what_another_has_sent() -> None:
    async def play() -> list[str]:
        work, turns = Work(), Turns(2, 100)
        much = [asyncio.create_task(turns.run("ann", lambda: work.piece("ann"))) for _ in range(20)]
        await asyncio.sleep(0.05)
        little = [asyncio.create_task(turns.run(name, partial(work.piece, name))) for name in ("ben", "eve")]
        await asyncio.sleep(0.05)
        for number in range(1, 23):
            work.let(1)
            await soon(work, number)
        await asyncio.gather(*much, *little)
        assert work.most == 2
        return work.done

    done = asyncio.run(play())
    assert len(done) == 22
    assert {"ben", "eve"} <= set(done[:6])


def test_who_has_gone_keeps_no_place() -> None:
    async def play() -> list[str]:
        work, turns = Work(), Turns(1, 100)
        first = asyncio.create_task(turns.run("ann", lambda: work.piece("first")))
        await asyncio.sleep(0.05)
        gone = [asyncio.create_task(turns.run("ann", lambda: work.piece("gone"))) for _ in range(5)]
        last = asyncio.create_task(turns.run("ben", lambda: work.piece("last")))
        await asyncio.sleep(0.05)
        for each in gone:
            each.cancel()
        work.let(2)
        await asyncio.gather(first, last)
        assert [each.cancelled() for each in await asyncio.gather(*map(ended, gone))] == [True] * 5
        work.let(1)
        await turns.run("ann", lambda: work.piece("later"))
        return work.done

    assert asyncio.run(play()) == ["first", "last", "later"]


def test_one_whose_turn_came_as_it_went_passes_it_on() -> None:
    async def play() -> list[str]:
        work, turns = Work(), Turns(1, 100)
        work.let(3)

        async def first() -> None:
            await turns.run("ann", lambda: work.piece("first"))
            going.cancel()  # it has its turn, and does not know it yet

        begun = asyncio.create_task(first())
        await asyncio.sleep(0)
        going = asyncio.create_task(turns.run("ben", lambda: work.piece("going")))
        await begun
        await ended(going)
        await turns.run("eve", lambda: work.piece("last"))
        return work.done

    assert asyncio.run(asyncio.wait_for(play(), 10)) == ["first", "last"]


def test_what_fails_passes_its_turn_on_as_well() -> None:
    async def play() -> None:
        turns = Turns(1, 100)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await turns.run("ann", lambda: 1 / 0)

    asyncio.run(asyncio.wait_for(play(), 10))


def test_of_one_client_so_much_waits_and_no_more() -> None:
    async def play() -> None:
        work, turns = Work(), Turns(1, 3)
        asked = [asyncio.create_task(turns.run("ann", lambda: work.piece("ann"))) for _ in range(4)]
        await asyncio.sleep(0)
        with pytest.raises(CrowdedError):
            await turns.run("ann", lambda: work.piece("ann"))
        other = asyncio.create_task(turns.run("ben", lambda: work.piece("ben")))
        work.let(6)
        await asyncio.gather(*asked, other)
        await turns.run("ann", lambda: work.piece("ann"))

    asyncio.run(asyncio.wait_for(play(), 10))


async def ended(task: asyncio.Task[None]) -> asyncio.Task[None]:
    await asyncio.wait([task])
    return task
