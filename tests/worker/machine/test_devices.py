"""What errors say of a device, and which device is chosen. The texts are those of the CUDA runtime and of torch."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable

import pytest
import torch

from worker.machine import devices
from worker.machine.devices import (
    Device,
    DeviceUnavailableError,
    Trouble,
    choose,
    choose_apart,
    required_bytes,
    trouble,
)

OOM = (
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 15.77 GiB of which 1.2 GiB is free."
)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), Trouble.OUT_OF_MEMORY),
        (torch.OutOfMemoryError(OOM), Trouble.OUT_OF_MEMORY),
        (torch.AcceleratorError("CUDA error: out of memory"), Trouble.OUT_OF_MEMORY),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory"),
            Trouble.OUT_OF_MEMORY,
        ),
        (
            RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
            Trouble.OUT_OF_MEMORY,
        ),
        (torch.AcceleratorError("CUDA error: an illegal memory access was encountered"), Trouble.STICKY),
        (RuntimeError("CUDA error: unspecified launch failure"), Trouble.STICKY),
        (RuntimeError("CUDA error: device-side assert triggered"), Trouble.STICKY),
        (RuntimeError("CUDA error: uncorrectable ECC error encountered"), Trouble.STICKY),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), Trouble.STICKY),
        (torch.AcceleratorError("something new"), Trouble.STICKY),
        (RuntimeError("CUDA error: no CUDA-capable device is detected"), Trouble.LOST),
        (RuntimeError("CUDA error: unknown error"), Trouble.LOST),
        (
            RuntimeError("NVML_SUCCESS == r INTERNAL ASSERT FAILED: Failed to initialize NVML: Unknown Error"),
            Trouble.LOST,
        ),
        (RuntimeError("NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus."), Trouble.LOST),
        (RuntimeError("The NVIDIA driver on your system is too old (found version 11040)."), Trouble.LOST),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied (3x4 and 5x6), oxidised"), None),
        (ValueError("CUDA error: only RuntimeErrors are asked"), None),
    ],
)
def test_an_errors_text_tells_what_helps(error: BaseException, expected: Trouble | None) -> None:
    assert trouble(error) is expected


def test_an_error_that_was_translated_still_tells() -> None:
    error = OSError("damaged")
    error.__cause__ = MemoryError()
    assert trouble(error) is Trouble.OUT_OF_MEMORY


def test_what_torch_raises_without_a_gpu_counts_as_lost() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(RuntimeError) as caught:
        Device("cuda:0").probe()
    assert trouble(caught.value) is Trouble.LOST


def test_the_processor_passes_its_probe_and_has_no_fixed_memory() -> None:
    device = Device("cpu")
    device.probe()
    device.release()
    assert device.memory() is None


def test_more_pixels_wider_numbers_and_larger_extractors_need_more() -> None:
    usual = required_bytes(512 * 512, "compact", 2)
    assert usual < required_bytes(1024 * 1024, "compact", 2) < required_bytes(1024 * 1024, "compact", 4)
    assert usual < required_bytes(512 * 512, "vgg19", 2) == required_bytes(512 * 512, "not known", 2)


@pytest.mark.parametrize("find", [choose, choose_apart])
def test_without_a_gpu_auto_says_that_it_takes_the_processor(
    find: Callable[[str], Device], caplog: pytest.LogCaptureFixture
) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with caplog.at_level(logging.WARNING):
        assert find("auto").name == "cpu"
    if find is choose:  # the other's log is written by another process
        assert "painting on the CPU" in caplog.text


@pytest.mark.parametrize("find", [choose, choose_apart])
def test_without_a_gpu_cuda_is_refused_in_a_sentence(find: Callable[[str], Device]) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(DeviceUnavailableError, match=r"^ATELIER_DEVICE=cuda:1 cannot be used: .* or auto\.$"):
        find("cuda:1")


def test_a_driver_that_does_not_answer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "CHECK_S", 0.2)
    monkeypatch.setattr(devices, "choose", lambda setting: signal.pause())
    with pytest.raises(DeviceUnavailableError, match="does not answer"):
        choose_apart("cuda")
    assert not torch.cuda.is_initialized()


def test_a_device_that_a_neighbour_fills_is_chosen_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_full(*_: object) -> None:
        raise torch.AcceleratorError("CUDA error: out of memory")

    for name in ("init", "set_device", "mem_get_info"):
        monkeypatch.setattr(torch.cuda, name, is_full)
    found = choose_apart("auto")
    assert (found.name, found.total_bytes) == ("cuda:0", None)
