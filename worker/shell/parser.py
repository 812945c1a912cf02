"""What can be typed after `atelier`, in groups and with examples; commands.py does it."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import fields
from itertools import chain
from pathlib import Path
from typing import get_args

from app.jobs.files.encoding import DPI, LEAST_DPI, MOST_DPI
from app.jobs.files.recipe import version
from app.jobs.models import Manner
from app.jobs.options import ENLARGED_BY, Extractor, PaintingOptions
from worker import engine
from worker.engine.networks.transform_net import ARCH
from worker.engine.perceptual import LOSSES
from worker.job.originals import COMMONS, WIDTH, WIDTHS
from worker.shell.outputs import SUFFIXES

FACTORS, METHODS = (2, 4, 8), ("network", "lanczos")
COMMANDS = {
    "paint": "paint a photo, or all photos in a folder",
    "doodle": "paint a map of colours after the parts of a painting",
    "train-fast": "train a network that paints after one painting in one pass",
    "recolor": "give an artwork other colours, without painting it again",
    "upscale": "enlarge pictures for print, with sharp strokes",
    "styles": "list the styles",
    "parts": "list the parts of a painting, and their colours in a doodle",
    "presets": "list the published ways to paint",
    "fetch": "download once what does not ship: VGG's weights, originals",
    "check": "look for what a crash has left in the service's data, and mend it",
    "doctor": "look whether this machine has all that the service needs",
}
EXAMPLES = """\
examples:
  atelier paint photo.jpg --style starry_night -o painted.png
  atelier paint holidays --style great_wave -o painted
  atelier recolor painted.png photo.jpg -o in-my-colours.png
  atelier upscale painted.png -o poster.tif

`atelier COMMAND --help` says more of a command.
"""
PAINT_EXAMPLES = """\
examples:
  a photo after a famous painting:
    atelier paint photo.jpg --style starry_night -o painted.png
  two paintings blended, one of them yours:
    atelier paint photo.jpg --style great_wave=2 --style mine.jpg -o painted.png
  a poster, in the photo's own colours:
    atelier paint photo.jpg --style the_scream --size 4096 --keep-colors \\
      -o poster.tif
  a folder with all that is below it:
    atelier paint holidays --recursive --style starry_night -o painted
  one painting for the sky, white in the mask, and another for the rest:
    atelier paint photo.jpg --style starry_night --mask starry_night=sky.png \\
      --style great_wave -o painted.png

A photo, a mask or a painting is never overwritten: -o replaces artworks only.
"""
DOODLE_EXAMPLES = """\
examples:
  what the parts of a painting are called, and their colours:
    atelier parts starry_night
  a doodle in these colours:
    atelier doodle starry_night --target-map doodle.png -o painted.png
  after a painting of yours, by maps of both in any colours:
    atelier doodle mine.jpg --style-map mine-map.png --target-map doodle.png \\
      -o painted.png
  a photo, each of its parts after a part of the painting; photo_sem.png and
  mine_sem.png beside them are their maps:
    atelier doodle mine.jpg --photo photo.jpg -o painted.png

docs/doodles.md says what a map may be.
"""
TRAIN_EXAMPLES = """\
examples:
  the studio's objective, for a painting of the gallery:
    atelier train-fast starry_night -o starry.safetensors --photos holidays
  the published loss, for yours, with less flicker in films:
    atelier train-fast mine.jpg -o mine.safetensors --photos holidays \
      --loss johnson --noise 100
  then:
    atelier paint photo.jpg --network mine.safetensors -o painted.png

What was stopped is gone on with by the same command. docs/fast.md has the formulas.
"""
RECOLOR_EXAMPLES = """\
examples:
  atelier recolor painted.png photo.jpg -o in-my-colours.png
  atelier recolor painted.png photo.jpg --method histogram --share 0.5 -o o.png
"""
UPSCALE_EXAMPLES = """\
examples:
  an artwork twice as wide and as high, for a poster:
    atelier upscale painted.png -o poster.tif --dpi 200
  all of a folder, four times:
    atelier upscale painted --factor 4 -o posters

Whatever was painted is drawn sharper, not painted anew: `atelier paint --size`
paints at a larger size, with finer strokes.
"""
FETCH_EXAMPLES = """\
examples:
  the network of the papers:
    atelier fetch vgg19
  all built-in paintings as Wikimedia Commons has them, then one in print size:
    atelier fetch paintings --contact me@example.org
    atelier fetch paintings starry_night --size 3840 --again

