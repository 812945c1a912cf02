"""`atelier doodle` and `atelier parts`: from maps of colours to a picture after a painting's parts."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from app.jobs.doodles import DoodleError, Meaning, check_flat, check_shape, common_colors, meaning
from app.jobs.styles import Style, find_styles
from app.reading.labels import flatness, main_colors
from app.settings import Settings
from worker.job.styles import Painting
from worker.shell.files import UsageError, loaded, mask_in
from worker.shell.painting import Part, paint_photo, safe, style_named, with_caches

MAP = "_sem.png"  # neural-doodle's ending: picture.jpg has its map in picture_sem.png


def doodle(args: argparse.Namespace, settings: Settings) -> None:
    """Paint a doodle, or a photo by a map of it. Ctrl-C keeps what there is of it.

    Raises:
        UsageError: a map is missing, is none, or means nothing of the painting.
        KeyboardInterrupt: it was stopped.
    """
    target = args.target_map or (_beside(args.photo) if args.photo else None)
    if target is None:
        raise UsageError(f"Say where what goes: --target-map MAP, or a photo with its map beside it (photo{MAP}).")
    style = style_named(args.painting, {each.id: each for each in find_styles(own=settings.styles)})
    try:
        drawn = _map(target, "target map")
        if args.photo:
            check_shape(drawn.size, loaded(args.photo).size, "The photo and its map")
        painting, names = _with_parts(style, args.style_map, main_colors(drawn))
        meant = meaning(main_colors(drawn), names, painting.title)
    except DoodleError as error:
        raise UsageError(str(error)) from error
    for note in meant.notes:
        print(note)
    # Without a photo, its map says how large the picture is.
    args.preset, args.photo = ("studio", args.photo) if args.photo else ("doodle", target)
    with with_caches(settings) as cached:
        paint_photo(args, _parts(style, painting, meant, target), cached, safe(settings))


def parts(args: argparse.Namespace, settings: Settings) -> None:
    """List a painting's parts: the colour of each in a map, and its name.

    Raises:
        UsageError: it has none.
    """
    style = style_named(args.painting, {each.id: each for each in find_styles(own=settings.styles)})
    try:
        _, names = _with_parts(style, args.style_map, {})
    except DoodleError as error:
        raise UsageError(str(error)) from error
    for color, name in names.items():
        print(color if name == color else f"{color}  {name}")


def _with_parts(style: Style, style_map: Path | None, drawn: Mapping[str, float]) -> tuple[Painting, dict[str, str]]:
    """A painting with its map, and its parts' names by their colours.

    Raises:
        UsageError, DoodleError: there is no map, or it is none.
    """
    path = style_map or (_beside(style.image) if style.image else None)
    if path is None:
        if not style.parts:
            named = [each.id for each in find_styles() if each.parts]
            raise UsageError(
                f"There is no map of the parts of “{style.title}”: say --style-map MAP, or choose one that ships with "
                f"its parts: {', '.join(named)}."
            )
        return Painting(style), {part.color: part.name for part in style.parts}
    if style.image is None:
        raise UsageError(f"“{style.title}” has its own parts; --style-map is for the file of a painting.")
    picture = _map(path, "style map")
    check_shape(picture.size, loaded(style.image).size, "The painting and its map")
    colors = common_colors(main_colors(picture), drawn)
    return Painting(style, part_map=picture, part_colors=tuple(colors)), {color: color for color in colors}


def _map(path: Path, what: str) -> Image.Image:
    picture = mask_in(path).convert("RGB")
    check_flat(flatness(picture, main_colors(picture)), what)
    return picture


def _parts(style: Style, painting: Painting, meant: Meaning, target: Path) -> list[Part]:
    style_id = None if style.image else style.id
    return [Part(style_id, painting, 1.0, target, color, name) for color, name in meant.parts.items()]


def _beside(picture: Path) -> Path | None:
    """The map beside a picture, if there is one."""
    path = picture.with_name(picture.stem + MAP)
    return path if path.is_file() else None
