"""What the pages and the API say about a job in words: what is happening, how long it takes, how large it prints."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from app.jobs.models import Job, JobState

PRINT_DPI = 300


def about(seconds: float) -> str:
    """A duration as a person would say it: "about 15 s", "about 3 min"."""
    if seconds < 10:
        return f"about {max(1, round(seconds))} s"
    if seconds < 55:
        return f"about {round(seconds / 5) * 5} s"
    if seconds < 5400:
        return f"about {max(1, round(seconds / 60))} min"
    return f"about {round(seconds / 3600)} h"


def duration(seconds: float) -> str:
    """For how long something is kept: "24 hours", "7 days"."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        # Two days are easier to grasp than 48 hours, but one day may be meant as a calendar's.
        if seconds >= length * (2 if unit == "day" else 1):
            count = round(seconds / length)
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "a moment"


def size(count: int) -> str:
    """A number of bytes as a person would say it: "4.2 GB", "50 GB", "730 MB"."""
    amount, unit = (count / 1e9, "GB") if count >= 1e9 else (count / 1e6, "MB")
    return f"{amount:.1f}".removesuffix(".0") + f" {unit}"


def time_left(eta: tuple[float, float] | None) -> str:
    """The remaining time as a range; `eta` is (low, high) in seconds, or None where nothing was measured yet."""
    if eta is None:
        return ""
    low, high = eta
    if high < 1.5:
        return "a moment left"
    divisor, unit = (1, "s") if high < 90 else (60, "min") if high < 5400 else (3600, "h")
    least, most = max(1, int(low / divisor)), max(1, -int(-high // divisor))
    return f"{least} {unit} left" if least >= most else f"{least} to {most} {unit} left"


def doing(job: Job, position: int | None) -> str:
    """What is happening to the job, in words for its owner. `position` is the number of jobs ahead of a queued one."""
    if job.state is JobState.QUEUED:
        if job.attempt > 0:
            return "interrupted; going on from the last stroke in a moment"
        if not position:
            return "next in line"
        return f"waiting for a free easel, {position} painting{'' if position == 1 else 's'} ahead"
    if job.state is JobState.RUNNING:
        if job.cancel_requested:
            return "stopping after this stroke"
        return "preparing the canvas" if job.progress is None else strokes(job.progress.stage, job.progress.stages)
    return {
        JobState.FINISHED: "finished",
        JobState.FAILED: "not painted",
        JobState.CANCELLED: "stopped",
        JobState.EXPIRED: "taken down",
    }[job.state]


def moment(seconds: float) -> str:
    """The day and the hour (UTC) of a moment in unix seconds."""
    when = datetime.fromtimestamp(seconds, UTC)
    return f"{when.day} {when:%B %Y}, {when:%H:%M} UTC"


def timestamp(seconds: float) -> str:
    """The same for a program, which may tell it in its reader's own zone (HTML, "valid date string", to the second)."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def strokes(stage: int, stages: int) -> str:
    """A stage of the pyramid, counted from 0, as what a painter would be doing."""
    share = stage / max(1, stages - 1)
    name = "broad strokes" if share < 0.35 else "shapes and colours" if share < 0.7 else "detail"
    return f"{name}, {stage + 1} of {stages}"


def print_size(width: int, height: int, in_inches: bool = False) -> str:
    """The largest sharp print of a picture of `width` × `height` pixels, in centimetres or inches at PRINT_DPI."""
    unit, length = ("in", 1.0) if in_inches else ("cm", 2.54)
    wide, tall = (round(side / PRINT_DPI * length, 1) for side in (width, height))
    return f"{wide:g} × {tall:g} {unit}"


def doing_all(jobs: Sequence[Job]) -> str:
    """What is happening to several jobs that were started together, of which at least one has begun."""
    done = sum(job.has_artwork for job in jobs)
    active = [job for job in jobs if job.state in {JobState.QUEUED, JobState.RUNNING}]
    if active and all(job.cancel_requested for job in active):
        return "stopping after this stroke"
    if active and done == 0:
        return f"the first of {len(jobs)} is being painted"
    return f"all {done} finished" if done == len(jobs) > 1 else f"{done} of {len(jobs)} finished"


def fraction(job: Job) -> float:
    """Share of the planned work that is done, 0 to 1."""
    if job.state is JobState.FINISHED:
        return 1.0
    return round(job.progress.fraction, 4) if job.progress else 0.0
