"""A real worker whose backend fails as a GPU does: `celery -A tests.faults.gpu_worker worker …`.

The product has no hooks for tests: the extractor and the device are wrapped here, in the worker's own processes. What
fails, and when, says the file `orders.json` in the folder of GPU_FOLDER, so that a test can change it from job to job.
A spoilt context spoils its process for good and a lost device every process, as the real ones do.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import time
import weakref
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from worker import celery_app, engine
from worker.engine.networks.extractors import VggShaped
from worker.engine.networks.operators import Pooling
from worker.job import attempt
from worker.machine import devices

FOLDER = Path(os.environ["GPU_FOLDER"])
OUT_OF_MEMORY = (
    "CUDA out of memory. Tried to allocate 512.00 MiB. GPU 0 has a total capacity of 15.77 GiB of which 98.00 MiB is "
    "free. Of the allocated memory 9.11 GiB is allocated by PyTorch, and 5.42 GiB is reserved by PyTorch but "
    "unallocated. If reserved but unallocated memory is large try setting PYTORCH_ALLOC_CONF=expandable_segments:True"
)
HINT = "\nCUDA kernel errors might be asynchronously reported at some other API call.\nDevice-side assertions were off."
ERRORS: dict[str, tuple[type[Exception], str]] = {
    "torch out of memory": (torch.OutOfMemoryError, OUT_OF_MEMORY),
    "driver out of memory": (torch.AcceleratorError, "CUDA error: out of memory" + HINT),
    "processor out of memory": (
        RuntimeError,
        "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
        "allocate 536870912 bytes. Error code 12 (Cannot allocate memory)",
    ),
    "python out of memory": (MemoryError, ""),
    "illegal access": (torch.AcceleratorError, "CUDA error: an illegal memory access was encountered" + HINT),
    "launch failure": (RuntimeError, "CUDA error: unspecified launch failure" + HINT),
    "device assert": (torch.AcceleratorError, "CUDA error: device-side assert triggered" + HINT),
    "memory error": (RuntimeError, "CUDA error: uncorrectable ECC error encountered" + HINT),
    "no device": (torch.AcceleratorError, "CUDA error: no CUDA-capable device is detected" + HINT),
    "off the bus": (RuntimeError, "NVRM: Xid (PCI:0000:3b:00): 79, pid=1, GPU has fallen off the bus."),
    "no driver tools": (RuntimeError, "Can't initialize NVML: Unknown Error"),
}
STICKY = {"illegal access", "launch failure", "device assert", "memory error"}
LOST = {"no device", "off the bus", "no driver tools"}
LOST_MARK = FOLDER / "lost"


def error(fault: str) -> Exception:
    """A new one each time: an exception keeps the frames through which it was raised."""
    kind, text = ERRORS[fault]
    return kind(text)


class Backend:
    """What this process's device does next."""

    def __init__(self) -> None:
        self.order = ""
        self.evaluations = 0  # since the order came
        self.spoilt = ""
        self.held: list[weakref.ref[Any]] = []  # what must be gone before the next try after running out of memory

    def step(self, where: str) -> str:
        """Raise what is ordered to be raised here; or answer what else is to happen, "" for nothing."""
        if LOST_MARK.exists():
            raise error(LOST_MARK.read_text())
        if self.spoilt:
            raise error(self.spoilt)
        order = self._order()
        if self.order != order.get("id", ""):
            self.order, self.evaluations = order["id"], 0
        self.evaluations += where == "evaluation"
        fault = order.get("fault", "")
        is_due = where == order.get("where") and self.evaluations >= order["at"] and self._shoots(order)
        if not is_due:
            return ""
        if fault in LOST:
            LOST_MARK.write_text(fault)
        if fault in STICKY:
            self.spoilt = fault
        if fault in ERRORS:
            raise error(fault)
        return str(fault)

    def memory_runs_out(self, *held: Any) -> None:
        """Remember what this process holds at the moment."""
        self.held = [weakref.ref(each) for each in held]

    def expect_freed(self) -> None:
        if any(ref() is not None for ref in self.held):
            (FOLDER / "still held").touch()
            raise error("torch out of memory")
        self.held = []

    def _order(self) -> dict[str, Any]:
        try:
            return dict(json.loads((FOLDER / "orders.json").read_text()))
        except FileNotFoundError:
            return {}

    def _shoots(self, order: dict[str, Any]) -> bool:
        """Whether the order has a shot left, over all processes."""
        for number in range(order["times"]):
            try:
                (FOLDER / f"shot-{order['id']}-{number}").open("x").close()
            except FileExistsError:
                continue
            return True
        return False


BACKEND = Backend()


class FaultyNetwork(nn.Module):
    """An extractor's network on a device that may fail at an evaluation; targets are computed without counting."""

    def __init__(self, inner: VggShaped) -> None:
        super().__init__()
        self.inner = inner

    def walk(self, x: Tensor, layers: Collection[str], pooling: Pooling) -> Iterator[tuple[str, Tensor]]:
        if not torch.is_grad_enabled():
            yield from self.inner.walk(x, layers, pooling)
            return
        BACKEND.expect_freed()
        ballast = x.detach().clone()  # as an activation would be: the traceback's frames refer to it
        try:
            event = BACKEND.step("evaluation")
        except Exception as raised:
            if devices.trouble(raised) is devices.Trouble.OUT_OF_MEMORY:
                BACKEND.memory_runs_out(ballast, self)
            raise
        if event == "hang":
            hang(ctypes.CDLL(None))
        if event == "hang with the interpreter":
            hang(ctypes.PyDLL(None))
        if event == "slow":
            time.sleep(float(os.environ["GPU_SLOW_S"]))
        for name, tap in self.inner.walk(x, layers, pooling):
            yield name, tap * float("nan") if event == "not a number" else tap


def hang(c: ctypes.CDLL) -> None:
    """Never return from C; no signal that Celery sends to be polite arrives. A PyDLL keeps the interpreter's lock."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM})
    c.sleep(10_000)


class FaultyDevice(devices.Device):
    """The processor, with a GPU's memory and a GPU's ways to fail."""

    def probe(self) -> None:
        BACKEND.step("probe")
        super().probe()

    def memory(self) -> devices.Memory | None:
        try:
            return devices.Memory(*json.loads((FOLDER / "memory.json").read_text()))
        except FileNotFoundError:
            return None


def load_faulty(*args: Any, **kwargs: Any) -> engine.Extractor:
    BACKEND.expect_freed()
    BACKEND.step("load")
    extractor = load_real(*args, **kwargs)
    extractor.network = FaultyNetwork(extractor.network)  # type: ignore[assignment]  # as far as it is called
    return extractor


def old_driver() -> None:
    raise RuntimeError(
        "The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver by "
        "downloading and installing a new version."
    )


load_real = engine.load_extractor
engine.load_extractor = load_faulty
attempt.BUSY_PAUSE_S = 0.5
if os.environ.get("GPU_DRIVER") == "old":
    torch.cuda.init = old_driver
elif os.environ.get("GPU_DRIVER") != "real":
    devices.choose_apart = lambda setting: FaultyDevice("cpu")
if "GPU_HARD_LIMIT_S" in os.environ:
    celery_app.app.conf.task_soft_time_limit = None
    celery_app.app.conf.task_time_limit = int(os.environ["GPU_HARD_LIMIT_S"])
app = celery_app.app