What was cut off is gone on with by the same command.
"""
EPILOGS = {
    "paint": PAINT_EXAMPLES,
    "doodle": DOODLE_EXAMPLES,
    "train-fast": TRAIN_EXAMPLES,
    "recolor": RECOLOR_EXAMPLES,
    "upscale": UPSCALE_EXAMPLES,
    "fetch": FETCH_EXAMPLES,
}
# The engine's options in the order in which they are told, below their groups' titles; all others are in the last.
GROUPS = {
    "look": ("strength", "brush", "smoothing", "variety", "seed", "start"),
    "size and time": ("size", "quality", "output_size", "resample"),
    "colours": ("keep_colors", "color_method", "color_when"),
    "parts of the photo": ("feather", "guides", "fidelity"),
}
PUBLISHED = "as published (see docs/presets.md)"
GROUPS[PUBLISHED] = tuple(name for name in PaintingOptions.model_fields if name not in chain(*GROUPS.values()))
# What the shell alone has to say of an option, after what is told of it everywhere.
ASIDES = {
    "preset": "; `atelier presets` lists them",
    "keep_colors": "; 1 where nothing is said",
    "start": ": photo, noise, grey, or a picture file",
    "content_layers": "; may be repeated",
    "style_layers": "; may be repeated",
}
# Of a doodle.
DOODLE_OPTIONS = (
    "size", "quality", "seed", "strength", "brush", "smoothing", "variety", "fidelity", "feather", "output_size",
    "resample",
)  # fmt: skip
# What holds where nothing is said, if it is not the preset's.
UNSAID = {"output_size": "as painted"}


def build() -> argparse.ArgumentParser:
    """The parser of all commands; what it returns has the name of one as `command`, or None."""
    parser = argparse.ArgumentParser(
        prog="atelier",
        description="Photos become paintings.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"atelier {version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    added = {
        name: commands.add_parser(
            name,
            help=told,
            description=f"{told[0].upper()}{told[1:]}.",
            epilog=EPILOGS.get(name),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        for name, told in COMMANDS.items()
    }
    _fill_paint(added["paint"])
    _fill_doodle(added["doodle"])
    _add_painting(added["parts"])
    _fill_train(added["train-fast"])
    _fill_recolor(added["recolor"])
    _fill_upscale(added["upscale"])
    _fill_fetch(added["fetch"])
    added["check"].add_argument("--mend", action="store_true", help="put right what is found, as housekeeping would")
    return parser


def _fill_paint(command: argparse.ArgumentParser) -> None:
    command.usage = "atelier paint PHOTO (--style STYLE | --network NET) -o OUT [more]"
    command.add_argument("-v", "--verbose", action="store_true", help="say what is painted on")
    group = command.add_argument_group("what is painted, and where to")
    group.add_argument("photo", type=Path, metavar="PHOTO", help="a picture file, or a folder of them")
    group.add_argument(
        "--style", action="append", default=[], metavar="STYLE[=WEIGHT]",
        help="a style's id (`atelier styles` lists them), or the file of a painting; several are blended",
    )  # fmt: skip
    group.add_argument(
        "--network", metavar="NET",
        help="instead of styles: a network that `atelier train-fast` made, or one that ships; paints in one pass",
    )  # fmt: skip
    _add_output(group, f"a file ({SUFFIXES}), or a folder for a folder's")
    group.add_argument("--recursive", action="store_true", help="of a folder: also what is in folders below it")
    group.add_argument("--again", action="store_true", help="of a folder: also what is painted already")
    groups = {title: command.add_argument_group(title) for title in GROUPS}
    parts, published = groups["parts of the photo"], groups[PUBLISHED]
    parts.add_argument(
        "--mask", action="append", default=[], metavar="STYLE=FILE[#RRGGBB]",
        help="paint this style where the picture is white, or has the colour; may be repeated",
    )  # fmt: skip
    parts.add_argument("--keep", type=Path, metavar="FILE", help="white parts stay the photo")
    for title, names in GROUPS.items():
        for name in names:
            _add_option(groups[title], name, getattr(engine.PaintOptions(), name))
    groups["colours"].add_argument(
        "--color-mask", type=Path, metavar="FILE", help="where white, the photo's colours are kept"
    )
    parts.add_argument("--keep-transparency", action="store_true", help=_description("keep_transparency"))
    _add_extractor(published)


def _fill_doodle(command: argparse.ArgumentParser) -> None:
    command.usage = "atelier doodle PAINTING [--target-map MAP] [--photo PHOTO] -o OUT [more]"
    command.add_argument("-v", "--verbose", action="store_true", help="say what is painted on")
    group = command.add_argument_group("what is painted, and where to")
    _add_painting(group)
    group.add_argument("--target-map", type=Path, metavar="MAP", help="a picture in the colours of the parts")
    group.add_argument("--photo", type=Path, metavar="PHOTO", help="whose shapes stay; its map is the target map")
    _add_output(group, f"a file ({SUFFIXES})")
    group = command.add_argument_group("how")
    usual = engine.PaintOptions()
    for name in DOODLE_OPTIONS:
        _add_option(group, name, getattr(usual, name))
    _add_extractor(group)
    others = {field.name: getattr(usual, field.name) for field in fields(usual) if field.name not in DOODLE_OPTIONS}
    command.set_defaults(**others, style=[], mask=[], network=None, keep=None, color_mask=None, keep_transparency=False)


def _add_painting(group: argparse._ActionsContainer) -> None:
    group.add_argument("painting", metavar="PAINTING", help="a style's id, or the file of a painting")
    group.add_argument("--style-map", type=Path, metavar="MAP", help="of a file: a picture of where its parts are")


def _fill_train(command: argparse.ArgumentParser) -> None:
    command.usage = "atelier train-fast PAINTING -o NET --photos FOLDER [more]"
    command.add_argument("-v", "--verbose", action="store_true", help="say what is computed on")
    group = command.add_argument_group("what is learnt, from what, and where to")
    group.add_argument("painting", metavar="PAINTING", help="a style's id, or the file of a painting")
    group.add_argument(
        "-o", "--output", type=Path, required=True, metavar="NET",
        help="a file (.safetensors); checkpoint, log and samples lie beside it",
    )  # fmt: skip
    group.add_argument(
        "--photos",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="of pictures, also in folders below it; any will do",
    )
    group.add_argument("--again", action="store_true", help="begin anew, whatever is there")
    group = command.add_argument_group("how long")
    whole, number = _at_least(1, int), _at_least(0, float)
    group.add_argument("--steps", type=whole, default=1500, metavar="N", help="in all (%(default)s; published 40000)")
    group.add_argument("--batch", type=whole, default=4, metavar="N", help="photos in a step (%(default)s)")
    group.add_argument("--crop", type=_at_least(64, int), default=256, metavar="N", help="side in pixels (%(default)s)")
    group.add_argument("--learning-rate", type=number, default=1e-3, metavar="N", help="of Adam (%(default)s)")
    group.add_argument("--every", type=whole, default=50, metavar="N", help="steps between checkpoints (%(default)s)")
    group.add_argument(
        "--seed", type=_at_least(0, int), default=0, metavar="N", help="of weights and crops (%(default)s)"
    )
    group = command.add_argument_group("what for")
    group.add_argument("--loss", choices=LOSSES, default="studio", metavar="NAME", help="studio, johnson (%(default)s)")
    group.add_argument(
        "--style-size", type=_at_least(32, int), default=512, metavar="N",
        help="longest side at which the painting is seen: larger strokes from more (%(default)s)",
    )  # fmt: skip
    group.add_argument("--strength", type=number, default=1.0, metavar="N", help="of studio's style (%(default)s)")
    group.add_argument(
        "--noise",
        type=number,
        default=0.0,
        metavar="N",
        help="weight of what noise in a photo must not change (%(default)s)",
    )
    for name, told in (("content", "relu3_3=1"), ("style", "relu1_2, relu2_2, relu3_3, relu4_3, each =5")):
        group.add_argument(
            f"--{name}-layer", dest=f"{name}_layers", action="append", metavar="LAYER=WEIGHT",
            help=f"of johnson, may be repeated ({told}; of compact its nearest)",
        )  # fmt: skip
    group.add_argument(
        "--tv-weight", type=number, default=1e-6, metavar="N", help="of johnson's smoothing (%(default)s)"
    )
    group.add_argument("--arch", default=ARCH, metavar="ARCH", help="the network's layers (%(default)s)")
    _add_extractor(group)


def _at_least(low: int, kind: type[int] | type[float]) -> Callable[[str], int | float]:
    def read(typed: str) -> int | float:
        value = kind(typed)
        if not low <= value < math.inf:
            raise argparse.ArgumentTypeError(f"{typed} is not a number from {low}")
        return value

    read.__name__ = "number"  # what argparse calls it
    return read


def _add_extractor(group: argparse._ActionsContainer) -> None:
    names = get_args(Extractor)
    group.add_argument(
        "--extractor", choices=names, default="auto", metavar="NAME",
        help=f"{', '.join(names)}: {_description('extractor')} (%(default)s)",
    )  # fmt: skip


def _fill_recolor(command: argparse.ArgumentParser) -> None:
    command.usage = "atelier recolor ARTWORK PHOTO -o OUT [more]"
    group = command.add_argument_group("what is recoloured, and where to")
    group.add_argument("artwork", type=Path, metavar="ARTWORK", help="painted with the painting's own colours")
    group.add_argument("photo", type=Path, metavar="PHOTO", help="whose colours it gets")
    _add_output(group, f"a file ({SUFFIXES})")
    group = command.add_argument_group("how")
    _add_option(group, "color_method", engine.PaintOptions().color_method, "--method")
    group.add_argument("--share", type=float, default=1.0, help="share of the photo's colours, 0 to 1 (%(default)s)")
    group.add_argument("--mask", type=Path, metavar="FILE", help="where white, the photo's colours are kept")
    _add_option(group, "feather", engine.PaintOptions().feather)


def _fill_upscale(command: argparse.ArgumentParser) -> None:
    command.usage = "atelier upscale PICTURE [PICTURE ...] -o OUT [more]"
    group = command.add_argument_group("what is enlarged, and where to")
    group.add_argument("pictures", type=Path, nargs="+", metavar="PICTURE", help="artworks, photos, or folders of them")
    _add_output(group, f"a file ({SUFFIXES}), or a folder for several")
    group.add_argument("--recursive", action="store_true", help="of a folder: also what is in folders below it")
    group.add_argument("--again", action="store_true", help="of several: also what is there already")
    group = command.add_argument_group("how")
    group.add_argument(
        "--factor", type=int, choices=FACTORS, default=2, metavar="N",
        help=f"{', '.join(map(str, FACTORS))}: times as wide and as high (%(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--method", choices=METHODS, default=ENLARGED_BY, metavar="NAME",
        help=f"{', '.join(METHODS)}: our own, which draws sharp edges, or a plain filter (%(default)s)",
    )  # fmt: skip


def _fill_fetch(command: argparse.ArgumentParser) -> None:
    command.usage = "atelier fetch WHAT [ID ...] [more]"
    group = command.add_argument_group("what is fetched")
    group.add_argument(
        "what", choices=["vgg19", "vgg16", "paintings"], metavar="WHAT",
        help="vgg19 or vgg16: the weights of a network; paintings: originals of the built-in ones",
    )  # fmt: skip
    group.add_argument("ids", nargs="*", metavar="ID", help="of paintings: these styles' alone")
    group = command.add_argument_group("of paintings")
    group.add_argument(
        "--size", type=int, choices=WIDTHS, default=WIDTH, metavar="N",
        help=f"width in pixels, one of {', '.join(map(str, WIDTHS))}, as Commons renders them (%(default)s)",
    )  # fmt: skip
    group.add_argument("--again", action="store_true", help="also what is there already")
    group.add_argument(
        "--contact", type=_contact, default="", metavar="WHOM",
        help="a mail or web address of yours that Wikimedia is told with each request, as its rules ask",
    )  # fmt: skip
    group.add_argument("--site", default=COMMONS, help=argparse.SUPPRESS)


def _contact(typed: str) -> str:
    if not typed.isascii() or not typed.isprintable() or set(typed) & set("()\\"):
        raise argparse.ArgumentTypeError(f"{typed!r} is no mail or web address")
    return typed


def _add_output(group: argparse._ActionsContainer, told: str) -> None:
    """The flags of what a command writes, and how large it is printed."""
    group.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help=told)
    group.add_argument(
        "--dpi", type=_dpi, default=DPI, metavar="DPI",
        help=f"{LEAST_DPI} to {MOST_DPI}: pixels to the inch of a print, for the file to say (%(default)s)",
    )  # fmt: skip


def _dpi(typed: str) -> int:
    if not (typed.isdecimal() and LEAST_DPI <= int(typed) <= MOST_DPI):
        raise argparse.ArgumentTypeError(f"{typed!r} is not a number from {LEAST_DPI} to {MOST_DPI}")
    return int(typed)


def _add_option(group: argparse._ActionsContainer, name: str, default: object, flag: str = "") -> None:
    """A flag for an option of the engine, with its choices or its range."""
    flag = flag or "--" + name.replace("_", "-")
    usual = "%(default)s" if default is not None else UNSAID.get(name, "the preset's")
    told = f"{_description(name)}{ASIDES.get(name, '')} ({usual})"
    if name == "start":
        group.add_argument(flag, metavar="START", help=told)
    elif name.endswith("_layers"):
        group.add_argument(flag.removesuffix("s"), dest=name, action="append", metavar="LAYER=WEIGHT", help=told)
    elif name in engine.CHOICES:
        choices = engine.CHOICES[name]
        # The presets are too many for a line, and have a command that lists them.
        told = told if name == "preset" else f"{', '.join(choices)}: {told}"
        group.add_argument(flag, choices=choices, default=default, metavar="NAME", help=told)
    elif name == "keep_colors":
        group.add_argument(flag, type=float, nargs="?", const=1.0, default=default, metavar="SHARE", help=told)
    else:
        low, high = engine.LIMITS.get(name, (0, None))
        is_whole = PaintingOptions.model_fields[name].annotation in (int, int | None)
        span = f"{low:g} to {high:g}: " if high is not None else ""
        group.add_argument(flag, type=int if is_whole else float, default=default, metavar="N", help=span + told)


def _description(name: str) -> str:
    """What the contract says of an option."""
    return Manner.model_fields[name].description or ""
