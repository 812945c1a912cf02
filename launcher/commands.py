"""The command lines of the product's parts, for the launcher and for whoever measures them."""

from __future__ import annotations

import os
import sys


def worker(log_level: str) -> list[str]:
    """One Celery worker with one child."""
    # Quiet, because its banner, which says nothing that a log needs, would end it where the log's disk is full.
    return [
        sys.executable, "-m", "celery", "--quiet", "-A", "worker.celery_app", "worker",
        "--pool", "prefork", "--concurrency", "1", "--without-gossip", "--without-mingle",
        "--hostname", f"atelier-{os.getpid()}@%h", "--loglevel", log_level,
    ]  # fmt: skip


def web(host: str, port: int, log_level: str) -> list[str]:
    """The web server."""
    # No access log: a job's address is all one needs to see it, and polls would fill the disk.
    return [
        sys.executable, "-m", "uvicorn", "app.main:create_app", "--factory", "--host", host, "--port", str(port),
        # Forwarded headers are believed by our own setting, not by uvicorn's.
        "--timeout-graceful-shutdown", "2", "--http", "app.server.protocol:Protocol",
        "--no-server-header", "--no-proxy-headers", "--no-access-log",
        "--log-level", log_level.lower(),
    ]  # fmt: skip
