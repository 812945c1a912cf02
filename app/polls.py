"""Polls, the most frequent of all requests: many of them are answered from one look at Redis."""

from __future__ import annotations

import asyncio

import anyio
from anyio import to_thread

from app.jobs.records import redis_keys
from app.jobs.records.waiting import Standing, Waiting


class Standings:
    """Looks up how jobs stand. What is asked while one look is under way is gathered for the next, all in one.

    So a poll costs less the more there are, and none waits for a thread that something slower holds.
    """

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self._asked: list[tuple[str, str, asyncio.Future[Standing | None]]] = []
        self._looking: asyncio.Task[None] | None = None
        self._thread = anyio.CapacityLimiter(1)

    async def of(self, job_id: str, known: str = "") -> Standing | None:
        """How a job stands, and what is news of it, as in `Waiting.standings`; None where Redis has no record.

        Raises:
            ValueError: `job_id` is not an id.
            redis.RedisError: Redis is away.
        """
        redis_keys.record(job_id)  # One that is not an id must not spoil the look for the others.
        standing: asyncio.Future[Standing | None] = asyncio.get_running_loop().create_future()
        self._asked.append((job_id, known, standing))
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        return await standing

    async def _look(self) -> None:
        while self._asked:
            asked, self._asked = self._asked, []
            wanted = [(job_id, known) for job_id, known, _ in asked]
            try:
                found = await to_thread.run_sync(self._waiting.standings, wanted, limiter=self._thread)
            except Exception as error:  # whatever it is, whoever asked must hear of it
                for *_, standing in asked:
                    if not standing.done():
                        standing.set_exception(error)
                continue
            for (*_, standing), each in zip(asked, found, strict=True):
                if not standing.done():  # Whoever asked may have gone.
                    standing.set_result(each)
        self._looking = None
