"""Jobs that do harm to whoever paints them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from app.jobs.models import Cut, JobState
from app.logs import shortened
from tests.bench import StartWorker, Workers
from tests.faults.ledger import Recovery
from tests.faults.promise import MarkedBench, Promise
from tests.faults.spoiled import POISON

LIMIT_BYTES = 1 << 30


def swallow(bench: MarkedBench, workers: Workers, promise: Promise, recovery: Recovery, code: str) -> int:
    """Have a poisoned job painted between sound ones; it must fail with `code`, and do no harm to them.

    Returns how often it was tried.
    """
    sound = [bench.job()]
    poisoned = bench.job(seed=POISON)
    sound += [bench.job(), bench.job()]
    recovery.struck()
    done = bench.ended(poisoned)
    assert done.state is JobState.FAILED
    assert done.error
    assert done.error.code == code
    assert done.error.message.endswith(".")
    sound.append(bench.job())
    bench.begun(sound[-1])
    recovery.over()
    for job in sound:
        assert bench.ended(job).state is JobState.FINISHED
        assert bench.records.get(job.id).attempt == 1
    for job_id in bench.marks:
        promise.check(bench.records.get(job_id))
    assert all(worker.is_running() for worker in workers.started), "a whole worker went down"
    tries = workers.log().count(shortened(f"job {poisoned.id}: attempt"))
    return tries - (code == "worker_lost")  # the last is not painted, only ended


@pytest.mark.slow_fault
@pytest.mark.faults("F14", "a job that kills whoever paints it, every time, and two workers")
def test_poison_is_given_up_after_three_attempts(
    bench: MarkedBench, start_spoiled: StartWorker, workers: Workers, promise: Promise, recovery: Recovery
) -> None:
    for _ in range(2):
        start_spoiled("poison", FAULT_HARM="kill")
    assert swallow(bench, workers, promise, recovery, "worker_lost") == 3


@pytest.mark.faults("F15", "MemoryError in a task")
def test_a_memory_error_fails_the_job_alone(
    bench: MarkedBench, start_spoiled: StartWorker, workers: Workers, promise: Promise, recovery: Recovery
) -> None:
    start_spoiled("poison", FAULT_HARM="memory")
    assert swallow(bench, workers, promise, recovery, "too_large") == 1


@pytest.mark.slow_fault
@pytest.mark.faults("F15", "SystemExit, KeyboardInterrupt, a C abort, or a segmentation fault in a task")
@pytest.mark.parametrize("harm", ["exit", "interrupt", "abort", "segfault"])
def test_whatever_ends_the_child_ends_no_more(
    bench: MarkedBench, start_spoiled: StartWorker, workers: Workers, promise: Promise, recovery: Recovery, harm: str
) -> None:
    start_spoiled("poison", FAULT_HARM=harm)
    assert swallow(bench, workers, promise, recovery, "worker_lost") == 3


@pytest.mark.slow_fault
@pytest.mark.faults("F10", "the kernel's out-of-memory killer, in a control group of 1 GiB as a container has it")
def test_a_job_that_eats_all_memory_is_given_up(
    bench: MarkedBench, start_spoiled: StartWorker, workers: Workers, promise: Promise, recovery: Recovery
) -> None:
    worker = start_spoiled("poison", FAULT_HARM="eat")
    with control_group(worker) as killed:
        assert swallow(bench, workers, promise, recovery, "worker_lost") == 3
        assert killed() >= 3
    (poisoned,) = (job for job in map(bench.records.get, bench.marks) if job.error)
    assert {each.cut for each in poisoned.history} == {Cut.MEMORY}
    assert poisoned.error
    assert "this server ran out of memory" in poisoned.error.message


@contextmanager
def control_group(worker: psutil.Process) -> Iterator[Callable[[], int]]:
    """Put a worker into a control group with little memory, as a container is one; yields the count of OOM kills.

    Where that is not allowed, the test is skipped: F1 kills the same process by the same signal.
    """
    version_1, version_2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
    root, limit, events = (
        (version_1, "memory.limit_in_bytes", "memory.oom_control")
        if (version_1 / "memory.limit_in_bytes").exists()
        else (version_2, "memory.max", "memory.events")
    )
    group = root / f"atelier-test-{worker.pid}"
    try:
        group.mkdir()
        (group / limit).write_text(str(LIMIT_BYTES))
        for process in [worker, *worker.children()]:
            (group / "cgroup.procs").write_text(str(process.pid))
    except OSError as error:
        if group.exists():
            group.rmdir()
        pytest.skip(f"no control group can be made here: {error}")

    def killed() -> int:
        counts = dict(line.split() for line in (group / events).read_text().splitlines())
        return int(counts["oom_kill"])

    try:
        yield killed
    finally:
        for pid in (group / "cgroup.procs").read_text().split():
            (root / "cgroup.procs").write_text(pid)
        group.rmdir()
