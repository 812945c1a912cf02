"""How much memory a job may use on this machine, and how much of it is free."""

from __future__ import annotations

import os
from pathlib import Path

from app.settings import Settings
from worker import engine
from worker.machine.devices import Device

# Of what is free when a job begins; the rest is for neighbours, and for what an estimate misses.
SHARE = 0.75
# Of a container, in the two versions of control groups; what is not limited there reads "max" or a huge number.
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
CGROUP_USES = (Path("/sys/fs/cgroup/memory.current"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"))
USUALLY_HELD = 800_000_000


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


def room_for_a_job(settings: Settings, device: Device) -> engine.Room:
    """Room beside what this process holds already: as set, or three quarters of what the device or machine has free."""
    memory = device.memory()
    if memory:
        free = SHARE * memory.free
    elif settings.worker_memory_gb:
        free = settings.worker_memory_gb * 1e9 - _held_bytes()
    else:
        free = SHARE * free_bytes()
    scratch = settings.data / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    return engine.Room(int(free), scratch)


def _held_bytes() -> int:
    """What this process holds; where the system does not tell, a usual worker's."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return USUALLY_HELD


def free_bytes() -> int:
    """What could be had without anybody else's being swapped out; half of all where the system does not tell."""
    free = _machine_bytes() // 2
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        pass
    for limit, used in zip(CGROUP_LIMITS, CGROUP_USES, strict=True):
        try:
            free = min(free, int(limit.read_text()) - int(used.read_text()))
        except (OSError, ValueError):
            continue
    return free
