"""The speed that a sitting tells, by a clock that the test turns."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from app.jobs.records import accepting
from app.jobs.records.records import JobRecords
from app.jobs.storage.local import LocalStorage
from app.settings import Settings
from tests.worker.conftest import WISH
from worker import engine
from worker.engine.finish import Finish
from worker.job.lease import Lease, holder_name, is_alive
from worker.job.sitting import Sitting

WORK = 10.0  # megapixel-evaluations


def iterate(percent: int) -> engine.Iterate:
    finish = Finish(engine.Scene(Image.new("RGB", (8, 8)), ()), engine.PaintOptions())
    return engine.Iterate(0, 2, 128, percent, 1000, percent / 100, torch.zeros(1, 3, 8, 8), None, finish, 0, "")


@dataclass
class Clock:
    """What `time.monotonic` tells."""

    now: float = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    turned = Clock()
    monkeypatch.setattr(time, "monotonic", lambda: turned.now)
    return turned


@pytest.fixture
def sat(records: JobRecords, tmp_path: Path, clock: Clock) -> Sitting:
    """One that begins when the clock stands at its start."""
    job = records.claim(accepting.create(records, WISH, WORK).id, 60, holder_name(), is_alive)
    assert job
    return Sitting(Settings(data=tmp_path), LocalStorage(tmp_path), job, Lease(records, job, 60, 60), lambda: False)


def test_the_time_left_is_told_from_the_last_seconds_and_the_speed_from_all_of_them(
    records: JobRecords, sat: Sitting, clock: Clock
) -> None:
    job = sat.job
    assert sat.recent_seconds_per_unit() is None
    for percent in range(1, 51):  # a percent a second
        clock.now += 1
        sat.after(iterate(percent))
    assert sat.recent_seconds_per_unit() == pytest.approx(100 / WORK)
    left = records.waiting.eta(records.get(job.id))
    assert left
    for percent in range(51, 55):  # three seconds a percent, for twelve
        clock.now += 3
        sat.after(iterate(percent))
    assert sat.recent_seconds_per_unit() == pytest.approx(300 / WORK)
    assert sat.seconds_per_unit() == pytest.approx((49 + 12) / 53 * 100 / WORK)
    later = records.waiting.eta(records.get(job.id))
    assert later
    assert later[0] == pytest.approx(3 * left[0] * 46 / 50)


def test_an_evaluation_that_takes_longer_than_the_window_still_tells_a_speed(sat: Sitting, clock: Clock) -> None:
    for percent in (10, 20, 30):
        clock.now += 40
        sat.after(iterate(percent))
    assert sat.recent_seconds_per_unit() == pytest.approx(40 / (0.1 * WORK))


def test_what_a_stage_leaves_out_is_not_counted_as_painted_fast(sat: Sitting, clock: Clock) -> None:
    # A percent a second; the first stage finds nothing to improve after a fifth of its work, which is half of all.
    for stage, percents in ((0, range(1, 11)), (1, range(51, 81))):
        for percent in percents:
            clock.now += 1
            sat.after(replace(iterate(percent), stage=stage))
    assert sat.seconds_per_unit() == pytest.approx(100 / WORK, rel=0.05)
