"""The shell's way in: `atelier paint`, `atelier styles`, `atelier fetch`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from PIL import Image, UnidentifiedImageError
from tqdm import tqdm

from app.jobs.styles import Style, find_styles
from app.settings import Settings, SettingsError, load_settings
from worker import devices, engine

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "models"
FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}


class UsageError(Exception):
    """The command cannot be done as given; the message says what to change."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0, or 1 after a sentence on standard error, or 130 when interrupted."""
    args = _parser().parse_args(arguments)
    try:
        args.command(args, load_settings())
    except (
        UsageError,
        SettingsError,
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


def paint(args: argparse.Namespace, settings: Settings) -> None:
    """Paint one photo, with a progress bar; Ctrl-C keeps what is there."""
    if args.output.suffix.lower() not in FORMATS:
        raise UsageError(f"{args.output} should end in {', '.join(FORMATS)}.")
    options = engine.PaintOptions(
        size=args.size, strength=args.strength, brush=args.brush, smoothing=args.smoothing,
        seed=args.seed, keep_colors=args.keep_colors, quality=args.quality,
    )  # fmt: skip
    photo = _opened(args.photo)
    styles = _chosen(args.style, settings)
    name = args.extractor if args.extractor != "auto" else settings.extractor
    extractor = engine.load_extractor(name, MODELS, settings.models_cache, devices.choose(settings.device).torch)
    style = engine.blend([(_fingerprint(each, extractor), weight) for each, weight in styles])
    with tqdm(total=100, unit="%", bar_format="{desc:<12}{percentage:3.0f}%|{bar}| {elapsed}<{remaining}") as bar:
        newest: engine.Iterate | None = None

        def show(iterate: engine.Iterate) -> None:
            nonlocal newest
            newest = iterate
            bar.set_description_str(f"{iterate.scale} px", refresh=False)
            bar.update(100 * iterate.fraction - bar.n)

        try:
            image = engine.paint(photo, style, extractor, options, show).image
        except KeyboardInterrupt:
            if newest is None:
                raise
            image = newest.image()
    image.save(args.output, FORMATS[args.output.suffix.lower()], quality=95)
    print(f"{args.output}: {image.width}×{image.height}")


def styles(_args: argparse.Namespace, settings: Settings) -> None:
    """List the styles: id, title, artist, year."""
    for style in find_styles(own=settings.styles):
        print(f"{style.id:<30} {style.title}, {style.artist or 'unknown'}, {style.year or 'undated'}")


def fetch(args: argparse.Namespace, settings: Settings) -> None:
    """Download a VGG's weights into the model cache, and normalise them over the project's own pictures."""
    paths = [ROOT / "static" / "pictures" / "sample.jpg", *sorted((ROOT / "styles").glob("*/example.webp"))]
    pictures = [_opened(path) for path in paths]
    with tqdm(unit="B", unit_scale=True, desc=args.extractor) as bar:

        def report(done: int, total: int) -> None:
            bar.total = total or None
            bar.update(done - bar.n)

        path = engine.fetch_weights(args.extractor, settings.models_cache, report, calibration=pictures)
    print(path)


def _opened(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            return engine.upright(image)
    except FileNotFoundError as error:
        raise UsageError(f"{path} is not there.") from error
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise UsageError(f"{path} is not a picture that can be read: {error}") from error


def _chosen(wishes: list[str], settings: Settings) -> list[tuple[Style, float]]:
    known = {style.id: style for style in find_styles(own=settings.styles)}
    chosen = []
    for wish in wishes:
        name, _, weight = wish.partition("=")
        if name not in known:
            raise UsageError(f"There is no style {name!r}; `atelier styles` lists them.")
        try:
            chosen.append((known[name], float(weight or 1)))
        except ValueError as error:
            raise UsageError(f"{wish!r} should be a style id, or id=weight.") from error
    return chosen


def _fingerprint(style: Style, extractor: engine.Extractor) -> engine.Fingerprint:
    shipped = style.fingerprint(extractor.name)
    if shipped:
        return engine.load_fingerprint(shipped, extractor)
    if style.image:
        return engine.fingerprint_of(_opened(style.image), extractor)
    raise UsageError(f"{style.title} is not prepared for {extractor.name}; use --extractor compact.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="atelier", description="Photos become paintings.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("paint", help="paint one photo")
    command.set_defaults(command=paint)
    command.add_argument("photo", type=Path, metavar="PHOTO")
    command.add_argument(
        "--style", action="append", required=True, metavar="ID[=WEIGHT]", help="several may be blended"
    )
    command.add_argument("-o", "--output", type=Path, required=True, metavar="OUT")
    defaults = engine.PaintOptions()
    command.add_argument("--size", type=int, default=defaults.size, help="longest side in pixels (%(default)s)")
    command.add_argument("--strength", type=float, default=defaults.strength, help="0.1 to 10 (%(default)s)")
    command.add_argument("--brush", type=float, default=defaults.brush, help="0.25 to 4 (%(default)s)")
    command.add_argument("--smoothing", type=float, default=defaults.smoothing, help="0 to 10 (%(default)s)")
    command.add_argument("--seed", type=int, default=defaults.seed)
    command.add_argument("--keep-colors", action="store_true", help="the photo's colours")
    command.add_argument("--quality", choices=["draft", "good", "best"], default=defaults.quality)
    command.add_argument("--extractor", choices=["auto", "compact", "vgg19"], default="auto")

    command = commands.add_parser("styles", help="list the styles")
    command.set_defaults(command=styles)

    command = commands.add_parser("fetch", help="download the weights of VGG-19 or VGG-16 once")
    command.set_defaults(command=fetch)
    command.add_argument("extractor", choices=["vgg19", "vgg16"])
    return parser


if __name__ == "__main__":
    sys.exit(main())
