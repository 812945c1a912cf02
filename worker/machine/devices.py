"""The device that a worker computes on: chosen, probed, its memory counted and emptied; and what its errors mean.

Importing this touches no CUDA: a process that has touched it cannot fork children that use it, so the worker's parent
asks a short-lived process of its own, and only children compute.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import re
from enum import Enum
from multiprocessing.connection import Connection
from typing import NamedTuple

import torch

from app.jobs.work import painting_bytes

CHECK_S = 120.0  # a driver that has not answered by then hangs
BYTES_AT_LEAST = 256 * 2**20  # weights and the libraries' workspaces, whatever the picture
log = logging.getLogger(__name__)


class Trouble(Enum):
    """What an error says of the device, and so what helps."""

    OUT_OF_MEMORY = "out of memory"  # free what is held and try again
    STICKY = "spoilt context"  # every later call of this process fails too; a new process starts afresh
    LOST = "lost device"  # new processes fail as well; somebody has to look after the machine


class DeviceUnavailableError(Exception):
    """The device that was asked for cannot be used; the message is one sentence that says why and what to set."""


class Memory(NamedTuple):
    """Bytes of the device that this process may still use, and bytes that the device has at all."""

    free: int
    total: int


# Texts of the CUDA runtime, its libraries and torch. Only `RuntimeError`s (most of torch's errors are) are asked.
_TEXTS = (
    (Trouble.OUT_OF_MEMORY, re.compile(r"out of memory|allocate memory|ALLOC_FAILED", re.IGNORECASE)),
    (
        Trouble.LOST,
        re.compile(
            r"no CUDA-capable device|invalid device ordinal|busy or unavailable|device lost|GPU is lost"
            r"|fallen off the bus|\bXid\b|NVML.*(unknown error|not found)|CUDA error: unknown error"
            r"|no NVIDIA driver|driver on your system is too old|driver version is insufficient|version mismatch"
            r"|driver initialization failed|system not yet initialized",
            re.IGNORECASE | re.DOTALL,
        ),
    ),
    (
        Trouble.STICKY,
        re.compile(
            r"CUDA error|illegal memory access|unspecified launch failure|device-side assert|uncorrectable"
            r"|STATUS_EXECUTION_FAILED|STATUS_INTERNAL_ERROR",
            re.IGNORECASE,
        ),
    ),
)


def trouble(error: BaseException) -> Trouble | None:
    """What `error`, or one that led to it, says of the device or of memory; None if it speaks of something else."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MemoryError | torch.OutOfMemoryError):
            return Trouble.OUT_OF_MEMORY
        if isinstance(seen, RuntimeError):
            for kind, text in _TEXTS:
                if text.search(str(seen)):
                    return kind
            if isinstance(seen, torch.AcceleratorError):
                return Trouble.STICKY
        seen = seen.__cause__
    return None


class Device:
    """A device by torch's name for it, `cpu` or `cuda:N`. Nothing is touched before the first method is called.

    `total_bytes` is the memory that it has, where whoever chose it has asked.
    """

    def __init__(self, name: str, total_bytes: int | None = None) -> None:
        self.name = name
        self.total_bytes = total_bytes
        self.torch = torch.device(name)

    def probe(self) -> None:
        """Run a tiny kernel and look at its result, some ten microseconds.

        Raises:
            RuntimeError: the device does not compute; `trouble` says more.
        """
        if self.torch.type == "cuda":
            torch.cuda.set_device(self.torch)
        if torch.arange(8.0, device=self.torch).sum().item() != 28:
            raise RuntimeError(f"{self.name}: device lost, it no longer adds up numbers")

    def memory(self) -> Memory | None:
        """What may still be allocated, counting what torch holds in reserve; None on a CPU, whose memory can grow."""
        if self.torch.type == "cpu":
            return None
        free, total = torch.cuda.mem_get_info(self.torch)
        idle = torch.cuda.memory_reserved(self.torch) - torch.cuda.memory_allocated(self.torch)
        return Memory(free + idle, total)

    def release(self) -> None:
        """Give back what nothing refers to any more. No exception may be in flight: its traceback refers to tensors."""
        gc.collect()
        if self.torch.type == "cuda":
            torch.cuda.empty_cache()


def required_bytes(pixels: int, extractor: str, itemsize: int) -> int:
    """Device memory that a painting of so many pixels takes with activations of `itemsize` bytes."""
    return BYTES_AT_LEAST + painting_bytes(pixels, extractor, itemsize)


def choose(setting: str) -> Device:
    """The device for `ATELIER_DEVICE`, probed: `cpu`, `cuda`, `cuda:N`, or `auto`, which is CUDA and else the CPU.

    Raises:
        DeviceUnavailableError: CUDA was asked for and does not work.
    """
    if setting == "cpu":
        log.info("ATELIER_DEVICE=cpu: painting on the CPU.")
        return Device("cpu")
    device = Device("cuda:0" if setting in ("auto", "cuda") else setting)
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
        device.probe()
    except (RuntimeError, AssertionError) as error:  # the latter where torch was built without CUDA
        if trouble(error) is Trouble.OUT_OF_MEMORY:  # it is there, and a neighbour fills it: each job looks for itself
            return device
        reason = (str(error).strip() or "no reason was given").splitlines()[0].rstrip(".")
        if setting == "auto":
            log.warning("ATELIER_DEVICE=auto: painting on the CPU, because CUDA does not work: %s.", reason)
            return Device("cpu")
        raise DeviceUnavailableError(
            f"ATELIER_DEVICE={setting} cannot be used: {reason}. Mend the driver, or set ATELIER_DEVICE to cpu or auto."
        ) from error
    log.info("ATELIER_DEVICE=%s: painting on %s.", setting, device.name)
    return device


def choose_apart(setting: str) -> Device:
    """`choose` in a process of its own, so that this one never touches CUDA and may fork.

    Raises:
        DeviceUnavailableError: CUDA was asked for and does not work, or does not answer.
    """
    if setting == "cpu":
        return Device("cpu")
    forking = multiprocessing.get_context("fork")  # importing torch anew would take seconds
    answers, answer = forking.Pipe(duplex=False)
    process = forking.Process(target=_answer, args=(setting, answer), daemon=True)
    process.start()
    answer.close()
    try:
        name, total, refusal = answers.recv() if answers.poll(CHECK_S) else ("", None, "it does not answer")
    except EOFError:
        name, total, refusal = "", None, "asking for it ended the process"
    finally:
        process.kill()
        process.join()
    if not name:
        if not refusal.startswith("ATELIER_DEVICE"):
            refusal = f"ATELIER_DEVICE={setting} cannot be used: {refusal}. Set ATELIER_DEVICE=cpu to do without."
        raise DeviceUnavailableError(refusal)
    return Device(name, total)


def _answer(setting: str, answer: Connection) -> None:
    try:
        device = choose(setting)
    except DeviceUnavailableError as error:
        answer.send(("", None, str(error)))
        return
    try:
        memory = device.memory()
    except RuntimeError as error:  # so full that not even a context fits; it is there all the same
        log.warning("%s does not say how much memory it has: %s", device.name, error)
        memory = None
    answer.send((device.name, memory.total if memory else None, ""))
