"""A job as it stands: what the API answers, and when to ask again."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, Field

from app import words
from app.jobs.models import TERMINAL, Job, JobState, PaintRequest
from app.jobs.records.waiting import Standing
from app.retelling import retold
from app.services import Services

MOST_KNOWN = 10  # a page names one, and Redis looks at all of them
ETAG = re.compile(r'"(\d+(?:\.\d+)?)"')  # one of `etag`
POLL_RUNNING_S, POLL_QUEUED_MOST_S = 1, 10


class JobFault(BaseModel):
    """Why a job failed: a stable code and a sentence."""

    code: str
    message: str


class AttemptAnswer(BaseModel):
    """An attempt that was cut off: by the end of its process (`killed`), by the system for want of memory (`memory`),
    because it stood still (`stuck`) or its worker did not answer (`silent`), by a failing device (`device`), or by
    somebody else who fills it (`busy`).
    """

    began_at: datetime
    ended_at: datetime
    reached: float = Field(description="Share of the planned work that was done by then, 0 to 1.")
    cut: Literal["killed", "memory", "stuck", "silent", "device", "busy"]


class JobAnswer(BaseModel):
    """A job as it stands."""

    id: str
    status: Literal["queued", "running", "finished", "failed", "cancelled", "expired"]
    progress: float = Field(description="Share of the planned work that is done, 0 to 1.")
    stage: int = Field(description="Stage of the pyramid, from 1; 0 before the first.")
    stages: int
    doing: str = Field(description="What is happening, in words.")
    position: int | None = Field(description="Jobs ahead of a queued one; null otherwise.")
    eta_seconds: tuple[float, float] | None = Field(description="Least and most seconds left, as far as measured.")
    time_left: str = Field(description="The same in words.")
    preview: int = Field(description="Number of the newest preview; 0 while there is none.")
    cancel_requested: bool
    error: JobFault | None
    attempts: list[AttemptAnswer] = Field(
        description="Attempts that were cut off, oldest first; each next one goes on from the newest checkpoint."
    )
    artwork: str | None = Field(description="Path of the artwork, once there is one; also where a stopped job kept it.")
    width: int | None
    height: int | None
    expires_at: datetime | None = Field(
        description="When the photo and all its artworks are deleted; null while the job waits or runs. "
        "A further job from the same photo puts it off."
    )
    retry_of: str | None = Field(description="Id of the job that this one tries again.")
    retried_by: str | None = Field(description="Id of the job that tried this one again.")
    recolor_of: str | None = Field(
        description="Id of the job whose strokes this one has, in other colours or at a larger size."
    )
    share: str | None = Field(description="Path of the page that shows the artwork to others, once it is shared.")
    request: PaintRequest


def job_answer(services: Services, job: Job, standing: Standing | None = None) -> JobAnswer:
    """The job as the API shows it; `standing` where somebody has looked already."""
    position = standing.position if standing else services.records.waiting.position(job)
    eta = services.records.waiting.eta(job, position, standing)
    progress = job.progress
    goes_at = services.records.photos.goes_at(job.request.photo) if job.state in TERMINAL else None
    return JobAnswer(
        id=job.id,
        status=job.state.value,
        progress=words.fraction(job),
        stage=progress.stage + 1 if progress else 0,
        stages=progress.stages if progress else 0,
        doing=words.doing(job, position),
        position=position,
        eta_seconds=eta,
        time_left=words.time_left(eta) if job.state in {JobState.QUEUED, JobState.RUNNING} else "",
        preview=job.preview,
        cancel_requested=job.cancel_requested,
        error=fault(job),
        attempts=[AttemptAnswer.model_validate(each.model_dump()) for each in job.history],
        artwork=services.at(f"/api/v1/jobs/{job.id}/artwork.png") if job.has_artwork else None,
        width=job.artwork_width,
        height=job.artwork_height,
        expires_at=datetime.fromtimestamp(goes_at, UTC) if goes_at else None,
        retry_of=job.retry_of,
        retried_by=job.retried_by,
        recolor_of=job.recolor_of,
        share=services.at(f"/s/{job.share}") if job.share else None,
        request=job.request,
    )


def fault(job: Job) -> JobFault | None:
    """Why a job failed, in its reader's words; the record has them in English."""
    return JobFault(code=job.error.code, message=retold(job.error.message)) if job.error else None


def etag(version: int, beside: int | None) -> str:
    """`beside` changes without the record: a waiting job's place, or the time at which an ended one goes.

    Without its quotes it is what `Waiting.standings` understands.
    """
    return f'"{version}"' if beside is None else f'"{version}.{beside}"'


def poll_headers(state: JobState, version: int, beside: int | None) -> dict[str, str]:
    """What lets a page ask again, and when; `beside` as in `etag`."""
    headers = {"ETag": etag(version, beside), "Cache-Control": "private, no-cache"}
    return headers | retry_after(state.value, beside)


def retry_after(status: str, ahead: int | None) -> dict[str, str]:
    """When to ask again, as a header; none for what has ended."""
    if status == "running":
        return {"Retry-After": str(POLL_RUNNING_S)}
    if status == "queued":
        return {"Retry-After": str(min(1 + (ahead or 0), POLL_QUEUED_MOST_S))}
    return {}
