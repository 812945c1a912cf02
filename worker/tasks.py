"""Celery's tasks: a few lines each that call painting."""

from __future__ import annotations

from app.jobs.queue import TASK
from worker.celery_app import REDIS_URL, SETTINGS, app, device
from worker.job.attempt import Painter
from worker.machine.process import is_stopping

_painter: Painter | None = None


@app.task(name=TASK)
def paint(job_id: str) -> None:
    """Paint a job, unless somebody else has it or it has ended."""
    global _painter
    if _painter is None:  # in the child, on its first job: connections and devices do not survive a fork
        _painter = Painter(SETTINGS, REDIS_URL, is_stopping, device())
    _painter.paint(job_id)
