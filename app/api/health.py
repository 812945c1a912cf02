"""Whether this process answers, and whether it can do its work: for process managers and load balancers."""

from __future__ import annotations

from typing import Literal, get_args

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field
from redis import RedisError

from app.jobs.housekeeping import rounds
from app.jobs.records import redis_keys
from app.jobs.records.tries import Count
from app.services import ServicesHere

router = APIRouter(tags=["health"])


class Ready(BaseModel):
    """Whether the product can paint, and what is there of what it needs."""

    status: Literal["ready", "degraded", "not ready"]
    redis: bool
    takes: bool = Field(description="Whether Redis takes what it is told; else nothing is known of workers.")
    worker: bool
    moving: bool = Field(description="Whether somebody paints, if there is anything to paint.")
    housekeeping: bool = Field(description="Whether the last round of it did all that it had to.")
    room: bool = Field(description="Whether the disk has room for uploads, and Redis for what it is told.")


@router.get("/healthz", summary="Is the process up?")
async def healthz() -> dict[str, str]:
    """Always, if it answers at all. On the event loop itself: a thread would have to wait behind busy ones."""
    return {"status": "up"}


@router.get("/readyz", summary="Can it paint?", responses={503: {"model": Ready, "description": "Not now, and why."}})
def readyz(services: ServicesHere, response: Response) -> Ready:
    """Redis answers and takes what it is told, a worker was seen lately, and what waits is not waiting in vain. Where
    housekeeping fails, or uploads are refused for want of room, photos are painted all the same: that is `degraded`,
    and no reason to send visitors elsewhere.
    """
    records, has_room = services.records, services.has_room()
    try:
        is_well, takes = rounds.told(records.redis, records.now()).is_well, rounds.takes(records.redis)
        ready = Ready(
            status="not ready",
            redis=True,
            takes=takes,
            worker=records.workers.is_any(),
            moving=records.workers.is_moving(),
            housekeeping=is_well,
            room=has_room and takes,
        )
    except RedisError:
        none = dict.fromkeys(("redis", "takes", "worker", "moving", "housekeeping"), False)
        ready = Ready(status="not ready", **none, room=has_room)
    if not (ready.worker and ready.moving and ready.takes):
        response.status_code = 503
        return ready
    return ready.model_copy(update={"status": "ready" if ready.housekeeping and ready.room else "degraded"})


@router.get("/metrics", summary="What can be counted", response_class=PlainTextResponse, include_in_schema=False)
def metrics(services: ServicesHere) -> str:
    """In Prometheus's text format."""
    records = services.records
    report = rounds.told(records.redis, records.now())
    counts = {
        "atelier_housekeeping_rounds_total": report.rounds,
        "atelier_housekeeping_failed_rounds_total": report.failed_rounds,
        "atelier_housekeeping_well": int(report.is_well),
        "atelier_quarantined": report.quarantined,
        "atelier_free_bytes": services.storage.free_bytes(),
        "atelier_has_room": int(services.has_room()),
        "atelier_jobs_waiting": records.redis.zcard(redis_keys.QUEUED),
        "atelier_jobs_running": records.redis.zcard(redis_keys.RUNNING),
        "atelier_tries_waiting": records.tries.photos_waiting(),
        **{f"atelier_tries_{what}_total": records.tries.counted(what) for what in get_args(Count)},
        "atelier_moving": int(records.workers.is_moving()),
        "atelier_workers": records.workers.count(),
        "atelier_kept_bytes": records.tally.usage("").all,
    }
    return "".join(f"{name} {count}\n" for name, count in counts.items())
