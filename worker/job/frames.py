"""Which of a painting's previews stay: the newest, which pages show, and as many before them as a time-lapse takes."""

from __future__ import annotations

from collections.abc import Sequence

from app.jobs.models import Job
from app.jobs.storage import keys
from app.jobs.storage.protocol import Storage

MOST_FRAMES = 24
NEWEST = 4  # at the end, that are left alone: pages that were told of one may still be on their way to it


class Frames:
    """The previews of one job, those of its earlier attempts too, that one attempt adds to."""

    def __init__(self, storage: Storage, job: Job) -> None:
        self.storage = storage
        self.job = job
        self._kept: list[tuple[int, int]] | None = None  # number and fence, as they were painted

    def add(self, number: int, preview: bytes) -> None:
        """Keep a preview, and no more than MOST_FRAMES of all; those that go are the ones with the nearest neighbours.

        Raises:
            OSError: the storage does not take it.
        """
        if self._kept is None:
            listed = map(keys.preview_of, self.storage.list(keys.job_prefix(self.job.id)))
            self._kept = sorted((number, fence) for fence, number in filter(None, listed))
        self.storage.put(keys.preview_key(self.job.id, self.job.fence, number), preview)
        if (number, self.job.fence) not in self._kept:  # It is, where one that was to go could not be deleted.
            self._kept.append((number, self.job.fence))
        while len(self._kept) > MOST_FRAMES:
            gone, fence = self._kept.pop(spare([each for each, _ in self._kept]))
            self.storage.delete(keys.preview_key(self.job.id, fence, gone))


def spare(numbers: Sequence[int]) -> int:
    """The place of the number whose neighbours are nearest to each other; never the first, nor one of the NEWEST."""
    return min(range(1, len(numbers) - NEWEST), key=lambda at: numbers[at + 1] - numbers[at - 1])
