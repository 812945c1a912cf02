"""How much memory a job may use on this machine."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from pathlib import Path

from app.settings import Settings

# Of a container, in the two versions of control groups; what is not limited there reads "max" or a huge number.
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
ASK_GPU = ("--query-gpu=memory.total", "--format=csv,noheader,nounits")
ASK_S = 10
log = logging.getLogger(__name__)


def memory_for_a_job(settings: Settings) -> int:
    """Bytes that a job may use: as set, or all of the smallest GPU here, or all of the machine's or container's."""
    if settings.worker_memory_gb:
        return int(settings.worker_memory_gb * 1e9)
    return _gpu_bytes() or _machine_bytes()


def _gpu_bytes() -> int | None:
    """Asked of the driver's own tool, because a process that touches CUDA breaks the children that it forks."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    try:
        told = subprocess.run([tool, *ASK_GPU], capture_output=True, text=True, timeout=ASK_S, check=True).stdout
        return min(int(line) for line in told.split()) * 2**20
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        log.warning("the GPU's memory is not known: %s", error)
        return None


def _machine_bytes() -> int:
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for path in CGROUP_LIMITS:
        try:
            there = min(there, int(path.read_text()))
        except (OSError, ValueError):  # another version, no limit, or not Linux
            continue
    return there
