"""A folder that is painted picture by picture: which pictures, to which files, and what is left out and why."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from worker.shell.files import READABLE, UsageError
from worker.shell.outputs import FORMATS, identity

NAMED = 3  # of what is left out; the others are counted


class Pair(NamedTuple):
    """A photo, and the file that it is painted to."""

    photo: Path
    output: Path


class Folder(NamedTuple):
    """What is painted of a folder, and a sentence for each kind of thing that is not."""

    pairs: list[Pair]
    left_out: list[str]


def read_folder(folder: Path, output: Path, is_recursive: bool) -> Folder:
    """The pictures of a folder, each with its file below `output`; those of its subfolders in the same ones there.

    Raises:
        UsageError: there are none, or their artworks would lie among photos, or `output` is a file.
    """
    if (output.exists() and not output.is_dir()) or (not output.exists() and output.suffix.lower() in FORMATS):
        raise UsageError(f"{output} is a file's name; the pictures of a folder need a folder.")
    photos, left_out = _photos(folder, output, is_recursive)
    pairs: dict[str, Pair] = {}
    for photo in photos:
        name = photo.name if photo.suffix.lower() in FORMATS else f"{photo.name}.png"
        pair = Pair(photo, output / photo.relative_to(folder).with_name(name))
        # Also where this file system tells them apart: the next one that they are copied to may not.
        first = pairs.setdefault(unicodedata.normalize("NFC", str(pair.output)).casefold(), pair)
        if first is not pair:
            left_out.append(f"{photo} (its artwork would have the name of that of {first.photo}; rename one)")
    if not pairs:
        raise UsageError("\n  ".join([f"There are no pictures in {folder}.", *left_out]))
    _check_apart(list(pairs.values()), folder, output)
    return Folder(list(pairs.values()), left_out)


def _photos(folder: Path, output: Path, is_recursive: bool) -> tuple[list[Path], list[str]]:
    """The pictures below a folder, and what else is there."""
    photos: list[Path] = []
    others: list[Path] = []
    subfolders: list[Path] = []
    refused: list[OSError] = []
    for parent, names, files in os.walk(folder, onerror=refused.append):
        inner = [Path(parent, name) for name in _seen(names)]
        inner = [path for path in inner if not (output.exists() and path.samefile(output))]
        skipped = [path for path in inner if not is_recursive or path.is_symlink()]
        names[:] = [path.name for path in inner if path not in skipped]
        subfolders += skipped
        found = [Path(parent, name) for name in _seen(files)]
        there = [path for path in found if path.suffix.lower() in READABLE and path.is_file()]
        photos += there
        others += [path for path in found if path not in there]
    return photos, list(_told(others, subfolders, refused, is_recursive))


def _seen(names: Sequence[str]) -> list[str]:
    """Without what systems hide beside pictures, such as `._photo.jpg`."""
    return sorted(name for name in names if not name.startswith("."))


def _told(
    others: Sequence[Path], subfolders: Sequence[Path], refused: Sequence[OSError], is_recursive: bool
) -> Iterator[str]:
    broken = [path for path in others if path.suffix.lower() in READABLE]
    kinds = Counter(path.suffix.lower() or "no ending" for path in others if path not in broken)
    if kinds:
        counted = ", ".join(f"{count} × {kind}" for kind, count in kinds.most_common())
        yield f"{counted} (read are {', '.join(READABLE)})"
    if broken:
        yield f"{_listed(broken)} (no files, or links to none)"
    if subfolders:
        yield f"{_listed(subfolders)} ({'linked folders' if is_recursive else 'folders; --recursive paints them too'})"
    for error in refused:
        yield f"{error.filename} ({error.strerror})"


def _listed(paths: Sequence[Path]) -> str:
    more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return ", ".join(map(str, paths[:NAMED])) + more


def _check_apart(pairs: Sequence[Pair], folder: Path, output: Path) -> None:
    originals = {identity(path) for path in {pair.photo.parent for pair in pairs}}
    if any(path.exists() and identity(path) in originals for path in {pair.output.parent for pair in pairs}):
        raise UsageError(
            f"With -o {output} artworks would lie among the photos, and be painted themselves the next time. "
            f"Choose a folder of their own, such as {folder / 'painted'}."
        )
