"""Paints what the empty frame shows, the sample photo after a few paintings: `python -m training.shown`.

With `--painted FOLDER` it takes the artworks `<style id>.png` that are there already. Each picture is cut to the
frame's shape and written as AVIF, and as WebP for browsers that cannot read that.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from bisect import bisect_left
from pathlib import Path

from PIL import Image, ImageOps

from app.pages.shown import SHOWN
from worker.shell.commands import main as atelier

PICTURES = Path(__file__).parents[1] / "static" / "pictures"
SAMPLE = PICTURES / "sample.jpg"
SIZE = (600, 360)
CUT_AT = (0.5, 0.62)  # the sky is larger than the frame needs, the boat is low
PAINTED_AT = "1024"
QUALITIES = range(10, 90)
MOST_BYTES = {"avif": 11_500, "webp": 20_000}  # the first two are part of the first view


def main() -> None:
    """Write the photo and every painting to static/pictures/shown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--painted", type=Path, help="folder of artworks that are painted already")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = args.painted or Path(made)
        write(SAMPLE, "photo")
        for style in SHOWN:
            artwork = folder / f"{style}.png"
            if not artwork.is_file():
                atelier(["paint", str(SAMPLE), "--style", style, "--size", PAINTED_AT, "-o", str(artwork)])
            write(artwork, style)


def write(source: Path, name: str) -> None:
    """One picture of the frame, in both formats, each as good as MOST_BYTES allow."""
    with Image.open(source) as picture:
        cut = ImageOps.fit(picture.convert("RGB"), SIZE, Image.Resampling.LANCZOS, centering=CUT_AT)
    for ending, most in MOST_BYTES.items():
        (PICTURES / "shown" / f"{name}.{ending}").write_bytes(encoded(cut, ending, most))


def encoded(picture: Image.Image, ending: str, most: int) -> bytes:
    """The picture in a format, in the best quality that takes at most `most` bytes, or the least of QUALITIES."""
    tries: dict[int, bytes] = {}

    def is_too_large(quality: int) -> bool:
        buffer = io.BytesIO()
        picture.save(buffer, ending, quality=quality)
        tries[quality] = buffer.getvalue()
        return buffer.tell() > most

    best = QUALITIES[max(0, bisect_left(QUALITIES, True, key=is_too_large) - 1)]
    return tries[best]


if __name__ == "__main__":
    main()
