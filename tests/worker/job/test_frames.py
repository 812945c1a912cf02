"""Which previews of a painting stay."""

from __future__ import annotations

import contextlib
from itertools import pairwise
from pathlib import Path

import pytest

from app.jobs.models import Job, JobState
from app.jobs.storage import keys
from app.jobs.storage.local import LocalStorage
from tests.worker.conftest import WISH
from worker.job.frames import MOST_FRAMES, NEWEST, Frames

JOB = Job(id="1" * 32, state=JobState.RUNNING, request=WISH, planned_work=1.0, created_at=0.0, fence=1)


def kept(storage: LocalStorage) -> list[int]:
    found = map(keys.preview_of, storage.list(keys.job_prefix(JOB.id)))
    return sorted(number for _, number in filter(None, found))


@pytest.mark.parametrize("count", [1, MOST_FRAMES, MOST_FRAMES + 1, 100, 250])
def test_few_stay_of_many_and_show_all_of_the_painting(tmp_path: Path, count: int) -> None:
    storage = LocalStorage(tmp_path)
    frames = Frames(storage, JOB)
    for number in range(1, count + 1):
        frames.add(number, b"canvas")
        assert set(range(max(1, number - NEWEST + 1), number + 1)) <= set(kept(storage)), "pages may ask for these"
    numbers = kept(storage)
    assert len(numbers) == min(count, MOST_FRAMES)
    assert (numbers[0], numbers[-1]) == (1, count)
    gaps = [after - before for before, after in pairwise(numbers)]
    assert max(gaps, default=0) <= max(1, 2.5 * count / MOST_FRAMES)


def test_what_is_kept_a_second_time_is_one(tmp_path: Path) -> None:
    class Stubborn(LocalStorage):
        def delete(self, key: str) -> None:
            raise OSError(5, "Input/output error")

    storage = Stubborn(tmp_path)
    frames = Frames(storage, JOB)
    for number in range(1, MOST_FRAMES + 1):
        frames.add(number, b"canvas")
    for _ in range(3):  # as a sitting tries the same number again after an error
        with contextlib.suppress(OSError):
            frames.add(MOST_FRAMES + 1, b"newer")
    assert storage.get(keys.preview_key(JOB.id, 1, MOST_FRAMES + 1)) == b"newer"
    frames.storage = LocalStorage(tmp_path)
    for number in range(MOST_FRAMES + 2, MOST_FRAMES + 2 + NEWEST):
        frames.add(number, b"canvas")
        assert set(range(MOST_FRAMES + 1, number + 1)) <= set(kept(storage))


def test_the_next_attempt_goes_on_within_the_same_number(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    first = Frames(storage, JOB)
    for number in range(1, 31):
        first.add(number, b"canvas")
    second = Frames(storage, JOB.model_copy(update={"fence": 2}))
    for number in range(31, 61):
        second.add(number, b"canvas")
    numbers = kept(storage)
    assert (len(numbers), numbers[0], numbers[-1]) == (MOST_FRAMES, 1, 60)
    assert sum(number <= 30 for number in numbers) > MOST_FRAMES // 4
    assert storage.exists(keys.preview_key(JOB.id, 2, 60))
