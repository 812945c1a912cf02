"""A series as the API and its page show it: all of its jobs, and what they come to together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field

from app import words
from app.answers.job import JobFault, fault, retry_after
from app.jobs.models import TERMINAL, Job, JobState, Series
from app.jobs.records.records import JobRecords
from app.services import Services
from app.translation import _
from app.words import fraction


class SeriesJob(BaseModel):
    """One job of a series; its own address says more."""

    id: str
    photo: str
    status: Literal["queued", "running", "finished", "failed", "cancelled"]
    progress: float = Field(description="Share of the planned work that is done, 0 to 1.")
    doing: str = Field(description="What is happening, in words.")
    preview: int = Field(description="Number of the newest preview; 0 while there is none.")
    artwork: str | None = Field(description="Path of the artwork, once there is one.")
    error: JobFault | None


class SeriesAnswer(BaseModel):
    """A series as it stands."""

    id: str
    status: Literal["queued", "running", "ended"] = Field(description="Queued until the first of its jobs has begun.")
    progress: float = Field(description="Share of the planned work of all its jobs that is done, 0 to 1.")
    doing: str = Field(description="What is happening, in words.")
    eta_seconds: tuple[float, float] | None = Field(description="Least and most seconds left, as far as measured.")
    time_left: str = Field(description="The same in words.")
    cancel_requested: bool
    finished: int = Field(description="Number of artworks there are so far.")
    artworks: str | None = Field(description="Path of the ZIP with all of them, once there is one.")
    jobs: list[SeriesJob] = Field(description="In the order of the photos; those that were deleted are left out.")


def series_answer(services: Services, series: Series, jobs: Sequence[Job]) -> tuple[SeriesAnswer, dict[str, str]]:
    """The answer, and the headers that let a page ask again, and when."""
    active = [job for job in jobs if job.state not in TERMINAL]
    positions = _positions(services.records, active)
    ahead = min(positions.values(), default=None)
    status = _status(jobs, active)
    eta = _eta(services.records, active, positions)
    artworks = sum(job.has_artwork for job in jobs)
    answer = SeriesAnswer(
        id=series.id,
        status=status,
        progress=_progress(jobs),
        doing=words.doing(active[0], ahead) if status == "queued" else words.doing_all(jobs),
        eta_seconds=eta,
        time_left=words.time_left(eta) if active else "",
        cancel_requested=bool(active) and all(job.cancel_requested for job in active),
        finished=artworks,
        artworks=services.at(f"/api/v1/series/{series.id}/artworks.zip") if artworks else None,
        jobs=[_piece(services, job) for job in jobs],
    )
    return answer, _headers(jobs, status, ahead)


def _piece(services: Services, job: Job) -> SeriesJob:
    is_waiting = job.state is JobState.QUEUED and job.attempt == 0
    return SeriesJob(
        id=job.id,
        photo=job.request.photo,
        status=job.state.value,
        progress=fraction(job),
        # How many are ahead of each of fifty would be read by nobody, and change with every answer.
        doing=_("waiting for its turn") if is_waiting else words.doing(job, None),
        preview=job.preview,
        artwork=services.at(f"/api/v1/jobs/{job.id}/artwork.png") if job.has_artwork else None,
        error=fault(job),
    )


def _status(jobs: Sequence[Job], active: Sequence[Job]) -> Literal["queued", "running", "ended"]:
    if not active:
        return "ended"
    return "queued" if all(job.state is JobState.QUEUED and job.attempt == 0 for job in jobs) else "running"


def _progress(jobs: Sequence[Job]) -> float:
    """Weighted by planned work, so that it is linear in time; what has ended, however it did, is done."""
    planned = sum(job.planned_work for job in jobs)
    done = sum(job.planned_work * (1.0 if job.state in TERMINAL else fraction(job)) for job in jobs)
    return round(done / planned, 4) if planned else 1.0


def _positions(records: JobRecords, active: Sequence[Job]) -> dict[str, int]:
    """The places of those that wait, by job id."""
    places = records.waiting.positions([job.id for job in active]) if active else []
    return {job.id: place for job, place in zip(active, places, strict=True) if place is not None}


def _eta(records: JobRecords, active: Sequence[Job], positions: dict[str, int]) -> tuple[float, float] | None:
    """The time until the last of them is finished: of the last one in the queue, or of the slowest that is painted."""
    last = max(positions, key=lambda job_id: positions[job_id], default=None)
    etas = [
        records.waiting.eta(job, positions.get(job.id)) for job in active if job.id not in positions or job.id == last
    ]
    known = [eta for eta in etas if eta is not None]
    return (max(low for low, _ in known), max(high for _, high in known)) if known else None


def _headers(jobs: Sequence[Job], status: str, ahead: int | None) -> dict[str, str]:
    stand = repr([(job.id, job.version) for job in jobs] + [ahead]).encode()
    headers = {"ETag": f'"{hashlib.sha256(stand).hexdigest()[:32]}"', "Cache-Control": "private, no-cache"}
    return headers | retry_after(status, ahead)
