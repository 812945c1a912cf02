"""Where strangers' photos and masks are decoded: one confined child process for each.

A child is a fresh interpreter with Pillow loaded, 50 ms of processor time; one always stands ready, so nobody waits for
it. HEIC gets one of its own, whose reader takes as long again to load, and threads. Not multiprocessing's fork server:
its answers are pickles, and what comes back from a child that a stranger's file may have taken over must be data only.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Literal

from app import refusals
from app.darkroom.developed import DecodedMask, DecodedPhoto
from app.reading import heic
from app.refusals import RefusalError, Thing
from app.retelling import retold

ROOT = Path(__file__).parents[2]
# The interpreter runs no start-up files of site-packages, which can be slow; so it is told where to look.
BOOT = """
import os, sys
os.nice(10)  # who waits for a page goes first, also before what this loads
sys.path = sys.argv[1].split(os.pathsep)
from app.darkroom.child.developing import main
main()
"""
# What a dynamic loader may need to start Python at all. Everything else may hold secrets, and stays here.
ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
# A photo of 4608 × 4608 pixels that is pure noise has 38 MB as JPEG, its thumbnail 3, its transparency 21.
MOST_ANSWER_BYTES = 80_000_000
KINDS = {
    kinds["photo"].code: kinds
    for kinds in (
        refusals.EMPTY,
        refusals.NOT_AN_IMAGE,
        refusals.WRONG_TYPE,
        refusals.DAMAGED,
        refusals.TOO_MANY_PIXELS,
        refusals.TOO_SMALL,
        refusals.TOO_NARROW,
        refusals.TOO_COSTLY,
    )
}
COLOR = re.compile(r"#[0-9a-f]{6}")
log = logging.getLogger(__name__)
Work = Literal["photo", "mask", "rest"]
Child = subprocess.Popen[bytes]


class DarkroomError(Exception):
    """A child could not start, or gave no answer that makes sense."""


class Darkroom:
    """Starts, feeds and ends the children. Threads may share it; how many decode at once is theirs to bound."""

    def __init__(self, *, limit_mp: int, memory_mb: int, time_limit_s: int) -> None:
        """`memory_mb` and `time_limit_s` are what one child may use, in megabytes and in seconds by the clock."""
        self._time_limit_s = time_limit_s
        folders = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
        # Time by the clock runs out first; the processor's is for a child whose parent was killed.
        numbers = (limit_mp, memory_mb, time_limit_s + 1)
        self._command = [sys.executable, "-I", "-S", "-c", BOOT, folders, *map(str, numbers)]
        self._environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
        self._lock = threading.Lock()
        self._spare: Child | None = None
        self._busy: set[Child] = set()
        self._closed = False

    def decode_photo(self, source: BinaryIO, thing: Thing = "photo") -> DecodedPhoto:
        """Decode an untrusted file: format by content, upright, sRGB, on white, first frame, no metadata.

        `thing` is what refusals call it.

        Raises:
            RefusalError: the file is empty, of another type, damaged, too small, too narrow, has too many pixels, or
                takes more memory or time than a child may use.
            DarkroomError: the fault is ours.
        """
        return understand(self._answer(source, "photo", thing), thing)

    def decode_mask(self, source: BinaryIO, turned: bool = False) -> DecodedMask:
        """Decode an untrusted file as `decode_photo` does, but on black, and grey unless it clearly has colours.

        `turned` is for all but the mask, in grey.

        Raises:
            RefusalError, DarkroomError: as in `decode_photo`.
        """
        return understand_mask(self._answer(source, "rest" if turned else "mask", "mask"))

    def _answer(self, source: BinaryIO, job: Work, thing: Thing) -> bytes:
        head = source.read(heic.HEAD_BYTES)
        source.seek(0)
        child = self._take(heic.may_be(head))
        overran = threading.Event()

        def stop() -> None:
            overran.set()
            child.kill()

        clock = threading.Timer(self._time_limit_s, stop)
        clock.start()
        try:
            answer = ask(child, job, source)
        finally:
            clock.cancel()
            end(child)
            with self._lock:
                self._busy.discard(child)
        if not answer:
            raise self._without_answer(child.returncode, overran.is_set(), thing)
        return answer

    def close(self) -> None:
        """End all children, also those at work."""
        with self._lock:
            self._closed = True
            for child in self._busy:
                child.kill()
            if self._spare:
                end(self._spare)
                self._spare = None

    def _take(self, may_be_heic: bool) -> Child:
        with self._lock:
            if self._closed:
                raise DarkroomError("The darkroom is closed.")
            child = self.start(may_be_heic=True) if may_be_heic else self._spared() or self.start()
            self._busy.add(child)
            if self._spare is None:
                with suppress(OSError):  # No room for a spare one now; the next photo starts its own.
                    self._spare = self.start()
        return child

    def _spared(self) -> Child | None:
        """The child that stands ready, if it still does."""
        child, self._spare = self._spare, None
        if child is not None and child.poll() is not None:
            end(child)  # The system took it away, perhaps for its memory.
            return None
        return child

    def start(self, may_be_heic: bool = False) -> Child:
        """A child that waits for a file. Whoever starts one feeds it (`feed`) and ends it (`end`)."""
        return subprocess.Popen(
            [*self._command, str(int(may_be_heic))],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def _without_answer(self, status: int, overran: bool, thing: Thing) -> Exception:
        """What it means that a child ended with this status and said nothing."""
        if overran:
            return RefusalError(refusals.TOO_COSTLY[thing])
        if self._closed or status >= 0:
            return DarkroomError(f"A decoder ended with status {status} and no answer.")
        log.warning("A decoder was ended by %s.", signal.Signals(-status).name)
        # SIGKILL is not ours here: the system ran out of memory.
        costly = -status in {signal.SIGKILL, signal.SIGXCPU}
        return RefusalError((refusals.TOO_COSTLY if costly else refusals.DAMAGED)[thing])


def ask(child: Child, job: Work, source: BinaryIO) -> bytes:
    """Say to a child what to do, give it the file and read its answer, empty if it ends without one."""
    assert child.stdout is not None
    feed(child, job, source)
    return child.stdout.read(MOST_ANSWER_BYTES)


def feed(child: Child, job: Work, source: BinaryIO) -> None:
    """Say to a child what to do, and give it the file."""
    assert child.stdin is not None
    try:
        child.stdin.write(job.encode() + b"\n")
        shutil.copyfileobj(source, child.stdin)
        child.stdin.close()
    except BrokenPipeError:
        pass  # It ended before it had read all; its answer, or that there is none, says why.


def end(child: Child) -> None:
    """End a child, whatever it does, and leave nothing of it."""
    child.kill()
    for stream in (child.stdin, child.stdout):
        with suppress(BrokenPipeError):
            if stream:
                stream.close()
    child.wait()


def understand(answer: bytes, thing: Thing = "photo") -> DecodedPhoto:
    """The photo in a child's answer (see `app.darkroom.child.developing.answer`).

    Raises:
        RefusalError: the child refused the file.
        DarkroomError: this is no answer.
    """
    members, pictures = opened(answer, thing)
    try:
        sizes = (members["jpeg_bytes"], members["webp_bytes"], members["alpha_bytes"])
        jpeg_ends, webp_ends = sizes[0], sizes[0] + sizes[1]
        files = (pictures[:jpeg_ends], pictures[jpeg_ends:webp_ends], pictures[webp_ends:])
        photo = DecodedPhoto(*files[:2], members["width"], members["height"], files[2])
    except (KeyError, TypeError) as error:
        raise DarkroomError("A decoder gave no answer that makes sense.") from error
    if tuple(map(len, files)) != sizes:
        raise DarkroomError("A decoder's answer is not complete.")
    return photo


def understand_mask(answer: bytes) -> DecodedMask:
    """The mask in a child's answer (see `app.darkroom.child.developing.answer_mask`).

    Raises:
        RefusalError, DarkroomError: as in `understand`.
    """
    members, png = opened(answer, "mask")
    try:
        grid = base64.b64decode(members["grid"], validate=True)
        colors = {color: float(share) for color, share in members["colors"].items() if COLOR.fullmatch(color)}
        shares = float(members["white"]), colors, grid, float(members.get("flat", 1.0))
        mask = DecodedMask(png, int(members["width"]), int(members["height"]), *shares)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DarkroomError("A decoder gave no answer that makes sense.") from error
    if len(png) != members["png_bytes"] or not mask.has_whole_grid:
        raise DarkroomError("A decoder's answer is not complete.")
    return mask


def opened(answer: bytes, thing: Thing) -> tuple[dict[str, Any], bytes]:
    """The members of an answer's line, and the pictures that follow it.

    Raises:
        RefusalError, DarkroomError: as in `understand`.
    """
    line, _, pictures = answer.partition(b"\n")
    try:
        members: dict[str, Any] = json.loads(line)
        if "fault" in members:
            log.warning("A decoder failed on a file that is refused as damaged: %r", str(members["fault"])[:2000])
        if "refused" in members:
            values = {name: retold(each) if isinstance(each, str) else each for name, each in members["values"].items()}
            raise RefusalError(KINDS[members["refused"]][thing], headers=None, **values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DarkroomError("A decoder gave no answer that makes sense.") from error
    return members, pictures
