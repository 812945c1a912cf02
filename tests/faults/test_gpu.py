"""What a GPU does to a worker, and how it ends: real workers and a real Redis, with a backend that raises the same.

Each fault is followed by another job, which must be painted as if nothing had happened.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from pathlib import Path

import psutil
import pytest

from app.jobs.models import Job, JobState
from app.logs import shortened
from tests.bench import Workers
from tests.faults.promise import MarkedBench, Promise
from tests.waiting import until
from worker.machine.process import EXIT_DEVICE_LOST

GPU = ("celery", "-A", "tests.faults.gpu_worker")
MIB = 2**20


class Gpu:
    """The device that a test has in its hands."""

    def __init__(self, folder: Path, workers: Workers) -> None:
        self.folder = folder
        self.workers = workers
        folder.mkdir()

    def worker(self, *, wait: bool = True, **environment: str) -> psutil.Popen:
        """Start a worker on this device."""
        return self.workers.start(GPU, wait=wait, **{"GPU_FOLDER": str(self.folder)} | environment)

    def worker_elsewhere(self) -> None:
        """Start a worker on another device, which is sound."""
        another = self.folder.with_name("another")
        another.mkdir()
        self.worker(GPU_FOLDER=str(another))

    def order(self, fault: str, where: str = "evaluation", at: int = 0, times: int = 1) -> None:
        """Have it fail at the `at`-th evaluation from now of each process (or `where` else), `times` in all."""
        order = {"id": secrets.token_hex(4), "fault": fault, "where": where, "at": at, "times": times}
        self._write("orders.json", order)

    def memory(self, free_mib: int, total_mib: int) -> None:
        """Say how much of the device's memory is free."""
        self._write("memory.json", [free_mib * MIB, total_mib * MIB])

    def shots(self) -> int:
        """How often it has failed as ordered."""
        return len(list(self.folder.glob("shot-*")))

    def _write(self, name: str, content: object) -> None:
        partial = self.folder / f".{name}"
        partial.write_text(json.dumps(content))
        partial.replace(self.folder / name)


@pytest.fixture
def gpu(tmp_path: Path, workers: Workers) -> Gpu:
    return Gpu(tmp_path / "gpu", workers)


def expect_end(promise: Promise, job: Job, state: JobState) -> Job:
    done = promise.bench.ended(job)
    assert done.state is state, (done.error, promise.workers.log())
    # The worker says so once its manifest is written.
    until(lambda: shortened(f"job {job.id}: {state}") in promise.workers.log(), "the worker's word")
    promise.check(done)
    return done


def expect_finished(promise: Promise, job: Job, attempts: int) -> None:
    assert expect_end(promise, job, JobState.FINISHED).attempt == attempts, promise.workers.log()


def expect_painted(promise: Promise, attempts: int) -> None:
    """A new job is finished."""
    expect_finished(promise, promise.bench.job(), attempts)


def expect_well(promise: Promise, worker: psutil.Popen) -> None:
    """The next job is painted at once, by a worker that never ended."""
    expect_painted(promise, attempts=1)
    assert worker.is_running()


def expect_replaced(gpu: Gpu, promise: Promise, worker: psutil.Popen, fault: str) -> None:
    """The fault ends the process that paints, and a fresh one paints the job."""
    (child,) = worker.children()
    gpu.order(fault, at=40)
    expect_painted(promise, attempts=2)
    assert not child.is_running()


def expect_failed(promise: Promise, code: str, **wish: object) -> str:
    """A new job fails; what it says."""
    error = expect_end(promise, promise.bench.job(**wish), JobState.FAILED).error
    assert error
    assert error.code == code, promise.workers.log()
    return error.message


def expect_exit(promise: Promise, worker: psutil.Popen, code: int) -> None:
    try:
        assert worker.wait(60) == code, promise.workers.log()
    except psutil.TimeoutExpired:
        pytest.fail(f"it goes on:\n{promise.workers.log()}")


@pytest.mark.faults("G1", "memory runs out once, mid-run: torch's, the driver's, the processor's, Python's")
def test_memory_that_runs_out_once_costs_an_evaluation_and_is_freed_before_the_next(gpu: Gpu, promise: Promise) -> None:
    worker = gpu.worker()
    (child,) = worker.children()
    kinds = ["torch out of memory", "driver out of memory", "processor out of memory", "python out of memory"]
    for shots, kind in enumerate(kinds, 1):
        gpu.order(kind, at=30)
        expect_painted(promise, attempts=1)
        assert gpu.shots() == shots
        assert not (gpu.folder / "still held").exists()
    assert worker.children() == [child], "memory that runs out is no reason to end a process"


