"""What opening a photo of 50 megapixels takes: processor time and peak memory of the confined child, and of each step.

The photo is drawn, with a sensor's noise; its file is as large as a camera's. Linux only.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TypeVar

import numpy as np
from PIL import Image, ImageCms

from app.darkroom.child import developing
from app.darkroom.parent import Darkroom, end, feed
from app.reading import normal, picture
from app.reading.colors import Meaning

WIDTH, HEIGHT = 8688, 5792
BAND = 64  # rows that are drawn at a time
LIMITS = {"limit_mp": 100, "memory_mb": 2000, "time_limit_s": 60}
CPU_FIELDS = slice(11, 13)  # of /proc/PID/stat behind the name: time in the program and in the system, in ticks
Kind = dict[str, object]
KINDS: dict[str, Kind] = {
    "baseline": {},
    "turned by EXIF": {"orientation": 6},
    "with a profile": {"profile": True},
    "progressive": {"progressive": True},
}
T = TypeVar("T")


def photograph() -> Image.Image:
    """Soft patches, fine stripes and noise, so that both coarse and fine detail is there; the same every time."""
    rng = np.random.default_rng(0)
    patches = Image.fromarray(rng.integers(40, 216, (24, 36, 3), dtype=np.uint8))
    picture = patches.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    stripes = 12 * np.sin(np.arange(WIDTH, dtype=np.float32) / 3)[None, :, None]
    for top in range(0, HEIGHT, BAND):
        box = (0, top, WIDTH, min(HEIGHT, top + BAND))
        band = np.asarray(picture.crop(box), np.float32) + stripes
        band += rng.normal(0, 5, (*band.shape[:2], 1)).astype(np.float32)
        picture.paste(Image.fromarray(band.clip(0, 255).astype(np.uint8)), box)
    return picture


def written(picture: Image.Image, path: Path, kind: Kind) -> None:
    """Save the picture as a JPEG of this kind."""
    exif = Image.Exif()
    if "orientation" in kind:
        exif[0x0112] = kind["orientation"]
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture.save(
        path,
        "JPEG",
        quality=90,
        exif=exif,
        progressive=bool(kind.get("progressive")),
        icc_profile=profile if kind.get("profile") else None,
    )


def child_takes(path: Path) -> tuple[float, int]:
    """Seconds of processor time and peak bytes of the child that opens this photo, from its start to its answer."""
    darkroom = Darkroom(**LIMITS)
    child = darkroom.start()
    try:
        with path.open("rb") as source:
            feed(child, "photo", source)
        assert child.stdout is not None
        if b"jpeg_bytes" not in child.stdout.readline():
            raise SystemExit(f"{path.name} was refused.")
        # It is still there: the pictures do not fit in the pipe, so it waits until they are read.
        process = Path(f"/proc/{child.pid}")
        ticks = process.joinpath("stat").read_text().rpartition(") ")[2].split()[CPU_FIELDS]
        peak = next(line for line in process.joinpath("status").read_text().splitlines() if line.startswith("VmHWM"))
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"), int(peak.split()[1]) * 1024
    finally:
        end(child)


def steps(path: Path) -> list[tuple[str, float]]:
    """Seconds of each step, one after the other in this process."""
    found: list[tuple[str, float]] = []

    def timed(name: str, step: Callable[[], T]) -> T:
        start = time.process_time()
        result = step()
        found.append((name, time.process_time() - start))
        return result

    image = Image.open(io.BytesIO(path.read_bytes()))
    picture.draft(image, developing.STORED)
    timed("decode", image.load)
    photo = timed("turn, convert", lambda: normal.normalize(image, Meaning(), developing.STORED).picture)
    timed("encode the JPEG", lambda: developing.encode(photo, "JPEG", **developing.STORED_OPTIONS))
    thumb = timed("shrink for the thumbnail", lambda: developing.thumbnail(photo))
    timed("encode the thumbnail", lambda: developing.encode(thumb, "WEBP", **developing.THUMB_OPTIONS))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="children for each file, of which the median counts")
    parser.add_argument("--draw", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.draw:
        picture = photograph()
        for name, kind in KINDS.items():
            written(picture, args.draw / f"{name}.jpg", kind)
        return
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: a child begins as a copy of this one, memory included.
        subprocess.run([sys.executable, "-m", "benchmarks.decoding", "--draw", folder], check=True)
        print(f"{WIDTH} × {HEIGHT}: seconds of processor time, peak memory")
        for name in KINDS:
            path = Path(folder, f"{name}.jpg")
            seconds, peaks = zip(*(child_takes(path) for _ in range(args.runs)), strict=True)
            size = f"{path.stat().st_size / 1e6:.1f} MB"
            print(f"{name:<16} {size:>8} {median(seconds):>7.2f} s {median(peaks) / 1e6:>5.0f} MB", flush=True)
        print("its steps, baseline:")
        for name, took in steps(Path(folder, "baseline.jpg")):
            print(f"{name:<26} {took:>6.2f} s")


if __name__ == "__main__":
    main()
