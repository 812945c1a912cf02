"""`atelier doctor`: what the service needs of this machine, and whether it is there. Nothing is changed by looking."""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import tempfile
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import redis
import torch
from PIL import features

from app.jobs.records.connection import connect
from app.jobs.storage.opening import open_storage
from app.jobs.styles import find_styles
from app.logs import shortened
from app.process import OTHERS
from app.reading import heic
from app.reading.picture import FORMATS
from app.settings import Settings, load_settings
from launcher import redis_server
from launcher.errors import LaunchError
from worker import engine
from worker.machine import devices
from worker.machine.memory import free_bytes, memory_for_a_job
from worker.shell.checking import embedded_url
from worker.shell.files import UsageError
from worker.shell.painting import MODELS

MB, GB = 1_000_000, 1_000_000_000
USUAL_SIZE, LEAST_SIZE = 1024, 256  # of a painting's longer side
FEW_FILES = 4096
KEEPING = "noeviction"
WRITTEN = (".png", ".jpg", ".webp", ".tif")


class Mark(StrEnum):
    """How it stands with one thing: as it should, with less than could be had, or so that something does not work."""

    OK = "ok"
    NOTE = "note"
    FAULT = "fault"


class Finding(NamedTuple):
    """What was found out about one thing, in a sentence."""

    mark: Mark
    what: str
    told: str


def doctor(_args: argparse.Namespace, _settings: Settings) -> None:
    """Print a line for each thing that the service needs, by its own settings.

    Raises:
        UsageError: something of it does not work.
    """
    settings, faults = load_settings(), 0
    for what, look in CHECKS.items():
        for finding in _findings(what, look, settings):
            print(f"{finding.mark:<6} {finding.what}: {shortened(finding.told)}", flush=True)
            faults += finding.mark is Mark.FAULT
    if faults:
        raise UsageError(f"{faults} of these need{'s' if faults == 1 else ''} mending.")
    print("Atelier works here.")


def _findings(what: str, look: Callable[[Settings], Iterator[tuple[Mark, str]]], settings: Settings) -> list[Finding]:
    """What a look found; whatever keeps it from looking is a finding as well, and ends no other look."""
    found: list[Finding] = []
    try:
        found += (Finding(mark, what, told) for mark, told in look(settings))
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        found.append(Finding(Mark.FAULT, what, reason))
    return found


def _python(_settings: Settings) -> Iterator[tuple[Mark, str]]:
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield (
        Mark.OK,
        f"{platform.python_version()} on {platform.system()} ({platform.machine()}), {processors} processors",
    )


def _redis(settings: Settings) -> Iterator[tuple[Mark, str]]:
    try:
        url = settings.redis_url or embedded_url(settings)
    except UsageError:  # not running
        server = redis_server.executable()
        version = ".".join(map(str, redis_server.version_of(server)))
        yield _aged(version, f"{server.name} {version}, which Atelier starts by itself ({server})")
        return
    try:
        with connect(url) as connection:
            told: dict[str, Any] = connection.info()
    except (redis.RedisError, ValueError, OSError) as error:
        raise LaunchError(f"it does not answer ({error}). Start it, or unset ATELIER_REDIS_URL.") from error
    name, version = told.get("server_name", "redis"), told["redis_version"]
    yield _aged(version, f"{name} {told.get(f'{name}_version', version)}, which runs")
    if told.get("maxmemory_policy", KEEPING) != KEEPING:
        yield Mark.FAULT, f"it drops jobs when its memory is full; set its maxmemory-policy to {KEEPING}."
    if not told.get("aof_enabled", 1):
        yield Mark.NOTE, "it forgets all when it ends, and jobs begin anew; set its appendonly to yes."


def _aged(version: str, told: str) -> tuple[Mark, str]:
    old = redis_server.about_age(version)
    return (Mark.NOTE, old) if old else (Mark.OK, told)


def _data(settings: Settings) -> Iterator[tuple[Mark, str]]:
    folder = settings.data.resolve()
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        yield Mark.FAULT, f"{folder} cannot be written. Allow it, or set ATELIER_DATA to another folder."
    elif there == folder and folder.stat().st_mode & OTHERS:
        yield Mark.NOTE, f"{folder} is open to other users of this machine; chmod 700 closes it."
    else:
        yield Mark.OK, str(folder)


