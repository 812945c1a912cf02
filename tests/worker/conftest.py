"""Records on a real Redis and real blobs, for the worker's parts that need no engine."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from app.jobs.models import PaintRequest, StyleChoice
from app.jobs.records.records import JobRecords
from app.jobs.storage.local import LocalStorage

WISH = PaintRequest(photo="0" * 32, styles=[StyleChoice(id="strokes")])


class Hints:
    """A publisher that keeps what it was asked to send."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def publish(self, job_id: str) -> None:
        self.sent.append(job_id)


@pytest.fixture
def hints() -> Hints:
    return Hints()


@pytest.fixture
def records(connection: redis.Redis, tmp_path: Path, hints: Hints) -> JobRecords:
    return JobRecords(connection, LocalStorage(tmp_path), hints)  # type: ignore[arg-type]
