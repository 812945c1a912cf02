"""Pictures as files, for the shell: opened as a viewer shows them, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from PIL import ExifTags, Image

from app.jobs import recipe
from app.jobs.encoding import DPI, Format, encode
from app.jobs.pictures import Picture
from app.jobs.recipe import ASCII, KEYWORD, Recipe
from app.jobs.styles import PICTURES
from app.reading.errors import UNREADABLE, RefusedError
from app.reading.picture import read_mask, read_photo

FORMATS: dict[str, Format] = {
    ".jpg": "jpg",
    ".jpeg": "jpg",
    ".png": "png",
    ".webp": "webp",
    ".tif": "tif",
    ".tiff": "tif",
}


# Why a file cannot be read, by the reader's codes.
REASONS = {
    "photo-empty": "is empty.",
    "photo-damaged": "is damaged or incomplete, so it is not a picture that can be read. Try the original.",
    "photo-wrong-type": "is {what}, and not a picture that can be read. {advice}",
    "photo-not-an-image": "is not a picture that can be read.",
    "photo-too-many-pixels": "has {megapixels:.0f} megapixels, and {limit_mp:.0f} are the most. Save it smaller.",
}


class UsageError(Exception):
    """The command cannot be done as given; the message says what to change."""


def opened(path: Path) -> Image.Image:
    """A picture file upright, in sRGB and RGB, on white, as the page reads it.

    Raises:
        UsageError: there is none, or it cannot be read.
    """
    return _read(path, read_photo)


def mask_in(path: Path) -> Image.Image:
    """A picture file as a mask: the same, but on black, and grey unless it clearly has colours.

    Raises:
        UsageError: there is none, or it cannot be read.
    """
    return _read(path, read_mask)


def loaded(path: Path) -> Image.Image:
    """A picture file with all that it carries, such as an artwork with its recipe.

    Raises:
        UsageError: there is none, or it cannot be read.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return image
    except FileNotFoundError as error:
        raise UsageError(f"{path} is not there.") from error
    except UNREADABLE as error:
        raise UsageError(f"{path} is not a picture that can be read: {error}") from error


def recipe_in(image: Image.Image) -> Recipe | None:
    """The recipe that a loaded artwork carries, if it is one of ours."""
    tags = image.getexif()
    comment = tags.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment, b"")
    told = comment.removeprefix(ASCII).decode(errors="replace")
    return recipe.read(image.info.get(KEYWORD) or told or tags.get(ExifTags.Base.ImageDescription, ""))


def writable(path: Path) -> Path:
    """The path of a file to write, if its name says in which format.

    Raises:
        UsageError: it does not.
    """
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"{path} should end in {', '.join(FORMATS)}.")
    return path


def write(picture: Picture, path: Path, made_with: Recipe | None, *, dpi: int = DPI) -> None:
    """Write a picture with its recipe; until all of it is written, nothing has this name. `dpi` is that of `encode`."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".partial-")
    try:
        with os.fdopen(handle, "w+b") as file:
            text = made_with.text() if made_with else None
            encode(picture, file, FORMATS[path.suffix.lower()], text, dpi=dpi)
        Path(name).chmod(0o666 & ~_mask_of_new_files())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def pairs_in(folder: Path, output: Path) -> list[tuple[Path, Path]]:
    """The pictures of a folder, each with the file below `output` that it is painted to.

    Raises:
        UsageError: there are none, or `output` is a file.
    """
    pictures = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES and path.is_file())
    if not pictures:
        raise UsageError(f"There are no pictures in {folder}.")
    if output.exists() and not output.is_dir():
        raise UsageError(f"{output} is a file; several pictures need a folder.")
    return [(path, output / (path.name if path.suffix.lower() in FORMATS else f"{path.name}.png")) for path in pictures]


def _read(path: Path, read: Callable[[BinaryIO], Image.Image]) -> Image.Image:
    try:
        with path.open("rb") as file:
            return read(file)
    except FileNotFoundError as error:
        raise UsageError(f"{path} is not there.") from error
    except RefusedError as refused:
        raise UsageError(f"{path} {REASONS[refused.code].format(**refused.values)}") from refused
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error


def _mask_of_new_files() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