def _disk(settings: Settings) -> Iterator[tuple[Mark, str]]:
    free, least = open_storage(settings).free_bytes(), settings.least_free_bytes
    if free < least:
        yield Mark.FAULT, f"{free / GB:.1f} GB are free, and below {least / GB:.1f} GB uploads are refused. Make room."
    else:
        yield Mark.OK, f"{free / GB:.1f} GB free for photos and artworks"
    temporary, form = shutil.disk_usage(tempfile.gettempdir()).free, settings.form_limit_mb * MB
    if temporary < form:
        yield (
            Mark.NOTE,
            f"{tempfile.gettempdir()} has {temporary / MB:.0f} MB free, less than one form may bring "
            f"({form / MB:.0f} MB); set TMPDIR to a folder with more.",
        )


def _memory(settings: Settings) -> Iterator[tuple[Mark, str]]:
    free, most = free_bytes(), memory_for_a_job(settings, devices.Device("cpu"))
    usual, least = (devices.required_bytes(side**2, "compact", 4) for side in (USUAL_SIZE, LEAST_SIZE))
    told = f"{min(free, most) / GB:.1f} GB free for a painting"
    if min(free, most) < least:
        yield Mark.FAULT, f"{told}, and the smallest takes {least / GB:.1f} GB. End other programs."
    elif min(free, most) < usual:
        yield (
            Mark.NOTE,
            f"{told}; one of {USUAL_SIZE} pixels takes {usual / GB:.1f} GB, or is painted in tiles, slower.",
        )
    else:
        yield Mark.OK, told


def _device(settings: Settings) -> Iterator[tuple[Mark, str]]:
    device = devices.choose_apart(settings.device)
    if device.name != "cpu":
        yield Mark.OK, f"{device.name}, {(device.total_bytes or 0) / GB:.0f} GB"
        return
    threads = settings.threads or torch.get_num_threads()
    yield Mark.OK, f"the processor, with {threads} threads; ATELIER_DEVICE=cuda says why not on a GPU"


def _networks(settings: Settings) -> Iterator[tuple[Mark, str]]:
    cpu = torch.device("cpu")
    compact = engine.load_extractor("compact", MODELS, settings.models_cache, cpu)
    engine.load_upscaler(MODELS, cpu)
    wanted = settings.extractor
    if wanted not in ("auto", "compact"):
        engine.load_extractor(wanted, MODELS, settings.models_cache, cpu)
    styles = find_styles(own=settings.styles)
    shipped = [path for style in styles if (path := style.fingerprint(compact.name))]
    for path in shipped:
        engine.load_fingerprint(path, compact)
    yield Mark.OK, f"all that ships, and {len(shipped)} paintings of {len(styles)} measured with it"


def _pictures(_settings: Settings) -> Iterator[tuple[Mark, str]]:
    yield Mark.OK, f"reads {', '.join(FORMATS)}"
    if heic.can_read():
        yield Mark.OK, "reads HEIC"
    else:
        yield Mark.NOTE, "HEIC, as iPhones take it, is refused; pip install 'atelier[heic]' brings a reader."
    if not features.check("littlecms2"):
        yield Mark.FAULT, "this Pillow has no LittleCMS, so colour profiles cannot be read. Install Pillow's own wheel."
    import pyvips  # a library of its own that may be missing, and costs half a second

    blank = pyvips.Image.black(8, 8)
    for suffix in WRITTEN:
        blank.write_to_buffer(suffix)
    yield Mark.OK, f"writes {', '.join(each.removeprefix('.') for each in WRITTEN)}"


def _uploads(_settings: Settings) -> Iterator[tuple[Mark, str]]:
    is_confined = Path("/proc/sys/kernel/seccomp/actions_avail").exists()
    if is_confined and platform.machine() in ("x86_64", "aarch64"):
        yield Mark.OK, "opened in processes that the kernel confines (seccomp)"
    else:
        yield Mark.NOTE, "opened in processes of bounded time and memory; this system has no seccomp to confine them."


def _files(_settings: Settings) -> Iterator[tuple[Mark, str]]:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= hard < FEW_FILES:
        yield (
            Mark.NOTE,
            f"{hard} may be open at once, so {hard * 3 // 4} visitors may be connected; raise `ulimit -Hn`.",
        )
    else:
        yield Mark.OK, "as many may be open as are needed"


CHECKS: dict[str, Callable[[Settings], Iterator[tuple[Mark, str]]]] = {
    "Python": _python,
    "Redis": _redis,
    "Data folder": _data,
    "Disk": _disk,
    "Memory": _memory,
    "Device": _device,
    "Networks": _networks,
    "Pictures": _pictures,
    "Uploads": _uploads,
    "Files": _files,
}
