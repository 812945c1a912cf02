"""What cut an attempt off, as far as the next one can tell: its holder left no word."""

from __future__ import annotations

from pathlib import Path

from app.jobs.models import Cut, Job
from worker.job.lease import is_alive
from worker.machine import process

VMSTAT = Path("/proc/vmstat")


def oom_kills() -> int | None:
    """How many processes this system has ended for want of memory, in containers too; None where it does not tell."""
    try:
        lines = VMSTAT.read_text().splitlines()
    except OSError:  # not Linux
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)


def why(job: Job) -> Cut:
    """Why the holder of a running job holds it no more. The job is as its holder left it."""
    if is_alive(job.holder):
        return Cut.SILENT
    pid = job.holder.rpartition(":")[2]
    if process.was_replaced(int(pid)):
        return Cut.STUCK
    ended = oom_kills()
    # Of another process, perhaps: but then memory was short, and this one is gone without a reason of its own.
    has_grown = ended is not None and job.oom_kills is not None and ended > job.oom_kills
    return Cut.MEMORY if has_grown else Cut.KILLED
