"""How much memory a job may use on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from app.settings import Settings
from worker.devices import Device

# Of a container, in the two versions of control groups; what is not limited there reads "max" or a huge number.
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def memory_for_a_job(settings: Settings, device: Device) -> int:
    """Bytes that a job may use: as set, or all of the device's, or all of the machine's or container's."""
    if settings.worker_memory_gb:
        return int(settings.worker_memory_gb * 1e9)
    return device.total_bytes or _machine_bytes()


def _machine_bytes() -> int:
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for path in CGROUP_LIMITS:
        try:
            there = min(there, int(path.read_text()))
        except (OSError, ValueError):  # another version, no limit, or not Linux
            continue
    return there
