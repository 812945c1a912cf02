"""What keeps an attempt from beginning stays within the task: Celery would note a failure of which nobody is told."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from app.jobs.models import JobState
from app.jobs.records import accepting, redis_keys
from app.jobs.storage import keys
from app.settings import Settings
from tests.app.jobs.refusing import REFUSING, refusing
from tests.worker.conftest import WISH
from worker.celery_app import SETTINGS, app
from worker.job.attempt import Painter
from worker.job.ending import REDIS_PATIENCE_S
from worker.machine.devices import Device


@pytest.fixture
def painter(redis_server: str, tmp_path: Path) -> Painter:
    settings = Settings(data=tmp_path, redis_url=redis_server)
    return Painter(settings, redis_server, lambda: False, Device("cpu"))


@pytest.mark.parametrize("why", REFUSING)
def test_a_job_is_left_to_others_while_redis_takes_nothing(
    painter: Painter, connection: redis.Redis, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    job = accepting.create(painter.records, WISH, 1.0)
    with refusing(connection, why):
        painter.paint(job.id)
    assert "cannot be taken" in caplog.text
    assert painter.records.get(job.id).state is JobState.QUEUED


@pytest.mark.parametrize("damage", ["half a manifest", "a folder in its place"])
def test_a_job_whose_manifest_cannot_be_read_is_left_to_housekeeping(
    painter: Painter, connection: redis.Redis, tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    job = accepting.create(painter.records, WISH, 1.0)
    connection.delete(redis_keys.record(job.id))
    manifest = tmp_path / keys.manifest_key(job.id)
    manifest.unlink()
    if damage == "half a manifest":
        manifest.write_text("{ half")
    else:
        manifest.mkdir()
    painter.paint(job.id)
    assert "cannot be taken" in caplog.text


def test_no_time_limit_cuts_off_the_last_wait_for_redis() -> None:
    """A job whose time is over waits for Redis to note that; Celery's limit would have it failed as too slow."""
    limit_s = SETTINGS.job_time_limit_s
    assert app.conf.task_soft_time_limit >= limit_s + REDIS_PATIENCE_S + 30
    assert app.conf.task_time_limit >= app.conf.task_soft_time_limit + 30
