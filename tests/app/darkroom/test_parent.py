"""The children that decode: what they can't do, what happens when they overrun or die, and that none stays."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image

from app.darkroom.parent import Darkroom, DarkroomError, understand, understand_mask
from app.reading import heic
from app.refusals import RefusalError
from tests.app.pictures import BLUE, GREEN, RED, WHITE, corners, encoded, landscape, quarters
from tests.bench import ROOT
from tests.hostile.formats import progressive_jpeg
from tests.hostile.fuzz import seeds
from tests.hostile.oddities import HEIC
from tests.waiting import until

PART_BYTES = 10_000
FORBIDDEN = {
    "read a file": "open('/etc/hostname')",
    "write a file": "open('x', 'w')",
    "list a folder": "os.listdir('/')",
    "make a socket": "socket.socket()",
    "start a process": "os.fork()",
    "run a program": "os.execv('/bin/true', ['true'])",
    "start a thread": "threading.Thread(target=print).start()",
    "signal its parent": "os.kill(os.getppid(), 0)",
    "write a core file": "print(1 / resource.getrlimit(resource.RLIMIT_CORE)[0])",
    "take more memory": "bytearray(600_000_000)",
}


@pytest.fixture
def darkroom() -> Iterator[Darkroom]:
    room = Darkroom(limit_mp=100, memory_mb=2000, time_limit_s=60)
    yield room
    room.close()


def children() -> list[psutil.Process]:
    """The decoders of this process."""
    return [
        child for child in psutil.Process().children() if "app.darkroom.child.developing" in " ".join(child.cmdline())
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="the filter of system calls is Linux's")
@pytest.mark.parametrize("act", FORBIDDEN.values(), ids=FORBIDDEN)
def test_a_confined_process_cannot(act: str) -> None:
    script = (
        "import os, resource, socket, threading\n"
        "from app.darkroom.child.confinement import confine\nconfine(512_000_000, 10)\n"
        f"try:\n    {act}\nexcept (OSError, MemoryError, RuntimeError, ZeroDivisionError):\n    print('refused')"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "refused\n", done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the filter of system calls is Linux's")
@pytest.mark.parametrize(
    ("act", "done"), [(FORBIDDEN["start a thread"], "done\n"), (FORBIDDEN["start a process"], "refused\n")]
)
def test_a_process_that_needs_threads_may_start_them_but_no_process(act: str, done: str) -> None:
    script = (
        "import os, threading\n"
        "from app.darkroom.child.confinement import confine\nconfine(512_000_000, 10, threads=True)\n"
        f"try:\n    {act.replace('print', 'int')}\n    print('done')\nexcept OSError:\n    print('refused')"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert ran.stdout == done, ran.stderr


def test_a_heic_photo_is_taken_where_its_reader_has_wheels(darkroom: Darkroom) -> None:
    pytest.importorskip("pi_heif")
    photo = darkroom.decode_photo(io.BytesIO(HEIC))
    assert (photo.width, photo.height) == (64, 48)
    found = corners(Image.open(io.BytesIO(photo.photo_jpeg)))
    assert (
        max(
            abs(a - b)
            for one, other in zip(found, (RED, GREEN, BLUE, WHITE), strict=True)
            for a, b in zip(one, other, strict=True)
        )
        < 8
    )


def test_a_decoder_knows_none_of_our_secrets(darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATELIER_REDIS_URL", "redis://:secret@example.org")
    room = Darkroom(limit_mp=100, memory_mb=2000, time_limit_s=60)
    room.decode_photo(io.BytesIO(landscape()))
    (spare,) = children()
    assert not [name for name in spare.environ() if "ATELIER" in name]
    room.close()


def test_a_decoder_loads_nothing_of_the_web_application_and_the_application_no_decoder() -> None:
    script = "import sys, {}; print(*sorted(sys.modules))"
    inside, outside = (
        subprocess.run([sys.executable, "-c", script.format(name)], cwd=ROOT, capture_output=True, text=True).stdout
        for name in ("app.darkroom.child.developing", "app.main")
    )
    ours = {name for name in inside.split() if name.startswith("app")}
    assert {name for name in ours if not name.startswith("app.reading")} == {
        "app",
        "app.darkroom",
        "app.darkroom.child",
        "app.darkroom.child.confinement",
        "app.darkroom.child.developing",
    }
    assert not {"fastapi", "starlette", "redis", "pydantic", "numpy"} & set(inside.split())
    # Only a file that may be HEIC is worth its reader's time, and the threads that it must be let start.
    assert not {"pi_heif", "pillow_heif"} & {*inside.split(), *outside.split()}
    assert "app.darkroom.parent" in outside.split()
    assert "app.darkroom.child.developing" not in outside.split()


def test_nothing_is_loaded_while_a_file_is_read(tmp_path: Path) -> None:
    """A confined process can open no file any more. HEIC's reader is loaded before it is confined."""
    for number, file in enumerate(seeds()):
        if not heic.may_be(file):
            (tmp_path / f"{number:03}").write_bytes(file)
    script = (
        "import io, sys\nfrom pathlib import Path\nfrom PIL import Image\n"
        "from app.darkroom.child.developing import answer, answer_mask, answer_rest\n"
        "Image.preinit()\nbefore = set(sys.modules)\n"
        "for path in sorted(Path(sys.argv[1]).iterdir()):\n"
        "    for read in (answer, answer_mask, answer_rest):\n        read(io.BytesIO(path.read_bytes()), 100)\n"
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_every_photo_has_a_process_of_its_own_and_one_stands_ready(darkroom: Darkroom) -> None:
    assert children() == []
    seen = set()
    for _ in range(3):
        darkroom.decode_photo(io.BytesIO(landscape()))
        (spare,) = children()
        seen.add(spare.pid)
    assert len(seen) == 3


def test_a_photo_that_takes_too_long_is_refused_in_time_and_its_process_is_gone() -> None:
    room = Darkroom(limit_mp=100, memory_mb=2000, time_limit_s=1)
    before = time.monotonic()
    with pytest.raises(RefusalError) as caught:
        # What is slow to open depends on the machine, so this one is slow to come.
        room.decode_photo(Slow(landscape(4000, 3000)))
    assert caught.value.kind.code == "photo-too-costly"
    assert time.monotonic() - before < 20
    room.close()
    assert children() == []


def test_a_decoder_that_is_busy_in_its_library_is_ended_too() -> None:
    room = Darkroom(limit_mp=100, memory_mb=2000, time_limit_s=2)
    before = time.monotonic()
    with pytest.raises(RefusalError) as caught:
        room.decode_photo(io.BytesIO(progressive_jpeg(10_000, 10_000, 5000)))
    assert caught.value.kind.code == "photo-too-costly"
    assert time.monotonic() - before < 20
    room.close()
    assert children() == []


class Slow(io.BytesIO):
    """A file of which each part takes a while."""

    pause = threading.Event()

    def read(self, _size: int | None = -1) -> bytes:
        self.pause.wait(0.3)
        return super().read(PART_BYTES)


def test_a_photo_that_needs_too_much_memory_is_refused() -> None:
    room = Darkroom(limit_mp=100, memory_mb=256, time_limit_s=60)
    with pytest.raises(RefusalError) as caught:
        room.decode_photo(io.BytesIO(encoded(Image.new("RGB", (9000, 9000)), "PNG", compress_level=1)))
    assert caught.value.kind.code == "photo-too-costly"
    assert room.decode_photo(io.BytesIO(landscape())).width == 320
    room.close()


def upload_in_background(room: Darkroom) -> tuple[threading.Thread, list[Exception]]:
    """A thread that has a large photo decoded, once a decoder is at work on it, and how it will have failed."""
    failures: list[Exception] = []

    def upload() -> None:
        try:
            room.decode_photo(Slow(landscape(4000, 3000)))
        except (RefusalError, DarkroomError) as error:
            failures.append(error)

    thread = threading.Thread(target=upload)
    thread.start()
    until(lambda: len(children()) == 2, "a decoder at work")
    return thread, failures


@pytest.mark.parametrize(("number", "code"), [(11, "photo-damaged"), (9, "photo-too-costly")])
def test_a_decoder_that_dies_refuses_its_photo_only(darkroom: Darkroom, number: int, code: str) -> None:
    thread, failures = upload_in_background(darkroom)
    for child in children():
        os.kill(child.pid, number)
    thread.join(20)
    assert [error.kind.code for error in failures if isinstance(error, RefusalError)] == [code]
    # The one that stood ready is dead as well; the next photo does not notice.
    assert darkroom.decode_photo(io.BytesIO(landscape())).width == 320


def test_closing_ends_the_work_at_once_and_leaves_no_process_and_no_descriptor() -> None:
    before_fds = psutil.Process().num_fds()
    room = Darkroom(limit_mp=100, memory_mb=2000, time_limit_s=60)
    thread, failures = upload_in_background(room)
    before = time.monotonic()
    room.close()
    thread.join(20)
    assert time.monotonic() - before < 5
    assert [type(error) for error in failures] == [DarkroomError]
    with pytest.raises(DarkroomError):
        room.decode_photo(io.BytesIO(landscape()))
    assert children() == []
    assert psutil.Process().num_fds() == before_fds


def test_a_decoder_that_cannot_start_is_our_fault_not_the_photos(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("app.darkroom.parent.ROOT", tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if "packages" not in path])
    room = Darkroom(limit_mp=100, memory_mb=2000, time_limit_s=60)
    with pytest.raises(DarkroomError, match="status 1"):
        room.decode_photo(io.BytesIO(landscape()))
    room.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"\0\1\2",
        b"[]\n",
        b'{"refused": "queue-full", "values": {}}\n',
        b'{"refused": "photo-empty", "values": {"headers": {"Set-Cookie": "a=b"}}}\n',
        b'{"refused": "photo-too-many-pixels", "values": {"megapixels": "many"}}\n',
        b'{"width": 10, "height": 10, "jpeg_bytes": 5, "webp_bytes": 5}\nabcdeabcde',
        b'{"width": 10, "height": 10, "jpeg_bytes": 5, "webp_bytes": 5, "alpha_bytes": 0}\nabcde',
        b'{"width": 10, "height": 10, "jpeg_bytes": -5, "webp_bytes": 5, "alpha_bytes": 10}\nabcdeabcde',
        b'{"width": 10, "height": 10, "jpeg_bytes": 5, "webp_bytes": 5, "alpha_bytes": 5}\nabcdeabcde',
        b'{"width": 10, "height": 10, "jpeg_bytes": 5, "webp_bytes": 5, "alpha_bytes": 5}\nabcdeabcdeabcdef',
        b'{"width": 10, "height": 10, "jpeg_bytes": "5", "webp_bytes": "5", "alpha_bytes": "5"}\nabcdeabcdeabcde',
    ],
)
def test_what_a_captured_decoder_may_say_is_not_believed(answer: bytes) -> None:
    with pytest.raises(DarkroomError):
        understand(answer)


