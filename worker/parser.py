"""What can be typed after `atelier`, in groups and with examples; cli.py does it."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.jobs.encoding import DPI, LEAST_DPI, MOST_DPI
from app.jobs.recipe import version
from worker import engine
from worker.originals import COMMONS, WIDTH, WIDTHS
from worker.outputs import SUFFIXES

COMMANDS = {
    "paint": "paint a photo, or all photos in a folder",
    "recolor": "give an artwork other colours, without painting it again",
    "styles": "list the styles",
    "presets": "list the published ways to paint",
    "fetch": "download once what does not ship: VGG's weights, originals",
    "check": "look for what a crash has left in the service's data, and mend it",
}
EXAMPLES = """\
examples:
  atelier paint photo.jpg --style starry_night -o painted.png
  atelier paint holidays --style great_wave -o painted
  atelier recolor painted.png photo.jpg -o in-my-colours.png

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
RECOLOR_EXAMPLES = """\
examples:
  atelier recolor painted.png photo.jpg -o in-my-colours.png
  atelier recolor painted.png photo.jpg --method histogram --share 0.5 -o o.png
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
# The engine's options in the order in which they are told, below the titles of their groups.
GROUPS = {
    "look": ("strength", "brush", "smoothing", "seed", "start"),
    "size and time": ("size", "quality", "output_size", "resample"),
    "colours": ("keep_colors", "color_method", "color_when"),
    "parts of the photo": ("feather", "guides"),
    "as published (see docs/presets.md)": (
        "preset", "content_layers", "style_layers", "content_scaling", "style_loss", "pooling", "optimizer",
        "iterations", "min_improvement",
    ),
}  # fmt: skip
HELP = {
    "preset": "which published way to paint; `atelier presets` lists them",
    "size": "longest side of the painting in pixels",
    "strength": "more is nearer to the painting",
    "brush": "size of the strokes; 2 doubles it",
    "smoothing": "less grain",
    "seed": "another seed is another hand",
    "quality": "how many evaluations",
    "keep_colors": "share of the photo's colours; 1 where nothing is said",
    "color_method": "how the photo's colours are kept",
    "color_when": "recolour the painted picture, or paint in the painting's own colours before",
    "feather": "softened width of masks' edges, as a share of the longer side",
    "guides": "how a mask becomes each layer's guide",
    "start": "what the first stage begins from: photo, noise, grey, or a picture file",
    "content_layers": "weight of a layer in the content loss; may be repeated",
    "style_layers": "share of a layer in the style loss; may be repeated",
    "content_scaling": "formula of the content loss",
    "style_loss": "formula of the style loss",
    "pooling": "the extractor's pooling",
    "optimizer": "of the pixels",
    "iterations": "evaluations in all",
    "min_improvement": "a stage ends when 20 evaluations lower the loss by fewer percent",
    "output_size": "longest side to which the finished artwork is resampled",
    "resample": "filter of that",
}
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
            epilog={"paint": PAINT_EXAMPLES, "recolor": RECOLOR_EXAMPLES, "fetch": FETCH_EXAMPLES}.get(name),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        for name, told in COMMANDS.items()
    }
    _fill_paint(added["paint"])
    _fill_recolor(added["recolor"])
    _fill_fetch(added["fetch"])
    added["check"].add_argument("--mend", action="store_true", help="put right what is found, as housekeeping would")
    return parser


def _fill_paint(command: argparse.ArgumentParser) -> None:
    command.usage = "atelier paint PHOTO --style STYLE -o OUT [more]"
    command.add_argument("-v", "--verbose", action="store_true", help="say what is painted on")
    group = command.add_argument_group("what is painted, and where to")
    group.add_argument("photo", type=Path, metavar="PHOTO", help="a picture file, or a folder of them")
    group.add_argument(
        "--style", action="append", required=True, metavar="STYLE[=WEIGHT]",
        help="a style's id (`atelier styles` lists them), or the file of a painting; several are blended",
    )  # fmt: skip
    _add_output(group, f"a file ({SUFFIXES}), or a folder for a folder's")
    group.add_argument("--recursive", action="store_true", help="of a folder: also what is in folders below it")
    group.add_argument("--again", action="store_true", help="of a folder: also what is painted already")
    groups = {title: command.add_argument_group(title) for title in GROUPS}
    parts, published = groups["parts of the photo"], groups["as published (see docs/presets.md)"]
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
    parts.add_argument(
        "--keep-transparency", action="store_true",
        help="PNG, WebP and TIFF are transparent where the photo is; JPEG never is",
    )  # fmt: skip
    published.add_argument(
        "--extractor", choices=["auto", "compact", "vgg19", "vgg16"], default="auto", metavar="NAME",
        help="network that looks at pictures: auto, compact, vgg19, vgg16 (%(default)s)",
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
    told = f"{HELP[name]} ({usual})"
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
        is_whole = name in {"size", "seed", "iterations", "output_size"}
        span = f"{low:g} to {high:g}: " if high is not None else ""
        group.add_argument(flag, type=int if is_whole else float, default=default, metavar="N", help=span + told)
