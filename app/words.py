"""What the pages and the API say about a job in words: what is happening, how long it takes, how large it prints."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from app.jobs.models import Job, JobState
from app.translation import _, decimal, many
from app.translation import moment as told_moment

PRINT_DPI = 300


def about(seconds: float) -> str:
    """A duration as a person would say it: "about 15 s", "about 3 min"."""
    if seconds < 10:
        return _("about {count} s").format(count=max(1, round(seconds)))
    if seconds < 55:
        return _("about {count} s").format(count=round(seconds / 5) * 5)
    if seconds < 5400:
        return _("about {count} min").format(count=max(1, round(seconds / 60)))
    return _("about {count} h").format(count=round(seconds / 3600))


def duration(seconds: float) -> str:
    """For how long something is kept: "24 hours", "7 days"."""
    # Two days are easier to grasp than 48 hours, but one day may be meant as a calendar's.
    if seconds >= 2 * 86400:
        count = round(seconds / 86400)
        return many("{count} day", "{count} days", count).format(count=count)
    if seconds >= 3600:
        count = round(seconds / 3600)
        return many("{count} hour", "{count} hours", count).format(count=count)
    if seconds >= 60:
        count = round(seconds / 60)
        return many("{count} minute", "{count} minutes", count).format(count=count)
    return _("a moment")


def size(count: int) -> str:
    """A number of bytes as a person would say it: "4.2 GB", "50 GB", "730 MB"."""
    amount, unit = (count / 1e9, "GB") if count >= 1e9 else (count / 1e6, "MB")
    return f"{decimal(amount)} {unit}"


def time_left(eta: tuple[float, float] | None) -> str:
    """The remaining time as a range; `eta` is (low, high) in seconds, or None where nothing was measured yet."""
    if eta is None:
        return ""
    low, high = eta
    if high < 1.5:
        return _("a moment left")
    if high < 90:
        divisor, exactly, between = 1, _("{least} s left"), _("{least} to {most} s left")
    elif high < 5400:
        divisor, exactly, between = 60, _("{least} min left"), _("{least} to {most} min left")
    else:
        divisor, exactly, between = 3600, _("{least} h left"), _("{least} to {most} h left")
    least, most = max(1, int(low / divisor)), max(1, -int(-high // divisor))
    return (exactly if least >= most else between).format(least=least, most=most)


def doing(job: Job, position: int | None) -> str:
    """What is happening to the job, in words for its owner. `position` is the number of jobs ahead of a queued one."""
    if job.state is JobState.QUEUED:
        if job.attempt > 0:
            return _("interrupted; going on from the last stroke in a moment")
        if not position:
            return _("next in line")
        return many(
            "waiting for a free easel, {count} painting ahead",
            "waiting for a free easel, {count} paintings ahead",
            position,
        ).format(count=position)
    if job.state is JobState.RUNNING:
        if job.cancel_requested:
            return _("stopping after this stroke")
        return _("preparing the canvas") if job.progress is None else strokes(job.progress.stage, job.progress.stages)
    return {
        JobState.FINISHED: _("finished"),
        JobState.FAILED: _("not painted"),
        JobState.CANCELLED: _("stopped"),
        JobState.EXPIRED: _("taken down"),
    }[job.state]


def moment(seconds: float) -> str:
    """The day and the hour (UTC) of a moment in unix seconds."""
    return told_moment(datetime.fromtimestamp(seconds, UTC))


def timestamp(seconds: float) -> str:
    """The same for a program, which may tell it in its reader's own zone (HTML, "valid date string", to the second)."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def strokes(stage: int, stages: int) -> str:
    """A stage of the pyramid, counted from 0, as what a painter would be doing."""
    share = stage / max(1, stages - 1)
    if share < 0.35:
        doing = _("broad strokes, {stage} of {stages}")
    elif share < 0.7:
        doing = _("shapes and colours, {stage} of {stages}")
    else:
        doing = _("detail, {stage} of {stages}")
    return doing.format(stage=stage + 1, stages=stages)


def print_size(width: int, height: int, in_inches: bool = False) -> str:
    """The largest sharp print of a picture of `width` × `height` pixels, in centimetres or inches at PRINT_DPI."""
    unit, length = ("in", 1.0) if in_inches else ("cm", 2.54)
    wide, tall = (decimal(side / PRINT_DPI * length) for side in (width, height))
    return f"{wide} × {tall} {unit}"


def doing_all(jobs: Sequence[Job]) -> str:
    """What is happening to several jobs that were started together, of which at least one has begun."""
    done = sum(job.has_artwork for job in jobs)
    active = [job for job in jobs if job.state in {JobState.QUEUED, JobState.RUNNING}]
    if active and all(job.cancel_requested for job in active):
        return _("stopping after this stroke")
    if active and done == 0:
        return _("the first of {count} is being painted").format(count=len(jobs))
    if done == len(jobs) > 1:
        return _("all {count} finished").format(count=done)
    return _("{done} of {count} finished").format(done=done, count=len(jobs))


def fraction(job: Job) -> float:
    """Share of the planned work that is done, 0 to 1."""
    if job.state is JobState.FINISHED:
        return 1.0
    return round(job.progress.fraction, 4) if job.progress else 0.0
