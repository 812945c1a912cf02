"""What the shell writes: nothing that somebody has is lost by it, and no artwork is lost at the end.

Before painting the checks refuse what would go wrong. After it `keep` writes the file whole or not at all, and if that
cannot be, another one somewhere else.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from app.jobs.files.encoding import DPI, Format, encode
from app.jobs.files.recipe import Recipe
from app.jobs.files.strips import Picture
from app.jobs.storage.local import make_last
from worker.shell.files import UsageError, is_artwork

FORMATS: dict[str, Format] = {
    ".jpg": "jpg",
    ".jpeg": "jpg",
    ".jpe": "jpg",
    ".jfif": "jpg",
    ".png": "png",
    ".webp": "webp",
    ".tif": "tif",
    ".tiff": "tif",
}
SUFFIXES = ", ".join(f".{kind}" for kind in dict.fromkeys(FORMATS.values()))
# Bytes that are written to see whether a disk takes any.
TRIAL = bytes(2**16)


def check_originals(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Look whether something would be lost if artworks were written to `outputs`.

    Raises:
        UsageError: one is one of `inputs`, or something else that is no artwork of ours, or no picture's name.
    """
    read = {identity(path): path for path in inputs if path.exists()}
    for output in outputs:
        if output.suffix.lower() not in FORMATS and not output.is_dir():
            raise UsageError(f"{output} should end in {SUFFIXES}.")
        original = read.get(identity(output)) if output.exists() else None
        if original:
            name = "" if original == output else f", by another name: {original}"
            raise UsageError(f"{output} is itself read here{name}. It would be lost; name another file with -o.")
        _check_replaceable(output)


def check_writable(outputs: Iterable[Path]) -> None:
    """Look whether artworks can be written to `outputs`.

    Raises:
        UsageError: one cannot.
    """
    folders = set()
    for output in outputs:
        if output.exists() and not os.access(output, os.W_OK):
            raise UsageError(f"{output} is there already and write-protected. Name another file, or allow it.")
        folders.add(_target(output).parent)
    for folder in folders:
        _check_takes_files(folder)


def keep(picture: Picture, output: Path, made_with: Recipe | None, *, dpi: int, safe: Path) -> None:
    """Write an artwork that was painted: to `output`, or else to the folder `safe`, or else to the temporary one.

    Raises:
        UsageError: it is not in `output`; the message says where it is.
    """
    try:
        write(picture, output, made_with, dpi=dpi)
    except Exception as error:  # whatever it is, what was painted for hours is not dropped for it
        why = (getattr(error, "strerror", None) or str(error)).rstrip(".")
        for folder in (safe, Path(tempfile.gettempdir())):
            rescued = _rescued(picture, output, made_with, dpi, folder)
            if rescued:
                raise UsageError(f"{output} could not be written ({why}). The artwork is in {rescued}.") from error
        raise


def write(picture: Picture, path: Path, made_with: Recipe | None, *, dpi: int = DPI) -> None:
    """Write a picture with its recipe; until all of it is written, nothing has this name. `dpi` is that of `encode`.

    Raises:
        OSError: it cannot be written; nothing is left of it.
        UsageError: something that is no artwork of ours has this name by now.
    """
    target = _target(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".partial-")
    try:
        with os.fdopen(handle, "w+b") as file:
            text = made_with.text() if made_with else None
            encode(picture, file, FORMATS[path.suffix.lower()], text, dpi=dpi)
            file.flush()
            os.fsync(file.fileno())  # a network's disk says only now that it is full
        with suppress(OSError):  # some shares and memory cards know no permissions
            Path(name).chmod(0o666 & ~_mask_of_new_files())
        _check_replaceable(path)
        Path(name).replace(target)
        make_last(target.parent)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def identity(path: Path) -> tuple[int, int]:
    """What a file's names have in common: links, other cases where these mean the same, ways through folders."""
    found = path.stat()
    return found.st_dev, found.st_ino


def _target(path: Path) -> Path:
    """Where a file really lies: a link stays a link."""
    return Path(os.path.realpath(path))


def _check_replaceable(path: Path) -> None:
    """An empty file has nothing to lose, such as one that `mktemp` made."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name a file, such as {path / 'artwork.png'}.")
    if not path.exists() or (path.is_file() and not path.stat().st_size):
        return
    if not is_artwork(path):
        raise UsageError(
            f"{path} is there already and is no artwork of Atelier's, so it is not overwritten. "
            "Name another file, or move it away."
        )


def _check_takes_files(folder: Path) -> None:
    """A folder that is missing is made with the artwork; what is looked at is the one that it will be made in."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(TRIAL)
    except OSError as error:
        raise UsageError(
            f"Nothing can be written to {folder} ({error.strerror}). Choose another folder with -o, or mend this one."
        ) from error


def _rescued(picture: Picture, output: Path, made_with: Recipe | None, dpi: int, folder: Path) -> Path | None:
    """The file in `folder` that a picture was written to, if it could be.

    That is a PNG unless a TIFF was asked for: of all encoders it needs the least memory.
    """
    suffix = ".tif" if FORMATS[output.suffix.lower()] == "tif" else ".png"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix=f"{output.stem[:40]}-", suffix=suffix)
    except OSError:
        return None
    os.close(handle)
    try:
        write(picture, Path(name), made_with, dpi=dpi)
    except Exception:  # the next folder may take it
        Path(name).unlink(missing_ok=True)
        return None
    return Path(name)


def _mask_of_new_files() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
