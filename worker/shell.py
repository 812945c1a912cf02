"""`atelier paint` and `atelier recolor`: from what was typed to pictures."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageColor
from tqdm import tqdm

from app.jobs.blobs import LocalStorage
from app.jobs.recipe import OWN, Ingredient, Network, Recipe, version
from app.jobs.styles import Style
from app.settings import Settings
from worker import devices, engine
from worker.files import UsageError, loaded, mask_in, opened, pairs_in, recipe_in, writable, write
from worker.memory import room_for_a_job
from worker.paintings import Painting, Paintings

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "models"
BAR = "{desc:<12}{percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
MASK = re.compile(r"(?P<style>.+?)=(?P<file>.+?)(?P<color>#[0-9a-fA-F]{6})?")
# The corners of the colour cube, and how near to one of them a colour means it.
PURE = ("#000000", "#ff0000", "#00ff00", "#0000ff", "#ffff00", "#ff00ff", "#00ffff", "#ffffff")
UNLIKE = 128
Show = Callable[[engine.Iterate], None]


class Part(NamedTuple):
    """A style as it was typed: its id unless it is a file, its weight, its mask and the colour that means it there."""

    id: str | None
    painting: Painting
    weight: float
    mask: Path | None = None
    color: str | None = None


class Setting(NamedTuple):
    """All that a command paints its photos with."""

    extractor: engine.Extractor
    options: engine.PaintOptions
    regions: tuple[engine.Region, ...]
    keep: Image.Image | None
    color_mask: Image.Image | None
    start: Image.Image | None
    room: engine.Room
    recipe: Recipe

    def scene(self, photo: Image.Image) -> engine.Scene:
        return engine.Scene(photo, self.regions, self.keep, self.color_mask, self.start)


def paint(args: argparse.Namespace, settings: Settings) -> None:
    """Paint one photo, or all in a folder. Ctrl-C keeps what there is of a single one."""
    if args.photo.is_dir():
        _paint_folder(args, settings)
        return
    output, photo = writable(args.output), opened(args.photo)
    setting = _setting(args, settings)
    with tqdm(total=100, unit="%", bar_format=BAR) as bar:
        newest: engine.Iterate | None = None

        def show(iterate: engine.Iterate) -> None:
            nonlocal newest
            newest = iterate
            bar.set_description_str(f"{iterate.scale} px", refresh=False)
            bar.update(int(100 * iterate.fraction) - bar.n)

        try:
            picture = _painted(setting, photo, show)
        except KeyboardInterrupt:
            if newest is None:
                raise
            picture = newest.picture()
    write(picture, output, setting.recipe, dpi=args.dpi)
    print(f"{output}: {picture.width}×{picture.height}")


def _paint_folder(args: argparse.Namespace, settings: Settings) -> None:
    """Paint what is not painted yet; what cannot be is told at the end.

    Raises:
        UsageError: some could not be painted.
    """
    pairs = [pair for pair in pairs_in(args.photo, args.output) if args.again or not pair[1].exists()]
    if not pairs:
        print(f"All is painted in {args.output}; --again paints it anew.")
        return
    setting = _setting(args, settings)
    args.output.mkdir(parents=True, exist_ok=True)
    failed = []
    with tqdm(total=100 * len(pairs), unit="%", bar_format=BAR) as bar:
        for index, (source, output) in enumerate(pairs):
            bar.set_description_str(f"{index + 1}/{len(pairs)}", refresh=False)

            def show(iterate: engine.Iterate) -> None:
                bar.update(int(100 * (index + iterate.fraction)) - bar.n)  # noqa: B023 - called only within this turn

            try:
                picture = _painted(setting, opened(source), show)
            except (UsageError, engine.EmptyMaskError, engine.NotFiniteError) as error:
                failed.append(f"{source.name}: {error}")
            else:
                write(picture, output, setting.recipe, dpi=args.dpi)
            bar.update(100 * (index + 1) - bar.n)
    print(f"{args.output}: {len(pairs) - len(failed)} painted")
    if failed:
        raise UsageError("\n  ".join([f"{len(failed)} of {len(pairs)} pictures were not painted:", *failed]))


def recolor(args: argparse.Namespace, _settings: Settings) -> None:
    """Give an artwork the photo's colours; nothing is painted."""
    output, source = writable(args.output), opened(args.artwork)
    options = engine.PaintOptions(keep_colors=args.share, color_method=args.method, feather=args.feather)
    scene = engine.Scene(opened(args.photo), (), color_mask=mask_in(args.mask) if args.mask else None)
    picture = engine.Finish(scene, options).preview(engine.to_tensor(source))
    before = recipe_in(loaded(args.artwork))
    colors = {"keep_colors": args.share, "color_method": args.method, "color_when": "after"}
    write(picture, output, before.recolored(colors, bool(args.mask)) if before else None, dpi=args.dpi)
    print(f"{output}: {picture.width}×{picture.height}")


def _painted(setting: Setting, photo: Image.Image, show: Show) -> engine.Picture:
    return engine.paint(setting.scene(photo), setting.extractor, setting.options, show, room=setting.room).picture


