"""The watch over a process that stands still, with real processes, real signals, and a real freezer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.bench import ROOT

# A parent with one child, as a worker has; it says who they are, each beat that it feels, and what the overseer does.
WORKER = """
import os, time
from worker.machine import process
from worker.machine.watchdog import Overseer

child = os.fork()
if child == 0:
    process.keep_beating()
    time.sleep(600)
    os._exit(0)

def on_unkillable():
    print("unkillable", flush=True)
    os._exit(69)

before = process.pulse()
while process.pulse() == before:
    time.sleep(0.01)
Overseer(3, on_unkillable).start()
print(os.getpid(), child, flush=True)
while not (ended := os.waitpid(child, os.WNOHANG))[0]:
    if process.pulse() != before:
        before = process.pulse()
        print("beat", flush=True)
    time.sleep(0.01)
status = ended[1]
print("ended by", os.waitstatus_to_exitcode(status), process.was_replaced(child), flush=True)
"""
FREEZER = Path("/sys/fs/cgroup/freezer")  # version 1: not even kill -9 ends what is frozen; in version 2 it does


@pytest.fixture
def worker() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", WORKER], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    family = [psutil.Process(process.pid)]
    yield process
    family += family[0].children() if family[0].is_running() else []
    for each in family:
        if each.is_running():
            each.kill()
    process.communicate()


def said(worker: subprocess.Popen[str]) -> list[str]:
    """What it says next, but for the beats."""
    assert worker.stdout
    return next(line for line in worker.stdout if line != "beat\n").split()


def test_a_child_that_stands_still_is_ended_by_force(worker: subprocess.Popen[str]) -> None:
    _, child = map(int, said(worker))
    os.kill(child, signal.SIGSTOP)
    assert said(worker) == ["ended", "by", str(-signal.SIGKILL), "True"]


def test_a_child_is_not_ended_because_all_of_the_worker_stood_still(worker: subprocess.Popen[str]) -> None:
    parent, child = map(int, said(worker))
    for pid in (child, parent):
        os.kill(pid, signal.SIGSTOP)
    with pytest.raises(subprocess.TimeoutExpired):
        worker.wait(5)  # longer than the child may stand still
    for pid in (parent, child):
        os.kill(pid, signal.SIGCONT)
    assert worker.stdout
    assert {worker.stdout.readline() for _ in range(12)} == {"beat\n"}, "few of them are from before the pause"


def test_a_child_that_nothing_ends_is_left_and_its_parent_ends(worker: subprocess.Popen[str]) -> None:
    _, child = map(int, said(worker))
    group = FREEZER / f"atelier-test-{child}"
    try:
        group.mkdir()
        (group / "cgroup.procs").write_text(str(child))
        (group / "freezer.state").write_text("FROZEN")
    except OSError as error:
        if group.exists():
            group.rmdir()
        pytest.skip(f"nothing can be frozen here: {error}")
    try:
        assert said(worker) == ["unkillable"]
        assert worker.wait(10) == 69
    finally:
        (group / "freezer.state").write_text("THAWED")
        psutil.wait_procs([psutil.Process(child)] if psutil.pid_exists(child) else [], timeout=10)
        group.rmdir()
