"""Who touches the GPU: only the process that paints, never one that forks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import StartWorker
from tests.faults.promise import MarkedBench, Promise
from tests.faults.servers import Web


@pytest.mark.faults(
    "F23", "every call of torch.cuda is noted with its process, from the worker's start to its second job"
)
def test_no_process_that_forks_touches_cuda(
    bench: MarkedBench, start_spoiled: StartWorker, promise: Promise, flag: Path
) -> None:
    worker = start_spoiled("watch_cuda")
    bench.job()
    bench.job()
    promise.kept()
    calls = [line.split() for line in flag.read_text().splitlines()]
    callers = {int(process) for process, _, _ in calls}
    parents = {int(parent) for _, parent, _ in calls}
    assert callers, "the watch saw nothing, not even the process that asks what device there is"
    assert worker.pid in parents
    assert not callers & parents, "a process touched it, and its later children could not"


@pytest.mark.faults("F23", "the web server's memory map is searched for torch and CUDA")
def test_the_web_server_has_neither_torch_nor_cuda(bench: MarkedBench, web: Web) -> None:
    web.start()
    web.upload(bench.new_mark())
    assert web.process
    loaded = Path(f"/proc/{web.process.pid}/maps").read_text()
    assert "libcrypto" in loaded or "libc.so" in loaded
    for name in ("libtorch", "libcuda", "libcudart", "/dev/nvidia"):
        assert name not in loaded
