"""Celery's tasks: a few lines each that call painting."""

from __future__ import annotations

from app.jobs.queue import TASK, TRIES_TASK
from worker.celery_app import REDIS_URL, SETTINGS, app, device
from worker.job.attempt import Painter
from worker.job.tries import TryOn
from worker.machine.process import is_stopping

_painter: Painter | None = None
_try_on: TryOn | None = None


@app.task(name=TASK)
def paint(job_id: str) -> None:
    """Paint a job, unless somebody else has it or it has ended."""
    _its_painter().paint(job_id)


@app.task(name=TRIES_TASK)
def try_on(photo_id: str) -> None:
    """Paint a photo's tries, as long as they are wanted and no job waits."""
    global _try_on
    if _try_on is None:
        _try_on = TryOn(_its_painter(), is_stopping)
    _try_on.sit(photo_id)


def _its_painter() -> Painter:
    """This process's: made in the child, on its first job, as connections and devices do not survive a fork."""
    global _painter
    if _painter is None:
        _painter = Painter(SETTINGS, REDIS_URL, is_stopping, device())
    return _painter
