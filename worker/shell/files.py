"""Pictures that the shell reads: opened as a viewer shows them. What it writes is in outputs.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeVar

from PIL import ExifTags, Image

from app.jobs.files import recipe
from app.jobs.files.recipe import ASCII, KEYWORD, Recipe
from app.jobs.styles import PICTURES
from app.reading.errors import UNREADABLE, RefusedError
from app.reading.normal import Upright
from app.reading.picture import read_mask, read_photo, read_picture

Decoded = TypeVar("Decoded")
# Endings of what can be read. The last two are JPEGs by another name.
READABLE = (*PICTURES, ".jpe", ".jfif")


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


def with_transparency(path: Path, background: str | None = "white") -> Upright:
    """The same with its transparency; without a background, the colours under that stay.

    Raises:
        UsageError: there is none, or it cannot be read.
    """
    return _read(path, lambda file: read_picture(file, background=background))


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
    """The recipe that an artwork carries, if it is one of ours; its pixels need not be loaded."""
    told = image.info.get(KEYWORD)
    if not told:  # asking a PNG for EXIF loads all of it
        tags = image.getexif()
        comment = tags.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment, b"")
        told = comment.removeprefix(ASCII).decode(errors="replace") if isinstance(comment, bytes) else ""
        told = told or str(tags.get(ExifTags.Base.ImageDescription, ""))
    return recipe.read(told)


def is_artwork(path: Path) -> bool:
    """Whether a file is an artwork of ours."""
    try:
        with Image.open(path) as image:
            return recipe_in(image) is not None
    except Exception:  # whatever is wrong with a file, or with what Pillow makes of it: it is none of ours
        return False


def _read(path: Path, read: Callable[[BinaryIO], Decoded]) -> Decoded:
    try:
        with path.open("rb") as file:
            return read(file)
    except FileNotFoundError as error:
        raise UsageError(f"{path} is not there.") from error
    except RefusedError as refused:
        raise UsageError(f"{path} {REASONS[refused.code].format(**refused.values)}") from refused
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
