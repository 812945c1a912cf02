"""Whether this process answers, and whether it can do its work: for process managers and load balancers."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel
from redis import RedisError
from starlette.requests import Request

router = APIRouter(tags=["health"])


class Ready(BaseModel):
    """Whether the product can paint, and what is there of what it needs."""

    status: Literal["ready", "not ready"]
    redis: bool
    worker: bool


@router.get("/healthz", summary="Is the process up?")
async def healthz() -> dict[str, str]:
    """Always, if it answers at all. On the event loop itself: a thread would have to wait behind busy ones."""
    return {"status": "up"}


@router.get("/readyz", summary="Can it paint?", responses={503: {"model": Ready, "description": "Not now, and why."}})
def readyz(request: Request, response: Response) -> Ready:
    """Redis answers and a worker was seen lately."""
    try:
        request.app.state.redis.ping()
        ready = Ready(status="not ready", redis=True, worker=request.app.state.studio.records.worker_seen())
    except RedisError:
        ready = Ready(status="not ready", redis=False, worker=False)
    if not ready.worker:
        response.status_code = 503
        return ready
    return ready.model_copy(update={"status": "ready"})