@pytest.mark.slow_fault
@pytest.mark.faults("G1", "memory runs out once, while loading")
def test_memory_that_runs_out_once_while_loading_costs_nothing(gpu: Gpu, promise: Promise) -> None:
    gpu.order("torch out of memory", where="load")
    gpu.worker()
    expect_painted(promise, attempts=1)
    assert gpu.shots() == 1


@pytest.mark.slow_fault
@pytest.mark.faults("G1", "memory runs out twice, while loading or mid-run: `too_large`, with the size that fits")
@pytest.mark.faults("G5", "CUDA is asked for and not there, or the driver is too old")
@pytest.mark.parametrize("where", ["load", "evaluation"])
def test_memory_that_runs_out_twice_ends_the_job_with_the_size_that_fits(
    gpu: Gpu, promise: Promise, where: str
) -> None:
    gpu.worker()
    gpu.memory(700, 800)
    gpu.order("torch out of memory", where=where, at=0 if where == "load" else 5, times=2)
    message = expect_failed(promise, "too_large", size=512)
    assert message.endswith("At 256 pixels it should fit.")
    assert gpu.shots() == 2
    expect_painted(promise, attempts=1)


@pytest.mark.slow_fault
@pytest.mark.faults("G2", "a context spoilt by an illegal access, a failed launch, an assert, bad memory")
def test_a_spoilt_context_ends_its_process_and_the_job_goes_on_in_a_fresh_one(gpu: Gpu, promise: Promise) -> None:
    worker = gpu.worker()
    for kind in ("illegal access", "launch failure", "device assert", "memory error"):
        expect_replaced(gpu, promise, worker, kind)
    expect_well(promise, worker)


@pytest.mark.slow_fault
@pytest.mark.faults("G2", "a job that spoils the context each time: failed after three attempts")
def test_a_job_that_always_spoils_the_context_fails_and_leaves_a_worker_that_paints(gpu: Gpu, promise: Promise) -> None:
    worker = gpu.worker()
    gpu.order("illegal access", at=5, times=3)
    expect_failed(promise, "worker_lost")
    assert gpu.shots() == 3
    expect_well(promise, worker)


@pytest.mark.slow_fault
@pytest.mark.faults("G3", "the device is lost mid-run; another worker has one")
def test_a_lost_device_stops_its_worker_and_the_job_goes_elsewhere(
    bench: MarkedBench, gpu: Gpu, promise: Promise
) -> None:
    worker = gpu.worker()
    gpu.order("off the bus", at=40)
    job = bench.job()
    expect_exit(promise, worker, EXIT_DEVICE_LOST)
    assert not bench.records.workers.is_any(), "it says that it is ready"
    waiting = bench.records.get(job.id)
    assert (waiting.state, waiting.attempt) == (JobState.QUEUED, 1)
    last = promise.workers.log().strip().splitlines()[-1]
    assert "CRITICAL" in last
    assert "lost cpu" in last
    gpu.worker_elsewhere()
    expect_finished(promise, job, attempts=2)
    expect_painted(promise, attempts=1)


@pytest.mark.slow_fault
@pytest.mark.faults("G4", "the device no longer answers when a job comes")
def test_a_device_that_fails_its_probe_costs_no_attempt(bench: MarkedBench, gpu: Gpu, promise: Promise) -> None:
    worker = gpu.worker()
    expect_painted(promise, attempts=1)
    (gpu.folder / "lost").write_text("no driver tools")
    job = bench.job()
    expect_exit(promise, worker, EXIT_DEVICE_LOST)
    waiting = bench.records.get(job.id)
    assert (waiting.state, waiting.attempt) == (JobState.QUEUED, 0)
    gpu.worker_elsewhere()
    expect_finished(promise, job, attempts=1)


@pytest.mark.faults("G4", "the context turns out spoilt when a job comes")
def test_a_context_found_spoilt_by_the_probe_is_replaced_and_costs_no_attempt(gpu: Gpu, promise: Promise) -> None:
    worker = gpu.worker()
    expect_painted(promise, attempts=1)
    gpu.order("illegal access", where="probe")
    expect_painted(promise, attempts=1)
    assert gpu.shots() == 1
    assert worker.is_running()


@pytest.mark.parametrize(
    ("driver", "reason"),
    [
        pytest.param(
            "real",
            "ATELIER_DEVICE=cuda cannot be used",
            marks=pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="this machine has a GPU"),
        ),
        ("old", "NVIDIA driver .* is too old"),
    ],
)
def test_a_worker_that_must_have_a_gpu_and_has_none_says_so_and_ends(
    gpu: Gpu, workers: Workers, driver: str, reason: str
) -> None:
    worker = gpu.worker(wait=False, GPU_DRIVER=driver, ATELIER_DEVICE="cuda")
    assert worker.wait(60) == 1
    last = workers.log().strip().splitlines()[-1]
    assert last.startswith("atelier: ATELIER_DEVICE=cuda cannot be used: ")
    assert "Traceback" not in workers.log()
    assert re.search(reason, last)


