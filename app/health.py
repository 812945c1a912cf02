"""Whether this process answers, and whether it can do its work: for process managers and load balancers."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from redis import RedisError
from starlette.requests import Request

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Is the process up?")
def healthz() -> dict[str, str]:
    """Always, if it answers at all."""
    return {"status": "up"}


@router.get("/readyz", summary="Can it paint?", responses={503: {"description": "Not now, and why."}})
def readyz(request: Request) -> JSONResponse:
    """Redis answers and a worker was seen lately."""
    try:
        request.app.state.redis.ping()
        has_worker = request.app.state.studio.records.worker_seen()
    except RedisError:
        return JSONResponse({"status": "not ready", "redis": False, "worker": False}, 503)
    ready = {"status": "ready" if has_worker else "not ready", "redis": True, "worker": has_worker}
    return JSONResponse(ready, 200 if has_worker else 503)
