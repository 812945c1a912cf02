"""`atelier paint` and `atelier recolor`: from what was typed to pictures."""

from __future__ import annotations

import argparse
import difflib
import math
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageColor
from tqdm import tqdm

from app.jobs.files.recipe import OWN, Ingredient, Recipe, version
from app.jobs.files.strips import Picture, with_alpha
from app.jobs.storage.opening import open_storage
from app.jobs.styles import Style, find_styles
from app.reading.normal import Upright
from app.settings import Settings
from worker import engine
from worker.job.publishing import network_of
from worker.job.styles import Painting, Paintings
from worker.machine import devices
from worker.machine.memory import room_for_a_job
from worker.shell.by_network import ByNetwork, as_typed
from worker.shell.files import UsageError, is_artwork, loaded, mask_in, opened, recipe_in, with_transparency
from worker.shell.folders import read_folder
from worker.shell.interrupts import Interrupts
from worker.shell.outputs import check_originals, check_writable, keep

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "models"
BAR = "{desc:<12}{percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
MASK = re.compile(r"(?P<style>.+?)=(?P<file>.+?)(?P<color>#[0-9a-fA-F]{6})?")
# The corners of the colour cube, and how near to one of them a colour means it.
PURE = ("#000000", "#ff0000", "#00ff00", "#0000ff", "#ffff00", "#ff00ff", "#00ffff", "#ffffff")
UNLIKE = 128
MOST_WEIGHT = 100  # of a style, as in a job


class Part(NamedTuple):
    """A style as it was typed: its id unless it is a file, its weight, its mask and the colour that means it there.

    `part` is the painting's part that alone is painted after.
    """

    id: str | None
    painting: Painting
    weight: float
    mask: Path | None = None
    color: str | None = None
    part: str | None = None

    @property
    def image(self) -> Path | None:
        """The painting's own file, if it has one."""
        return self.painting.style.image if self.painting.style else None


class Seen(NamedTuple):
    """How far a painting is, at how many pixels, and the way to what there is of it, if it is shown before its end."""

    scale: int
    fraction: float
    picture: Callable[[], Picture] | None = None


Show = Callable[[Seen], None]


class Setting(NamedTuple):
    """All that a command paints its photos with, evaluation by evaluation."""

    extractor: engine.Extractor
    options: engine.PaintOptions
    regions: tuple[engine.Region, ...]
    keep: Image.Image | None
    color_mask: Image.Image | None
    start: Image.Image | None
    upscaler: engine.Upscaler | None
    room: engine.Room
    recipe: Recipe

    def painted(self, photo: Image.Image, show: Show) -> Picture:
        """The picture of a photo."""
        scene = engine.Scene(photo, self.regions, self.keep, self.color_mask, self.start, self.upscaler)

        def told(iterate: engine.Iterate) -> None:
            show(Seen(iterate.scale, iterate.fraction, iterate.picture))

        return engine.paint(scene, self.extractor, self.options, told, room=self.room).picture


class Passing(NamedTuple):
    """The same, by a network in one pass."""

    by: ByNetwork
    recipe: Recipe

    def painted(self, photo: Image.Image, show: Show) -> Picture:
        """The picture of a photo."""
        return self.by.painted(photo, lambda share: show(Seen(self.by.options.size, share)))


def paint(args: argparse.Namespace, settings: Settings) -> None:
    """Paint one photo, or all in a folder. Ctrl-C keeps what there is of a single one."""
    if args.network and args.style:
        raise UsageError("--network has one painting's style in it already; leave out --style, or --network.")
    if not (args.network or args.style):
        raise UsageError("Name what to paint after: --style STYLE, or --network NET.")
    parts = _parts(args, settings)
    with with_caches(settings) as cached:
        if args.photo.is_dir():
            _paint_folder(args, parts, cached, safe(settings))
        else:
            paint_photo(args, parts, cached, safe(settings))


