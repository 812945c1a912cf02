"""Temporary files of processes that are killed: the next one removes them, and never those of one that lives."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.bench import ROOT
from tests.waiting import until

# A worker's parent that forks; each takes a folder and writes into it, as multiprocessing does.
FAMILY = """
import os, sys, tempfile, time
from worker.machine import temporary

temporary.take()
tempfile.mkdtemp(prefix="pymp-")
if os.fork() == 0:
    temporary.take()
    tempfile.mkdtemp(prefix="pymp-")
    print(os.getpid(), flush=True)
    time.sleep(600)
input()
temporary.leave()
"""


class Family:
    """The two processes, and where they may write."""

    def __init__(self, folder: Path) -> None:
        self.parent = subprocess.Popen(
            [sys.executable, "-c", FAMILY],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.parent.stdout
        self.child = int(self.parent.stdout.readline())

    def kill(self, *pids: int) -> None:
        """End some of them at once, and the others in order."""
        for pid in pids:
            os.kill(pid, 9)
            until(partial(has_ended, pid), "the end of a killed process")
        self.parent.communicate("\n" if self.parent.pid not in pids else None)


def has_ended(pid: int) -> bool:
    """Whether a process holds nothing any more; nobody may have asked yet how it ended."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def left(tmp_path: Path) -> Iterator[list[Family]]:
    started: list[Family] = []
    yield started
    for family in started:
        for pid in (family.child, family.parent.pid):
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                continue
        family.parent.communicate()


def folders(tmp_path: Path) -> list[str]:
    """Whose folders there are, by process number; each has what was written into it."""
    found = list(tmp_path.iterdir())
    assert all(len(list(each.glob("pymp-*"))) == 1 for each in found)
    return sorted(each.name.split("-")[2] for each in found)


def test_what_a_killed_process_left_goes_and_what_another_uses_stays(tmp_path: Path, left: list[Family]) -> None:
    living, dead = Family(tmp_path), Family(tmp_path)
    left += [living, dead]
    both = [living.parent.pid, living.child]
    assert folders(tmp_path) == sorted(map(str, [*both, dead.parent.pid, dead.child]))
    dead.kill(dead.parent.pid, dead.child)
    assert len(folders(tmp_path)) == 4
    another = Family(tmp_path)
    left.append(another)
    assert folders(tmp_path) == sorted(map(str, [*both, another.parent.pid, another.child]))


def test_an_orphan_keeps_its_own_and_its_parent_s_folder(tmp_path: Path, left: list[Family]) -> None:
    orphaned = Family(tmp_path)
    left.append(orphaned)
    os.kill(orphaned.parent.pid, 9)
    orphaned.parent.wait()
    left.append(Family(tmp_path))
    assert len(folders(tmp_path)) == 4


def test_a_worker_that_ends_in_order_leaves_nothing_of_its_own_or_its_child_s(
    tmp_path: Path, left: list[Family]
) -> None:
    family = Family(tmp_path)
    left.append(family)
    family.kill(family.child)
    assert folders(tmp_path) == []


def test_without_room_for_a_folder_all_stays_as_it_was(tmp_path: Path) -> None:
    script = (
        "import tempfile; from worker.machine import temporary; from pathlib import Path\n"
        "temporary._common = Path('/dev/null'); temporary.take(); print(tempfile.gettempdir()); temporary.leave()"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == str(tmp_path)
