"""Many polls, one look at Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import redis

from app.jobs.models import JobState, PaintRequest, StyleChoice
from app.jobs.records import accepting
from app.jobs.records.records import JobRecords
from app.jobs.records.waiting import Standing, Waiting
from app.jobs.storage.local import LocalStorage
from app.polls import Standings

WISH = PaintRequest(photo="0" * 32, styles=[StyleChoice(id="starry_night")])


class CountingWaiting(Waiting):
    """Real looks that note how many jobs each was for."""

    looks: list[int]
    is_away = False

    def standings(self, asked: Sequence[tuple[str, str]]) -> list[Standing | None]:
        self.looks.append(len(asked))
        if self.is_away:
            with redis.Redis.from_url("unix:///nothing/there") as away:
                away.ping()
        return super().standings(asked)


class CountingRecords(JobRecords):
    """Records that are looked at so."""

    waiting: CountingWaiting


@pytest.fixture
def records(redis_server: str, tmp_path: Path) -> Iterator[CountingRecords]:
    with redis.Redis.from_url(redis_server) as connection:
        records = CountingRecords(connection, LocalStorage(tmp_path))
        records.waiting = CountingWaiting(records.in_redis, records.workers)
        records.waiting.looks = []
        yield records


def ask(standings: Standings, job_ids: list[str], known: str = "1") -> list[Standing | None]:
    async def all_at_once() -> list[Standing | None]:
        return await asyncio.gather(*(standings.of(job_id, known) for job_id in job_ids))

    return asyncio.run(all_at_once())


def test_polls_at_once_share_looks_and_each_gets_its_own_answer(records: CountingRecords) -> None:
    job_ids = [accepting.create(records, WISH, 1.0).id for _ in range(30)]
    found = ask(Standings(records.waiting), job_ids, known=",".join(f"1.{place}" for place in range(30)))
    assert found == [Standing(JobState.QUEUED, 1, place) for place in range(30)]
    assert sum(records.waiting.looks) == 30
    assert len(records.waiting.looks) <= 2


def test_record_comes_only_of_what_is_news(records: CountingRecords) -> None:
    waiting, running, stopped = (accepting.create(records, WISH, 1.0) for _ in range(3))
    claimed = records.claim(running.id, 60, "a:1", lambda _: True)
    assert claimed
    stopped = records.request_cancel(stopped.id)
    records.workers.measured("compact", 0.25)
    job_ids = [running.id, stopped.id, waiting.id, "f" * 32]
    known = ask(Standings(records.waiting), job_ids, known=f"7,{claimed.version},{waiting.version}.0,{stopped.version}")
    assert [each and each.is_news for each in known] == [False, True, False, None]
    news = ask(Standings(records.waiting), job_ids, known=f"{waiting.version},{claimed.version}.0,{waiting.version}.00")
    assert [each and each.is_news and each.job() for each in news] == [claimed, stopped, waiting, None]
    assert [each and (each.state, each.version, each.position) for each in news] == [
        (JobState.RUNNING, claimed.version, None),
        (JobState.CANCELLED, stopped.version, None),
        (JobState.QUEUED, waiting.version, 0),
        None,
    ]
    assert all(each.speeds["compact"] == 0.25 for each in news if each)


def test_what_is_no_id_is_refused_and_spoils_nothing(records: CountingRecords) -> None:
    job = accepting.create(records, WISH, 1.0)

    async def both() -> Sequence[Standing | BaseException | None]:
        standings = Standings(records.waiting)
        return await asyncio.gather(standings.of("*"), standings.of(job.id), return_exceptions=True)

    refused, found = asyncio.run(both())
    assert isinstance(refused, ValueError)
    assert isinstance(found, Standing)


def test_redis_away_is_told_to_all_who_asked_and_only_to_them(records: CountingRecords) -> None:
    job = accepting.create(records, WISH, 1.0)

    async def away_and_back() -> None:
        standings = Standings(records.waiting)
        records.waiting.is_away = True
        failed = await asyncio.gather(*(standings.of(job.id) for _ in range(3)), return_exceptions=True)
        assert [isinstance(each, redis.ConnectionError) for each in failed] == [True] * 3
        records.waiting.is_away = False
        assert await standings.of(job.id)

    asyncio.run(away_and_back())


def test_one_who_leaves_takes_nothing_from_the_others(records: CountingRecords) -> None:
    job = accepting.create(records, WISH, 1.0)

    async def leave() -> Standing | None:
        standings = Standings(records.waiting)
        leaving = asyncio.create_task(standings.of(job.id))
        staying = asyncio.create_task(standings.of(job.id))
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    assert asyncio.run(leave())