def paint_photo(args: argparse.Namespace, parts: Sequence[Part], settings: Settings, safe: Path) -> None:
    """Paint a photo.

    Raises:
        KeyboardInterrupt: it was stopped; what there was of it is kept.
    """
    check_originals([args.output], [args.photo, *_files(args, parts)])
    check_writable([args.output])
    photo = with_transparency(args.photo)
    setting = _setting(args, parts, settings)
    newest: Seen | None = None
    whole = ""
    with Interrupts() as interrupts, tqdm(total=100, unit="%", bar_format=BAR) as bar:

        def show(seen: Seen) -> None:
            nonlocal newest
            newest = seen
            bar.set_description_str(f"{seen.scale} px", refresh=False)
            bar.update(int(100 * seen.fraction) - bar.n)

        try:
            picture = _painted(setting, photo, show)
            interrupts.hold()
        except KeyboardInterrupt:
            if newest is None or newest.picture is None:
                raise
            picture, whole = _seen(newest.picture(), photo, setting.recipe), ", as far as it was painted"
        keep(picture, args.output, setting.recipe, dpi=args.dpi, safe=safe)
        bar.close()
        print(f"{args.output}: {picture.width}×{picture.height}{whole}")


def _paint_folder(args: argparse.Namespace, parts: Sequence[Part], settings: Settings, safe: Path) -> None:
    """Paint what is not painted yet; what cannot be is told at the end.

    Raises:
        UsageError: some could not be painted.
    """
    pairs, left_out = read_folder(args.photo, args.output, args.recursive)
    check_originals((pair.output for pair in pairs), [*(pair.photo for pair in pairs), *_files(args, parts)])
    for each in left_out:
        print(f"Left out: {each}.", file=sys.stderr)
    # An empty file is none that was painted.
    pairs = [pair for pair in pairs if args.again or not (pair.output.exists() and pair.output.stat().st_size)]
    if not pairs:
        print(f"All is painted in {args.output}; --again paints it anew.")
        return
    check_writable(pair.output for pair in pairs)
    setting = _setting(args, parts, settings)
    done, failed = 0, []
    with tqdm(total=100 * len(pairs), unit="%", bar_format=BAR) as bar:
        try:
            for index, (source, output) in enumerate(pairs):
                bar.set_description_str(f"{index + 1}/{len(pairs)}", refresh=False)

                def show(seen: Seen) -> None:
                    bar.update(int(100 * (index + seen.fraction)) - bar.n)  # noqa: B023 - only within this turn

                with Interrupts() as interrupts:
                    try:
                        picture = _painted(setting, with_transparency(source), show)
                        interrupts.hold()
                    except (UsageError, engine.EmptyMaskError, engine.NotFiniteError) as error:
                        failed.append(f"{source.name}: {error}")
                    else:
                        keep(picture, output, setting.recipe, dpi=args.dpi, safe=safe)
                        done += 1
                bar.update(100 * (index + 1) - bar.n)
        finally:
            bar.close()
            print(f"{args.output}: {done} of {len(pairs)} painted")
    if failed:
        raise UsageError("\n  ".join([f"{len(failed)} of {len(pairs)} pictures were not painted:", *failed]))


def recolor(args: argparse.Namespace, settings: Settings) -> None:
    """Give an artwork the photo's colours; nothing is painted."""
    check_originals([args.output], [args.artwork, args.photo, *([args.mask] if args.mask else [])])
    check_writable([args.output])
    # An artwork's colours go on under what is transparent; nobody knows what another program left there.
    is_ours = is_artwork(args.artwork)
    source, alpha = with_transparency(args.artwork, None if is_ours else "white")
    options = engine.PaintOptions(keep_colors=args.share, color_method=args.method, feather=args.feather)
    scene = engine.Scene(opened(args.photo), (), color_mask=mask_in(args.mask) if args.mask else None)
    picture = engine.Finish(scene, options).preview(engine.to_tensor(source))
    before = recipe_in(loaded(args.artwork))
    colors = {"keep_colors": args.share, "color_method": args.method, "color_when": "after"}
    recipe = before.recolored(colors, bool(args.mask)) if before else None
    keep(_with_alpha(picture, alpha if is_ours else None), args.output, recipe, dpi=args.dpi, safe=safe(settings))
    print(f"{args.output}: {picture.width}×{picture.height}")