@pytest.mark.slow_fault
@pytest.mark.faults("G5", "the driver is too old, and the CPU may do")
def test_a_worker_that_may_do_without_a_gpu_says_so_and_paints(gpu: Gpu, promise: Promise) -> None:
    gpu.worker(GPU_DRIVER="old", ATELIER_DEVICE="auto")
    assert "painting on the CPU, because CUDA does not work: The NVIDIA driver" in promise.workers.log()
    expect_painted(promise, attempts=1)


@pytest.mark.slow_fault
@pytest.mark.faults("G6", "a neighbour fills the device for a while")
def test_a_job_waits_for_a_neighbour_to_free_the_device(bench: MarkedBench, gpu: Gpu, promise: Promise) -> None:
    gpu.memory(100, 16_000)
    gpu.worker(ATELIER_MAX_ATTEMPTS="100")
    job = bench.job()
    until(lambda: "handed back: needs" in promise.workers.log(), "a refusal")
    gpu.memory(15_000, 16_000)
    assert expect_end(promise, job, JobState.FINISHED).attempt > 1


@pytest.mark.slow_fault
@pytest.mark.faults("G6", "a neighbour fills the device for good: failed with a reason")
def test_a_device_that_stays_full_fails_the_job_with_a_reason(gpu: Gpu, promise: Promise) -> None:
    gpu.memory(100, 16_000)
    worker = gpu.worker()
    message = expect_failed(promise, "device_busy")
    assert "Try again later" in message
    gpu.memory(15_000, 16_000)
    expect_well(promise, worker)


@pytest.mark.slow_fault
@pytest.mark.faults("G6", "a painting larger than the device: `too_large` before it begins")
def test_what_never_fits_the_device_is_told_before_painting_with_the_size_that_does(gpu: Gpu, promise: Promise) -> None:
    gpu.memory(700, 700)
    gpu.worker()
    message = expect_failed(promise, "too_large", size=8192)
    assert message.endswith("At 4096 pixels it should fit.")
    expect_painted(promise, attempts=1)


@pytest.mark.faults("G7", "a loss that is no number twice, and always")
def test_a_loss_that_is_no_number_once_or_twice_is_recovered_from(gpu: Gpu, promise: Promise) -> None:
    worker = gpu.worker()
    gpu.order("not a number", at=10, times=2)
    expect_painted(promise, attempts=1)
    assert gpu.shots() == 2
    gpu.order("not a number", at=10, times=1000)
    expect_failed(promise, "diverged")
    assert gpu.shots() == 2 + 3
    gpu.order("nothing more")
    expect_well(promise, worker)


@pytest.mark.slow_fault
@pytest.mark.faults("G8", "an evaluation hangs")
def test_an_evaluation_that_hangs_is_noticed_by_the_watchdog(gpu: Gpu, promise: Promise) -> None:
    expect_replaced(gpu, promise, gpu.worker(ATELIER_STALL_S="15"), "hang")
    assert "nothing was evaluated for 15 s" in promise.workers.log()
    expect_painted(promise, attempts=1)


@pytest.mark.slow_fault
@pytest.mark.faults("G8", "an evaluation hangs and holds Python's lock: the hard limit")
def test_an_evaluation_that_hangs_with_the_interpreter_is_ended_by_the_hard_limit(gpu: Gpu, promise: Promise) -> None:
    expect_replaced(gpu, promise, gpu.worker(GPU_HARD_LIMIT_S="30"), "hang with the interpreter")
    expect_painted(promise, attempts=1)


@pytest.mark.slow_fault
@pytest.mark.faults("G9", "the device slows down: the time left grows")
def test_the_time_left_follows_a_device_that_slows_down(bench: MarkedBench, gpu: Gpu, promise: Promise) -> None:
    gpu.worker(GPU_SLOW_S="1.0")
    gpu.order("nothing", at=10**6)
    job = bench.job(size=384, quality="best")
    before = bench.records.waiting.eta(bench.begun(job, 0.3))
    assert before
    gpu.order("slow", times=10**6)

    def later() -> bool:
        now = bench.records.get(job.id)
        assert now.state is JobState.RUNNING, "it ended before it was slow"
        left = bench.records.waiting.eta(now)
        return left is not None and left[0] > 2 * before[0]

    until(later, "the time left to grow", 60)
    bench.records.request_cancel(job.id)
    assert bench.ended(job).state is JobState.CANCELLED