def _setting(args: argparse.Namespace, settings: Settings) -> Setting:
    """Everything but the photo, loaded and measured.

    Raises:
        UsageError: something that was typed does not fit.
    """
    device = devices.choose(settings.device)
    loaded_extractors: dict[str, engine.Extractor] = {}

    def load(name: str) -> engine.Extractor:
        if name not in loaded_extractors:
            loaded_extractors[name] = engine.load_extractor(name, MODELS, settings.models_cache, device.torch)
        return loaded_extractors[name]

    options = _options(args)
    start = opened(Path(args.start)) if options.start == "artwork" else None
    paintings = Paintings(LocalStorage(settings.data), settings.styles, load)
    parts = _parts(args, paintings)
    extractor = load(args.extractor if args.extractor != "auto" else settings.extractor)
    needs = engine.needs(options, extractor)
    choices = [
        ((part.mask, part.color), paintings.fingerprint(part.painting, extractor, needs), part.weight) for part in parts
    ]
    regions = engine.regions_of(choices, lambda place: _mask(*place, parts))
    keep, color_mask = (mask_in(path) if path else None for path in (args.keep, args.color_mask))
    recipe = Recipe(
        atelier=version(),
        styles=_ingredients(parts),
        extractor=Network(name=extractor.name, weights=extractor.weights_hash),
        options={field.name: value for field in fields(options) if (value := getattr(options, field.name)) is not None},
        keep=keep is not None,
        color_mask=color_mask is not None,
    )
    room = room_for_a_job(settings, device)
    return Setting(extractor, options, regions, keep, color_mask, start, room, recipe)


def _options(args: argparse.Namespace) -> engine.PaintOptions:
    """The engine's options as they were typed; a start that is none of its words is a file, hence an artwork."""
    typed: dict[str, Any] = {field.name: getattr(args, field.name) for field in fields(engine.PaintOptions)}
    for name in ("content_layers", "style_layers"):
        if typed[name] is not None:
            typed[name] = dict(_weighed(each, name) for each in typed[name])
    if typed["start"] not in (None, *engine.CHOICES["start"]):
        typed["start"] = "artwork"
    elif typed["start"] == "artwork":
        raise UsageError("--start takes photo, noise, grey, or the file of an artwork.")
    return engine.PaintOptions(**typed)


def _parts(args: argparse.Namespace, paintings: Paintings) -> list[Part]:
    """The styles as they were typed, each once for every mask that names it.

    Raises:
        UsageError: there is no such style, or a mask names none that was chosen.
    """
    weights = dict(_weighed(each, "style") for each in args.style)
    masks: dict[str, list[tuple[Path | None, str | None]]] = {name: [] for name in weights}
    for wish in args.mask:
        found = MASK.fullmatch(wish)
        if not found or found["style"] not in masks:
            raise UsageError(f"--mask {wish!r} should be STYLE=FILE with one of the styles that --style names.")
        masks[found["style"]].append((Path(found["file"]), found["color"].lower() if found["color"] else None))
    hanging, parts = paintings.hanging(), []
    for name, weight in weights.items():
        if name not in hanging and not Path(name).is_file():
            raise UsageError(f"There is no style {name!r}, and no such file; `atelier styles` lists the styles.")
        style = hanging.get(name) or Style(id="file", title=OWN.title, image=Path(name))
        places = masks[name] or [(None, None)]
        parts += [Part(name if name in hanging else None, Painting(style), weight, *place) for place in places]
    return parts


def _weighed(wish: str, name: str) -> tuple[str, float]:
    """`NAME`, or `NAME=WEIGHT`.

    Raises:
        UsageError: the weight is no number.
    """
    name_of, _, weight = wish.rpartition("=") if "=" in wish else (wish, "", "1")
    try:
        return name_of, float(weight)
    except ValueError as error:
        raise UsageError(f"{wish!r} should be a {name.removesuffix('s').replace('_', ' ')}, or NAME=WEIGHT.") from error


def _mask(path: Path | None, color: str | None, parts: Sequence[Part]) -> Image.Image | None:
    if path is None:
        return None
    picture = mask_in(path)
    if color is None:
        return picture
    asked = [part.color for part in parts if part.mask == path and part.color]
    return engine.mask_of_color(picture, color, [*asked, *_unlike(asked)])


def _unlike(asked: Sequence[str]) -> list[str]:
    """The pure colours that are none of these: what has one of them in a map belongs to no style."""
    own = [ImageColor.getrgb(color) for color in asked]
    return [pure for pure in PURE if all(math.dist(ImageColor.getrgb(pure), color) > UNLIKE for color in own)]


def _ingredients(parts: Sequence[Part]) -> list[Ingredient]:
    masks = list(dict.fromkeys(part.mask for part in parts if part.mask))
    return [
        Ingredient(
            title=part.painting.title,
            artist=part.painting.style.artist if part.painting.style else "",
            id=part.id,
            weight=part.weight,
            mask=masks.index(part.mask) + 1 if part.mask else None,
            color=part.color,
        )
        for part in parts
    ]