def safe(settings: Settings) -> Path:
    """Where an artwork goes that cannot be written to where it should."""
    return settings.data / "rescued"


@contextmanager
def with_caches(settings: Settings) -> Iterator[Settings]:
    """The settings with a data folder that can be written: one for the while, if theirs cannot be."""
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=settings.data).close()
    except OSError:
        with tempfile.TemporaryDirectory(prefix="atelier-") as folder:
            yield settings.model_copy(update={"data": Path(folder), "models": settings.models_cache})
    else:
        yield settings


def _files(args: argparse.Namespace, parts: Sequence[Part]) -> list[Path]:
    """All that is read beside the photos."""
    named = [args.keep, args.color_mask, *(part.mask for part in parts), *(part.image for part in parts)]
    return [path for path in (*named, Path(args.start) if args.start else None) if path]


def _with_alpha(picture: Picture, alpha: Image.Image | None) -> Picture:
    return with_alpha(picture, np.asarray(alpha) if alpha else None)


def _seen(picture: Picture, photo: Upright, made_with: Recipe) -> Picture:
    """What was painted, with the photo's transparency if that is asked for."""
    return _with_alpha(picture, photo.alpha if made_with.keep_transparency else None)


def _painted(setting: Setting | Passing, photo: Upright, show: Show) -> Picture:
    def told(seen: Seen) -> None:
        try:
            show(seen)
        except OSError:
            pass  # The terminal is gone; that is no reason to drop the painting.

    return _seen(setting.painted(photo.picture, told), photo, setting.recipe)


def _setting(args: argparse.Namespace, parts: Sequence[Part], settings: Settings) -> Setting | Passing:
    """Everything but the photo, loaded and measured.

    Raises:
        UsageError: something that was typed does not fit.
    """
    device = devices.choose(settings.device)
    if args.network:
        by = ByNetwork.of(args, _options(args), MODELS, device, room_for_a_job(settings, device))
        return Passing(by, by.recipe(args.keep_transparency))
    loaded_extractors: dict[str, engine.Extractor] = {}

    def load(name: str) -> engine.Extractor:
        if name not in loaded_extractors:
            loaded_extractors[name] = engine.load_extractor(name, MODELS, settings.models_cache, device.torch)
        return loaded_extractors[name]

    options = _options(args)
    start = opened(Path(args.start)) if options.start == "artwork" else None
    paintings = Paintings(open_storage(settings), settings.styles, settings.originals_cache, load)
    extractor = load(args.extractor if args.extractor != "auto" else settings.extractor)
    needs = engine.needs(options, extractor)
    choices = [
        ((part.mask, part.color), paintings.fingerprint(part.painting, extractor, needs, part=part.part), part.weight)
        for part in parts
    ]
    regions = engine.regions_of(choices, lambda place: _mask(*place, parts))
    keep, color_mask = (mask_in(path) if path else None for path in (args.keep, args.color_mask))
    upscaler = engine.load_upscaler(MODELS, device.torch) if options.resample == "network" else None
    recipe = Recipe(
        atelier=version(),
        styles=_ingredients(parts),
        extractor=network_of(extractor, options),
        options=as_typed(options),
        keep=keep is not None,
        color_mask=color_mask is not None,
        keep_transparency=args.keep_transparency,
        upscaler=upscaler.weights_hash if upscaler else None,
    )
    room = room_for_a_job(settings, device)
    return Setting(extractor, options, regions, keep, color_mask, start, upscaler, room, recipe)


