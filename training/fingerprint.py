"""Make a style's fingerprint, card and example from its painting.

    python -m training.fingerprint --paintings FOLDER --photos PORTRAIT CITY LANDSCAPE

FOLDER holds `<style id>.jpg` for each folder under styles/. The fingerprint is all that ships of a painting: the card
(swatch.webp, swatch.avif) is drawn again from cells and a colour sketch of 24 pixels, the example is those photos
painted with the fingerprint. A style whose files are newer than the extractor's weights is left alone, so an
interrupted run goes on where it stopped; a palette or a codebook that is missing is added. So are the parts of a
painting that has a map of them (parts.png, parts.toml), in a file beside the fingerprint.
"""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path

from PIL import Image, ImageOps
from tqdm import tqdm

from app.jobs.styles import PART_MAP, PARTS
from app.settings import load_settings
from worker import engine
from worker.engine.style.codebook import codebook_of
from worker.engine.style.fingerprint import add_codebook, add_palette

CARD_SIDE, SMALL_SIDE = 384, 288
# Of a card's codebook, which is finer than a fingerprint's and does not ship: scales below the card's own, and cells.
CARD_SCALES, CARD_CELLS = (64, 96, 128, 192, 256), 2000
# Where a card is cut from a painting that is not square: people's heads are in its upper half.
CARD_CENTER = (0.5, 0.4)
# Of an example: its side, and left, top, right and bottom of the three photos in it.
EXAMPLE_SIDE = 768
# The first of these qualities at which it has no more than so many bytes.
EXAMPLE_QUALITIES, EXAMPLE_BYTES = (20, 14, 8, 4), 64_000
EXAMPLE_PLACES = ((0, 0, 381, 508), (387, 0, 768, 508), (0, 514, 768, 768))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paintings", type=Path, required=True, help="folder of <style id>.jpg")
    parser.add_argument("--photos", type=Path, nargs=3, help="photos to paint as the example")
    parser.add_argument("--styles", type=Path, default=Path("styles"))
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--extractor", default="compact", choices=["compact", "vgg19", "vgg16"])
    cache = load_settings().models_cache
    parser.add_argument("--cache", type=Path, default=cache, help="where fetched weights are kept (%(default)s)")
    parser.add_argument("--only", nargs="*", default=[], help="style ids; all by default")
    args = parser.parse_args()

    extractor = engine.load_extractor(args.extractor, args.models, args.cache)
    suffix = "" if args.extractor == "compact" else f".{args.extractor}"
    folders = [folder for folder in sorted(args.styles.iterdir()) if (folder / "style.toml").exists()]
    for folder in tqdm([each for each in folders if not args.only or each.name in args.only]):
        target = folder / f"fingerprint{suffix}.safetensors"
        source = args.paintings / f"{folder.name}.jpg"
        if is_current(target, extractor):
            fingerprint = engine.load_fingerprint(target, extractor)
            if fingerprint.palette is None and source.exists():
                add_palette(target, Image.open(source))
            if not fingerprint.codebooks and source.exists():
                add_codebook(target, Image.open(source).convert("RGB"), extractor)
                fingerprint = engine.load_fingerprint(target, extractor)
        else:
            painting = Image.open(source).convert("RGB")
            engine.fingerprint_of(painting, extractor).save(target)
            fingerprint = engine.load_fingerprint(target, extractor)  # what ships is what is painted with
            (folder / "swatch.webp").unlink(missing_ok=True)
            (folder / "example.webp").unlink(missing_ok=True)
        measured = folder / f"parts{suffix}.safetensors"
        if (folder / PART_MAP).exists() and not measured.exists() and source.exists():
            add_parts(folder, Image.open(source).convert("RGB"), extractor, measured)
        if not (folder / "swatch.webp").exists():
            card(Image.open(source).convert("RGB"), extractor).save(folder / "swatch.webp", quality=70, method=6)
            (folder / "swatch.avif").unlink(missing_ok=True)
        if not (folder / "swatch.avif").exists():
            save_small(Image.open(folder / "swatch.webp"), folder / "swatch.avif")
        if args.photos and not (folder / "example.webp").exists():
            photos = [Image.open(path).convert("RGB") for path in args.photos]
            save_example(example(photos, fingerprint, extractor), folder / "example.webp")


def add_parts(folder: Path, painting: Image.Image, extractor: engine.Extractor, path: Path) -> None:
    """Measure the parts of a painting that its style's folder has a map of."""
    names = [part["name"] for part in tomllib.loads((folder / PARTS).read_text())["parts"]]
    where = engine.PartMap.of_palette(Image.open(folder / PART_MAP), names)
    engine.save_parts(engine.parts_of(painting, where, extractor), extractor, path)


def card(painting: Image.Image, extractor: engine.Extractor) -> Image.Image:
    """A square that people know the painting by, CARD_SIDE pixels."""
    longest = round(CARD_SIDE * max(painting.size) / min(painting.size))
    codebook = codebook_of(painting, extractor, scales=(*CARD_SCALES, longest), count=CARD_CELLS)
    return ImageOps.fit(engine.repaint(codebook, extractor, longest), (CARD_SIDE, CARD_SIDE), centering=CARD_CENTER)


def example(photos: list[Image.Image], style: engine.Fingerprint, extractor: engine.Extractor) -> Image.Image:
    """A portrait and a city side by side above a landscape, each cut to its place and then painted: a square."""
    sheet = Image.new("RGB", (EXAMPLE_SIDE, EXAMPLE_SIDE), "white")
    for photo, (left, top, right, bottom) in zip(photos, EXAMPLE_PLACES, strict=True):
        size = (right - left, bottom - top)
        motif = ImageOps.fit(photo, (2 * size[0], 2 * size[1]), centering=CARD_CENTER)
        scene = engine.Scene.of(motif, style)
        painted = engine.paint(scene, extractor, engine.PaintOptions(size=max(size))).picture.image()
        sheet.paste(painted, (left, top))
    return sheet


def save_example(sheet: Image.Image, path: Path) -> None:
    for quality in EXAMPLE_QUALITIES:
        sheet.save(path, quality=quality, method=6)
        if path.stat().st_size <= EXAMPLE_BYTES:
            return


def save_small(swatch: Image.Image, path: Path) -> None:
    """What the page shows of a card: all that a first view loads has 200 kB."""
    small = swatch.convert("RGB").resize((SMALL_SIDE, SMALL_SIDE), Image.Resampling.LANCZOS)
    small.save(path, quality=36, speed=0)


def is_current(path: Path, extractor: engine.Extractor) -> bool:
    """Whether a fingerprint is there and made with these very weights."""
    try:
        engine.load_fingerprint(path, extractor)
    except (engine.FingerprintFormatError, engine.FingerprintMismatchError):
        return False
    return True


if __name__ == "__main__":
    main()
