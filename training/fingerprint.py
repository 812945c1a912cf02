"""Make a style's fingerprint, swatch and example from its painting.

    python -m training.fingerprint --paintings FOLDER --photo PHOTO

FOLDER holds `<style id>.jpg` for each folder under styles/. The fingerprint is all that ships of a painting: the swatch
is a texture synthesised from it alone, the example a photo painted with it. A style whose files are newer than the
extractor's weights is left alone, so an interrupted run goes on where it stopped; a palette or a codebook that is
missing is added.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from app.settings import load_settings
from worker import engine
from worker.engine.fingerprint import add_codebook, add_palette

SWATCH_SIDE, SMALL_SIDE = 384, 288
EXAMPLE_SIDE = 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paintings", type=Path, required=True, help="folder of <style id>.jpg")
    parser.add_argument("--photo", type=Path, help="photo to paint as the example")
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
        if not (folder / "swatch.webp").exists():
            swatch = engine.synthesize(fingerprint, extractor, SWATCH_SIDE)
            swatch.save(folder / "swatch.webp", quality=80, method=6)
            (folder / "swatch.avif").unlink(missing_ok=True)
        if not (folder / "swatch.avif").exists():
            save_small(Image.open(folder / "swatch.webp"), folder / "swatch.avif")
        if args.photo and not (folder / "example.webp").exists():
            photo = Image.open(args.photo).convert("RGB")
            scene = engine.Scene.of(photo, fingerprint)
            example = engine.paint(scene, extractor, engine.PaintOptions(size=EXAMPLE_SIDE)).picture.image()
            example.save(folder / "example.webp", quality=82, method=6)


def save_small(swatch: Image.Image, path: Path) -> None:
    """What the page shows of a swatch: all that a first view loads has 200 kB."""
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