def _options(args: argparse.Namespace) -> engine.PaintOptions:
    """The engine's options as they were typed; a start that is none of its words is a file, hence an artwork."""
    typed: dict[str, Any] = {field.name: getattr(args, field.name) for field in fields(engine.PaintOptions)}
    for name in ("content_layers", "style_layers"):
        if typed[name] is not None:
            typed[name] = dict(weighed(each, name) for each in typed[name])
    if typed["start"] not in (None, *engine.CHOICES["start"]):
        typed["start"] = "artwork"
    elif typed["start"] == "artwork":
        raise UsageError("--start takes photo, noise, grey, or the file of an artwork.")
    return engine.PaintOptions(**typed)


def _parts(args: argparse.Namespace, settings: Settings) -> list[Part]:
    """The styles as they were typed, each once for every mask that names it.

    Raises:
        UsageError: there is no such style, it was named twice, or a mask names none that was chosen.
    """
    hanging = {style.id: style for style in find_styles(own=settings.styles)}
    named = [weighed(each, "style") for each in args.style]
    styles = {name: style_named(name, hanging) for name, _ in named}
    places = [style.image.resolve() if style.image else style.id for style in (styles[name] for name, _ in named)]
    masks: dict[str, list[tuple[Path | None, str | None]]] = {name: [] for name in styles}
    for wish in args.mask:
        found = MASK.fullmatch(wish)
        if not found or found["style"] not in masks:
            raise UsageError(f"--mask {wish!r} should be STYLE=FILE with one of the styles that --style names.")
        masks[found["style"]].append((Path(found["file"]), found["color"].lower() if found["color"] else None))
    parts = []
    for index, (name, weight) in enumerate(named):
        if places[index] in places[:index]:
            raise UsageError(f"--style names {name!r} twice. Name it once, with a weight: --style {name}=2.")
        if not 0 < weight <= MOST_WEIGHT:
            raise UsageError(f"--style {name}={weight:g} should have a weight above 0, and {MOST_WEIGHT} at most.")
        painting = Painting(styles[name])
        parts += [
            Part(name if name in hanging else None, painting, weight, *place) for place in masks[name] or [(None, None)]
        ]
    return parts


def style_named(name: str, hanging: Mapping[str, Style]) -> Style:
    """A style by its id, or a painting's file as one.

    Raises:
        UsageError: there is none, and no such file; the message names the styles that may have been meant.
    """
    if name in hanging:
        return hanging[name]
    if Path(name).is_file():
        return Style(id="file", title=OWN.title, image=Path(name))
    if Path(name).is_dir():
        raise UsageError(f"--style {name} is a folder; name the file of one painting in it.")
    called: dict[str, list[str]] = {}
    for style in hanging.values():
        for word in _names(style):
            called.setdefault(_plain(word), []).append(style.id)
    near = dict.fromkeys(each for word in difflib.get_close_matches(_plain(name), called) for each in called[word])
    hint = f"Did you mean {' or '.join(near)}?" if near else "`atelier styles` lists the styles."
    raise UsageError(f"There is no style {name!r}, and no such file. {hint}")


def _names(style: Style) -> tuple[str, ...]:
    """What somebody may call it; an artist's name is that of all their paintings."""
    return style.artist.rpartition(" ")[2], style.artist, style.title, style.id


def _plain(name: str) -> str:
    return re.sub(r"\W+|_+", " ", name.lower()).strip()


def weighed(wish: str, name: str) -> tuple[str, float]:
    """`NAME`, or `NAME=WEIGHT`.

    Raises:
        UsageError: the weight is no number.
    """
    if "=" not in wish or (name == "style" and Path(wish).is_file()):
        return wish, 1.0
    name_of, _, weight = wish.rpartition("=")
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
    if any(part.part for part in parts):  # what is drawn in no part's colour is the nearest one's
        return engine.mask_of_color(picture, color, asked)
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
            part=part.part,
        )
        for part in parts
    ]