@pytest.mark.parametrize(
    "members",
    [
        {"png_bytes": 4},
        {"grid": "AAAA"},
        {"grid": "no base64"},
        {"grid": None},
        {"colors": ["#ffffff"]},
        {"colors": {"#ffffff": "many"}},
        {"white": "all"},
        {"width": [1]},
        {"refused": "queue-full", "values": {}},
    ],
)
def test_what_a_captured_decoder_may_say_of_a_mask_is_not_believed(members: dict[str, object]) -> None:
    right = {
        "width": 4,
        "height": 4,
        "png_bytes": 3,
        "white": 1,
        "colors": {"#ffffff": 1},
        "grid": base64.b64encode(b"\xff" * 1024).decode(),
    }
    if "grid" not in members:
        assert understand_mask(json.dumps(right).encode() + b"\npng").colors == {"#ffffff": 1.0}
    with pytest.raises(DarkroomError):
        understand_mask(json.dumps(right | members).encode() + b"\npng")


def test_many_threads_share_a_darkroom(darkroom: Darkroom) -> None:
    widths: list[int] = []
    data = {width: encoded(quarters(width, 64), "PNG") for width in range(60, 76)}

    def upload(width: int) -> None:
        widths.append(darkroom.decode_photo(io.BytesIO(data[width])).width)

    threads = [threading.Thread(target=upload, args=(width,)) for width in data]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(widths) == sorted(data)
    assert len(children()) == 1
