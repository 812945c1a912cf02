"""Many polls, one look at Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from app.jobs.blobs import LocalStorage
from app.jobs.models import JobState, PaintRequest, StyleChoice
from app.jobs.records import JobRecords, Standing
from app.polls import Standings

WISH = PaintRequest(photo="0" * 32, styles=[StyleChoice(id="starry_night")])


class CountingRecords(JobRecords):
    """Real records that note how many jobs each look was for."""

    looks: list[int]

    def standings(self, job_ids: list[str]) -> list[Standing | None]:
        self.looks.append(len(job_ids))
        return super().standings(job_ids)


@pytest.fixture
def records(redis_server: str, tmp_path: Path) -> Iterator[CountingRecords]:
    with redis.Redis.from_url(redis_server) as connection:
        records = CountingRecords(connection, LocalStorage(tmp_path))
        records.looks = []
        yield records


def ask(standings: Standings, job_ids: list[str]) -> list[Standing | None]:
    async def all_at_once() -> list[Standing | None]:
        return await asyncio.gather(*map(standings.of, job_ids))

    return asyncio.run(all_at_once())


def test_polls_at_once_share_looks_and_each_gets_its_own_answer(records: CountingRecords) -> None:
    job_ids = [records.create(WISH, 1.0).id for _ in range(30)]
    found = ask(Standings(records), job_ids)
    assert found == [Standing(JobState.QUEUED, 1, place) for place in range(30)]
    assert sum(records.looks) == 30
    assert len(records.looks) <= 2


def test_only_waiting_and_running_jobs_have_a_standing(records: CountingRecords) -> None:
    waiting, running, stopped = (records.create(WISH, 1.0) for _ in range(3))
    claimed = records.claim(running.id, 60, "a:1", lambda _: True)
    assert claimed
    records.request_cancel(stopped.id)
    found = ask(Standings(records), [running.id, stopped.id, waiting.id, "f" * 32])
    assert found == [
        Standing(JobState.RUNNING, claimed.version, None),
        None,
        Standing(JobState.QUEUED, waiting.version, 0),
        None,
    ]


def test_what_is_no_id_is_refused_and_spoils_nothing(records: CountingRecords) -> None:
    job = records.create(WISH, 1.0)

    async def both() -> list[Standing | BaseException | None]:
        standings = Standings(records)
        return await asyncio.gather(standings.of("*"), standings.of(job.id), return_exceptions=True)

    refused, found = asyncio.run(both())
    assert isinstance(refused, ValueError)
    assert isinstance(found, Standing)


def test_redis_away_is_told_to_all_who_asked_and_only_to_them(records: CountingRecords) -> None:
    job = records.create(WISH, 1.0)

    async def away_and_back() -> None:
        standings = Standings(records)
        there, records.redis = records.redis, redis.Redis.from_url("unix:///nothing/there")
        failed = await asyncio.gather(*(standings.of(job.id) for _ in range(3)), return_exceptions=True)
        assert [isinstance(each, redis.ConnectionError) for each in failed] == [True] * 3
        records.redis.close()
        records.redis = there
        assert await standings.of(job.id)

    asyncio.run(away_and_back())


def test_one_who_leaves_takes_nothing_from_the_others(records: CountingRecords) -> None:
    job = records.create(WISH, 1.0)

    async def leave() -> Standing | None:
        standings = Standings(records)
        leaving = asyncio.create_task(standings.of(job.id))
        staying = asyncio.create_task(standings.of(job.id))
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    assert asyncio.run(leave())
