"""A real worker with one thing spoiled: `python -m tests.faults.spoiled -A worker.celery_app worker …`.

FAULT names what, the other FAULT_ variables say where. The product itself has no hooks for tests: what is spoiled is
wrapped here, in the worker's own process, before Celery (or the FAULT_MODULE instead) starts with the same arguments.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import pkgutil
import re
import runpy
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

POISON = 666  # the seed of the job that does harm
FLAG = Path(os.environ.get("FAULT_FLAG", os.devnull))
KEYS = re.compile(os.environ.get("FAULT_KEYS", ""))


def before(owner: Any, name: str, first: Callable[..., None]) -> None:
    """Have `first` called with the same arguments before each call of `owner.name`."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        first(*args, **kwargs)
        return original(*args, **kwargs)

    setattr(owner, name, wrapped)


def after(owner: Any, name: str, then: Callable[..., None]) -> None:
    """Have `then` called with the same arguments after each call of `owner.name`."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        answer = original(*args, **kwargs)
        then(*args, **kwargs)
        return answer

    setattr(owner, name, wrapped)


def stand_still(*_: Any, **__: Any) -> None:
    """The first to come here says so by the flag, and waits to be killed, or for the flag to go; others pass."""
    try:
        FLAG.open("x").close()
    except FileExistsError:
        return
    while FLAG.exists():
        time.sleep(0.02)
    FLAG.with_suffix(".passed").touch()


def stand_still_once(*args: Any, **kwargs: Any) -> None:
    if not FLAG.with_suffix(".passed").exists():
        stand_still(*args, **kwargs)


def pause_at() -> None:
    """After the evaluation that reaches this share of the work."""
    from worker.job.sitting import Sitting

    share = float(os.environ["FAULT_AT"])

    def reached(_: Any, iterate: Any) -> None:
        if iterate.fraction >= share:
            stand_still_once()

    after(Sitting, "after", reached)


def pause_where_told() -> None:
    """After each evaluation that reaches the share of the work that the file beside the flag says at the time."""
    from worker.job.sitting import Sitting

    def reached(_: Any, iterate: Any) -> None:
        if iterate.fraction >= float(FLAG.with_suffix(".at").read_text()):
            stand_still()

    after(Sitting, "after", reached)


def refuse_writes() -> None:
    """No room (or a read-only file system) for blobs whose keys fit FAULT_KEYS, as long as the flag is there."""
    from app.jobs.storage.local import LocalStorage

    number = getattr(errno, os.environ["FAULT_ERRNO"])

    def refuse(_: Any, key: str, **__: Any) -> None:
        if KEYS.search(key) and FLAG.exists():
            raise OSError(number, os.strerror(number), key)

    before(LocalStorage, "writing", refuse)


def slow_storage() -> None:
    """Every blob takes FAULT_SECONDS to write and to read."""
    from app.jobs.storage.local import LocalStorage

    def wait(*_: Any, **__: Any) -> None:
        time.sleep(float(os.environ["FAULT_SECONDS"]))

    before(LocalStorage, "writing", wait)
    before(LocalStorage, "open", wait)


def other_models() -> None:
    """The project's own weights are looked for in FAULT_MODELS."""
    from worker.job import materials

    materials.MODELS = Path(os.environ["FAULT_MODELS"])


def other_clock() -> None:
    """This worker's wall clock is FAULT_SECONDS ahead."""
    right, ahead = time.time, float(os.environ["FAULT_SECONDS"])
    time.time = lambda: right() + ahead


def out_of_memory() -> None:
    raise MemoryError


def segmentation_fault() -> None:
    ctypes.string_at(0)


def eat_memory() -> None:
    eaten = [b"x" * (64 << 20) for _ in range(1000)]
    raise AssertionError(f"{len(eaten)} blocks fit")


def interrupt() -> None:
    raise KeyboardInterrupt


HARM: dict[str, Callable[[], Any]] = {
    "memory": out_of_memory,
    "eat": eat_memory,
    "exit": lambda: sys.exit(3),
    "interrupt": interrupt,
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "abort": os.abort,
    "segfault": segmentation_fault,
}


def poison() -> None:
    """Painting the job with the poison's seed does FAULT_HARM."""
    from worker import engine

    harm = HARM[os.environ["FAULT_HARM"]]

    def swallow(*args: Any, **_: Any) -> None:
        if args[2].seed == POISON:
            harm()

    before(engine, "paint", swallow)


def watch_cuda() -> None:
    """Each call of torch.cuda is noted in the flag's file, with the process that made it."""
    import torch

    names = [
        name
        for name, thing in vars(torch.cuda).items()
        if callable(thing) and not isinstance(thing, type) and not name.startswith("__")
    ]

    def note(name: str) -> Callable[..., None]:
        def noted(*_: Any, **__: Any) -> None:
            with FLAG.open("a") as file:
                file.write(f"{os.getpid()} {os.getppid()} {name}\n")

        return noted

    for name in names:
        before(torch.cuda, name, note(name))


RECORDS, MANIFESTS = "app.jobs.records.records:JobRecords", "app.jobs.records.manifests:Manifests"
HINTS = "app.jobs.records.hints:Hints"
# Where to stand still, once: before or after which method.
PAUSES = {
    # Between taking a hint off the queue and noting that it was taken.
    "pause_after_pop": (before, "kombu.transport.redis:QoS", "append"),
    # Between storing the artwork and noting it in the record.
    "pause_before_end": (before, RECORDS, "end"),
    # Between noting the end in the record and noting it in the manifest.
    "pause_before_manifest": (before, MANIFESTS, "write"),
    # Between the noted end and the acknowledgement of the hint.
    "pause_before_ack": (after, RECORDS, "end"),
    # Between storing a job's record and writing its manifest.
    "pause_before_first_manifest": (before, MANIFESTS, "write_first"),
    # Between storing a job's record and sending its hint.
    "pause_before_publish": (before, HINTS, "send"),
    # In the reaper's pass, with its lock held, before it sends its first hint.
    "pause_in_reaper": (before, HINTS, "missing"),
}


def spoil(fault: str) -> None:
    """Spoil what this fault is of."""
    if fault in PAUSES:
        wrap, owner, method = PAUSES[fault]
        wrap(pkgutil.resolve_name(owner), method, stand_still_once)
    else:
        SPOILS[fault]()


SPOILS = {
    each.__name__: each
    for each in (
        pause_at, pause_where_told, refuse_writes, slow_storage, other_models, other_clock, poison, watch_cuda,
    )
}  # fmt: skip


if __name__ == "__main__":
    spoil(os.environ["FAULT"])
    runpy.run_module(os.environ.get("FAULT_MODULE", "celery"), run_name="__main__", alter_sys=True)
