"""Holding a job: who holds it, and the thread that renews the lease while long calls keep the painter busy."""

from __future__ import annotations

import logging
import os
import socket
from pathlib import Path

import redis

from app.jobs.models import Job
from app.jobs.records.errors import LeaseLostError
from app.jobs.records.records import JobRecords
from worker.machine.companion import Companion

log = logging.getLogger(__name__)


def holder_name() -> str:
    """This process, as it is written into the records that it holds."""
    return f"{_place()}:{os.getpid()}"


def is_alive(holder: str) -> bool:
    """Whether a holder may still live. Of another place's nothing is known, so its lease decides."""
    place, _, pid = holder.rpartition(":")
    if place != _place() or not pid.isdigit():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # Our own number, but we are only asking: a process before us had it.
    return int(pid) != os.getpid()


def _place() -> str:
    """Where process numbers mean something: this machine and, as containers may share its name, their own numbering."""
    try:
        numbering = str(Path("/proc/self/ns/pid").readlink())
    except OSError:  # not Linux
        numbering = ""
    return f"{socket.gethostname()}/{numbering}"


class Lease(Companion):
    """Renews a job's lease every `heartbeat_s` until the block ends; knows when it was lost or the job cancelled."""

    def __init__(self, records: JobRecords, job: Job, lease_s: float, heartbeat_s: float) -> None:
        super().__init__(f"lease-{job.id[:6]}")
        self.records = records
        self.job = job
        self.lease_s = lease_s
        self.heartbeat_s = heartbeat_s
        self.is_lost = False
        self.is_cancelled = job.cancel_requested

    def report(self, fields: dict[str, object]) -> None:
        """Store progress; renews the lease as well.

        Raises:
            LeaseLostError: somebody else holds the job now.
        """
        if self.is_lost:
            raise LeaseLostError(self.job.id)
        renewed = self.records.heartbeat(self.job, self.lease_s, fields)
        self.is_cancelled = renewed.cancel_requested

    def _run(self) -> None:
        while not self._done.wait(self.heartbeat_s):
            try:
                self.is_cancelled = self.records.heartbeat(self.job, self.lease_s, {}).cancel_requested
            except LeaseLostError:
                self.is_lost = True
                return
            except redis.RedisError as error:  # Redis is away: go on painting, the fence decides at the end
                log.warning("job %s: the lease could not be renewed: %s", self.job.id, error)
