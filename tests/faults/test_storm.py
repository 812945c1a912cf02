"""A storm: twenty jobs, and sixty kills of whatever the product is made of, the launcher too."""

from __future__ import annotations

import io
import random
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from PIL import Image

from tests.conftest import address, close, ended, launch
from tests.faults.ledger import Recovery
from tests.faults.marks import marks, read
from tests.faults.promise import ENDED
from tests.faults.servers import free_port, png, wish
from tests.waiting import until

JOBS, KILLS, SEED = 20, 60, 17
PAUSES_S = (0.5, 4.0)  # between two kills
# What is on the command line of each part, of which Redis writes its own anew; the painter is the worker's child.
PARTS = {"web": "uvicorn", "worker": "celery", "redis": "redis.sock"}
TARGETS = ("painter", "launcher", *PARTS)


class Besieged:
    """The product, on a port and a folder that stay when its launcher is killed and started again."""

    def __init__(self, data: Path, paintings: Path) -> None:
        self.data = data
        self.settings = {
            "ATELIER_PORT": str(free_port()),
            "ATELIER_STYLES": str(paintings),
            "ATELIER_CLIENT_JOBS": "0",
            "ATELIER_READ_RATE": "",
            "ATELIER_CHECKPOINT_S": "0.3",
            "ATELIER_LEASE_S": "4",
            "ATELIER_HEARTBEAT_S": "0.5",
            "ATELIER_MAX_ATTEMPTS": "20",  # who is killed so often would be given up as one who kills
        }
        self.launcher = self.start()

    def start(self) -> subprocess.Popen[str]:
        launcher = launch(self.data, **self.settings)
        self.url = address(launcher)
        return launcher

    def part(self, target: str) -> psutil.Process | None:
        """The process of a part that runs at the moment, if it does."""
        with suppress(psutil.NoSuchProcess, StopIteration, IndexError):  # it has just ended, or rests
            if target == "launcher":
                return psutil.Process(self.launcher.pid)
            word = PARTS["worker" if target == "painter" else target]
            found = next(
                each for each in psutil.Process(self.launcher.pid).children() if word in " ".join(each.cmdline())
            )
            return found.children()[0] if target == "painter" else found
        return None

    def kill(self, target: str) -> bool:
        """kill -9 of a part, if it runs; a launcher is started again, as a supervisor would."""
        process = self.part(target)
        if process is None:
            return False
        process.kill()
        if target == "launcher":
            ended(self.launcher)
            self.launcher = self.start()
        return True

    def ask(self, method: str, path: str, **how: Any) -> httpx2.Response | None:
        """What the product answers; None while it does not, or says that it cannot now."""
        try:
            answer = httpx2.request(method, self.url + path, timeout=30, **how)
        except httpx2.HTTPError:
            return None
        return None if answer.status_code == 503 else answer


@pytest.fixture
def besieged(tmp_path: Path, own_paintings: Path) -> Iterator[Besieged]:
    besieged = Besieged(tmp_path / "data", own_paintings)
    yield besieged
    close(besieged.launcher)


@pytest.mark.slow_fault
@pytest.mark.faults("F2", "kill -9 of painter, worker, web server, Redis or launcher, 60 times at random; 20 jobs")
def test_a_storm_of_kills_loses_and_doubles_nothing(besieged: Besieged, recovery: Recovery) -> None:
    expected = {}
    for number, mark in enumerate(marks(JOBS)):
        photo = besieged.ask("POST", "/api/v1/photos", files={"photo": ("photo.png", png(mark))})
        assert photo is not None
        asked = wish(photo.json()["id"]) | {"start": "grey"}
        job = besieged.ask("POST", "/api/v1/jobs", json=asked, headers={"Idempotency-Key": f"storm-{number}"})
        assert job is not None, "accepted"
        expected[job.json()["id"]] = mark

    rng, pause, struck = random.Random(SEED), threading.Event(), Counter[str]()
    while struck.total() < KILLS:
        pause.wait(rng.uniform(*PAUSES_S))
        target = rng.choice(TARGETS)
        struck[target] += besieged.kill(target)
    recovery.struck()
    assert min(struck[target] for target in TARGETS) >= 3, struck

    def told_end(job_id: str) -> dict[str, Any] | None:
        answer = besieged.ask("GET", f"/api/v1/jobs/{job_id}")
        assert answer is None or answer.status_code == 200, "it is lost"
        told: dict[str, Any] = answer.json() if answer else {}
        return told if told.get("status") in ("finished", "failed", "cancelled") else None

    told = {job_id: until(partial(told_end, job_id), f"the end of {job_id}", 300) for job_id in expected}
    recovery.over()
    assert {each["status"] for each in told.values()} == {"finished"}, told
    for job_id, mark in expected.items():
        artwork = besieged.ask("GET", f"/api/v1/jobs/{job_id}/artwork.png")
        assert artwork is not None
        assert read(Image.open(io.BytesIO(artwork.content))) == mark, "the artwork is of another photo"
    log = "".join(path.read_text(errors="replace") for path in (besieged.data / "logs").glob("worker.log*"))
    assert max(Counter(job_id for job_id, _ in ENDED.findall(log)).values()) == 1, "it ended twice"
    assert besieged.launcher.poll() is None
    until(lambda: besieged.ask("GET", "/readyz"), "a product that is ready", 120)
