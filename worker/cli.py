"""The shell's way in: `atelier paint`, `recolor`, `styles`, `presets`, `fetch`. This room reads what was typed."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path

from tqdm import tqdm

from app.jobs.encoding import DPI, LEAST_DPI, MOST_DPI
from app.jobs.recipe import version
from app.jobs.styles import find_styles
from app.settings import Settings, SettingsError, load_settings
from worker import devices, engine
from worker.failures import JobFailedError
from worker.files import FORMATS, UsageError, opened
from worker.shell import ROOT, paint, recolor

SUFFIXES = ", ".join(FORMATS)
HELP = {
    "preset": "which published way to paint; `atelier presets` lists them",
    "size": "longest side in pixels at which is painted",
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
    "min_improvement": "percent: a stage ends when 20 evaluations lower the loss by less",
    "output_size": "longest side to which the finished artwork is resampled",
    "resample": "how",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0, or 1 after a sentence on standard error, or 130 when interrupted."""
    args = _parser().parse_args(arguments)
    try:
        args.command(args, load_settings())
    except (
        UsageError,
        SettingsError,
        JobFailedError,
        engine.EngineError,
        devices.DeviceUnavailableError,
        ValueError,
        OSError,
    ) as error:
        print(f"atelier: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("atelier: stopped.", file=sys.stderr)
        return 130
    return 0


def styles(_args: argparse.Namespace, settings: Settings) -> None:
    """List the styles: id, title, artist, year."""
    for style in find_styles(own=settings.styles):
        print(f"{style.id:<30} {style.title}, {style.artist or 'unknown'}, {style.year or 'undated'}")


def presets(_args: argparse.Namespace, _settings: Settings) -> None:
    """List the presets: name, and what each is."""
    for name, preset in engine.PRESETS.items():
        print(f"{name:<20} {preset.description}")


def fetch(args: argparse.Namespace, settings: Settings) -> None:
    """Download a VGG's weights into the model cache, and normalise them over the project's own pictures."""
    paths = [ROOT / "static" / "pictures" / "sample.jpg", *sorted((ROOT / "styles").glob("*/example.webp"))]
    pictures = [opened(path) for path in paths]
    with tqdm(unit="B", unit_scale=True, desc=args.extractor) as bar:

        def report(done: int, total: int) -> None:
            bar.total = total or None
            bar.update(done - bar.n)

        path = engine.fetch_weights(args.extractor, settings.models_cache, report, calibration=pictures)
    print(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="atelier", description="Photos become paintings.")
    parser.add_argument("--version", action="version", version=f"atelier {version()}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("paint", help="paint a photo, or all photos in a folder")
    command.set_defaults(command=paint)
    command.add_argument("photo", type=Path, metavar="PHOTO", help="a picture file, or a folder of them")
    command.add_argument(
        "--style", action="append", required=True, metavar="STYLE[=WEIGHT]",
        help="a style's id, or the file of a painting; several may be blended",
    )  # fmt: skip
    _add_output(command, f"a file ({SUFFIXES}), or a folder for many")
    command.add_argument("--again", action="store_true", help="paint also what is in the output folder already")
    command.add_argument(
        "--mask", action="append", default=[], metavar="STYLE=FILE[#RRGGBB]",
        help="paint this style where the picture is white, or has the colour; may be repeated",
    )  # fmt: skip
    command.add_argument("--keep", type=Path, metavar="FILE", help="white parts stay the photo")
    command.add_argument("--color-mask", type=Path, metavar="FILE", help="where white, the photo's colours are kept")
    command.add_argument("--extractor", choices=["auto", "compact", "vgg19", "vgg16"], default="auto")
    for field in fields(engine.PaintOptions):
        _add_option(command, field.name, getattr(engine.PaintOptions(), field.name))

    command = commands.add_parser("recolor", help="give an artwork other colours, without painting it again")
    command.set_defaults(command=recolor)
    command.add_argument("artwork", type=Path, metavar="ARTWORK", help="painted with the painting's own colours")
    command.add_argument("photo", type=Path, metavar="PHOTO")
    _add_output(command, f"a file ({SUFFIXES})")
    command.add_argument("--method", choices=engine.CHOICES["color_method"], default="luminance")
    command.add_argument("--share", type=float, default=1.0, help="share of the photo's colours (%(default)s)")
    command.add_argument("--mask", type=Path, metavar="FILE", help="where white, the photo's colours are kept")
    _add_option(command, "feather", engine.PaintOptions().feather)

    command = commands.add_parser("styles", help="list the styles")
    command.set_defaults(command=styles)

    command = commands.add_parser("presets", help="list the published ways to paint")
    command.set_defaults(command=presets)

    command = commands.add_parser("fetch", help="download the weights of VGG-19 or VGG-16 once")
    command.set_defaults(command=fetch)
    command.add_argument("extractor", choices=["vgg19", "vgg16"])
    return parser


def _add_output(command: argparse.ArgumentParser, told: str) -> None:
    """The flags of what a command writes, and how large it is printed."""
    command.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help=told)
    command.add_argument(
        "--dpi", type=_dpi, default=DPI, metavar="DPI",
        help=f"{LEAST_DPI} to {MOST_DPI}: pixels to the inch of a print, for the file to say (%(default)s)",
    )  # fmt: skip


def _dpi(typed: str) -> int:
    if not (typed.isdecimal() and LEAST_DPI <= int(typed) <= MOST_DPI):
        raise argparse.ArgumentTypeError(f"{typed!r} is not a number from {LEAST_DPI} to {MOST_DPI}")
    return int(typed)


def _add_option(command: argparse.ArgumentParser, name: str, default: object) -> None:
    """A flag for an option of the engine, with its choices or its range."""
    flag, told = "--" + name.replace("_", "-"), HELP[name]
    told = f"{told} (%(default)s)" if default is not None else f"{told} (the preset's)"
    if name == "start":
        command.add_argument(flag, metavar="START", help=told)
    elif name.endswith("_layers"):
        command.add_argument(flag.removesuffix("s"), dest=name, action="append", metavar="LAYER=WEIGHT", help=told)
    elif name in engine.CHOICES:
        command.add_argument(flag, choices=engine.CHOICES[name], default=default, help=told)
    elif name == "keep_colors":
        command.add_argument(flag, type=float, nargs="?", const=1.0, default=default, metavar="SHARE", help=told)
    else:
        low, high = engine.LIMITS.get(name, (0, None))
        is_whole = name in {"size", "seed", "iterations", "output_size"}
        span = f"{low:g} to {high:g}: " if high is not None else ""
        command.add_argument(
            flag, type=int if is_whole else float, default=default, metavar=name.split("_")[-1].upper(),
            help=span + told,
        )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
