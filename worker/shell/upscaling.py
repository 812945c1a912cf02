"""`atelier upscale`: pictures in, the same two, four or eight times as wide and as high out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from app.jobs.files.recipe import Recipe, version
from app.jobs.files.strips import Depth, Picture, Reworked, Rows, with_alpha
from app.settings import Settings
from worker import engine
from worker.machine import devices
from worker.machine.memory import room_for_a_job
from worker.shell.files import UsageError, is_artwork, loaded, recipe_in, with_transparency
from worker.shell.folders import Pair, read_folder
from worker.shell.outputs import FORMATS, check_originals, check_writable, keep
from worker.shell.painting import BAR, MODELS, safe, with_caches
from worker.shell.parser import FACTORS

# The longest side that a format can tell of, and the bytes of a TIFF's pixels that its places can.
MOST_PIXELS = {"webp": 16_383, "jpg": 65_500}
MOST_BYTES = 2**32 - 2**24
# Of a picture as it is read, as bytes and as floats; of a WebP's pixels; of the libraries.
READ_BYTES, WEBP_BYTES, LIBRARY_BYTES = 3 + 12, 5, 250_000_000
# Rows of floats that are held at a time while a picture is doubled: a strip with what is around it, and twice its own.
HELD_ROWS = 12 * 2048


@dataclass(frozen=True)
class Told(Reworked):
    """A picture of which is told how much of it was made."""

    tell: Callable[[float], None]

    def strips(self, dtype: Depth) -> Iterator[Rows]:
        done = 0
        for strip in self.picture.strips(dtype):
            yield strip
            done += len(strip)
            try:
                self.tell(done / self.height)
            except OSError:
                pass  # The terminal is gone; that is no reason to drop the picture.


def upscale(args: argparse.Namespace, settings: Settings) -> None:
    """Enlarge pictures; of several, what cannot be is told at the end.

    Raises:
        UsageError: some could not be enlarged.
    """
    is_single = len(args.pictures) == 1 and not args.pictures[0].is_dir()
    pairs, left_out = _pairs(args.pictures, args.output, args.recursive)
    check_originals((pair.output for pair in pairs), (pair.photo for pair in pairs))
    for each in left_out:
        print(f"Left out: {each}.", file=sys.stderr)
    if not (is_single or args.again):  # an empty file is none that was made
        pairs = [pair for pair in pairs if not (pair.output.exists() and pair.output.stat().st_size)]
    if not pairs:
        print(f"All is enlarged in {args.output}; --again does it anew.")
        return
    check_writable(pair.output for pair in pairs)
    device = devices.choose(settings.device)
    upscaler = engine.load_upscaler(MODELS, device.torch) if args.method == "network" else None
    with with_caches(settings) as cached:
        room = room_for_a_job(cached, devices.Device("cpu")).memory
    failed = []
    with tqdm(total=100 * len(pairs), unit="%", bar_format=BAR) as bar:
        for index, (source, output) in enumerate(pairs):
            bar.set_description_str(f"{index + 1}/{len(pairs)}", refresh=False)

            def tell(share: float) -> None:
                bar.update(int(100 * (index + share)) - bar.n)  # noqa: B023 - only within this turn

            try:
                picture, recipe = _enlarged(source, output, args.factor, args.method, upscaler, room)
            except UsageError as error:
                if is_single:
                    raise
                failed.append(str(error))
            else:
                keep(Told(picture, tell), output, recipe, dpi=args.dpi, safe=safe(settings))
                tqdm.write(f"{output}: {picture.width}×{picture.height}", file=sys.stdout)
            bar.update(100 * (index + 1) - bar.n)
    if failed:
        raise UsageError("\n  ".join([f"{len(failed)} of {len(pairs)} pictures were not enlarged:", *failed]))


def _pairs(pictures: Sequence[Path], output: Path, is_recursive: bool) -> tuple[list[Pair], list[str]]:
    """Each picture with its file, and what is left out of folders.

    Raises:
        UsageError: several would have the same one, or `output` is a file, or a folder has none.
    """
    if len(pictures) == 1 and not pictures[0].is_dir():
        return [Pair(pictures[0], output)], []
    pairs: list[Pair] = []
    left_out: list[str] = []
    for picture in pictures:
        if picture.is_dir():
            folder = read_folder(picture, output, is_recursive)
            pairs += folder.pairs
            left_out += folder.left_out
        else:
            name = picture.name if picture.suffix.lower() in FORMATS else f"{picture.name}.png"
            pairs.append(Pair(picture, output / name))
    if output.is_file() or (not output.exists() and output.suffix.lower() in FORMATS):
        raise UsageError(f"{output} is a file's name; several pictures need a folder.")
    first: dict[str, Path] = {}
    for source, target in pairs:
        other = first.setdefault(str(target).casefold(), source)
        if other != source:
            raise UsageError(f"{other} and {source} would both be enlarged to {target}. Do one after the other.")
    return pairs, left_out


def _enlarged(
    source: Path, output: Path, factor: int, method: str, upscaler: engine.Upscaler | None, room: int
) -> tuple[Picture, Recipe]:
    """The picture of a file, enlarged while its strips are asked for, and the recipe that goes with it.

    Raises:
        UsageError: it cannot be read, or would be too large for its format or for the memory.
    """
    # An artwork's colours go on under what is transparent; nobody knows what another program left there.
    is_ours = is_artwork(source)
    photo, alpha = with_transparency(source, None if is_ours else "white")
    _check_size(source, photo, output, factor, 4 if alpha else 3, room)
    size = (factor * photo.width, factor * photo.height)
    picture = engine.Picture(engine.to_tensor(photo), (), size, Image.Resampling.LANCZOS, upscaler)
    before = (recipe_in(loaded(source)) if is_ours else None) or Recipe(atelier=version(), styles=[], options={})
    recipe = before.enlarged(max(size), method, upscaler.weights_hash if upscaler else None)
    return with_alpha(picture, np.asarray(alpha) if alpha else None), recipe


def _check_size(source: Path, photo: Image.Image, output: Path, factor: int, bands: int, room: int) -> None:
    kind = FORMATS[output.suffix.lower()]

    def why_not(factor: int) -> str | None:
        width, height = factor * photo.width, factor * photo.height
        most = MOST_PIXELS.get(kind)
        if most and max(width, height) > most:
            return f"longer than the {most} pixels that a {kind} can have; a png or tif can"
        if kind == "tif" and 2 * bands * width * height > MOST_BYTES:
            return "more than the 4 GB that a tif can have; a png can"
        needed = READ_BYTES * photo.width * photo.height + HELD_ROWS * width + LIBRARY_BYTES
        needed += WEBP_BYTES * width * height if kind == "webp" else 0
        if needed > room:
            return f"more than the memory that is free here: {needed / 1e9:.1f} GB of {max(0, room) / 1e9:.1f}"
        return None

    why = why_not(factor)
    if why:
        megapixels = factor**2 * photo.width * photo.height / 1e6
        fitting = max((each for each in FACTORS if each < factor and not why_not(each)), default=None)
        hint = f" --factor {fitting} fits." if fitting else ""
        raise UsageError(f"{source} would have {megapixels:.0f} megapixels, {why}.{hint}")
