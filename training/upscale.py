"""Train the upscaler: a network that doubles a picture's sides, of photos and of the project's own artworks.

One resumable command:

    python -m training.upscale --photos ../shared/data/train --paint 200

It is given crops that were halved, and compared with what they were before: by their pixels, and by the activations of
the project's own extractor, as in Johnson et al. (ECCV 2016), eq. 2. `--paint` has photos painted first, each after
another of the gallery's paintings; pictures from elsewhere are named with `--artworks`. A run that was interrupted
continues from its newest checkpoint, on the same examples.

What came of it, beside Lanczos and the original, of any pictures and any weights:

    python -m training.upscale --compare a.jpg b.png --run training/runs/upscale
"""

from __future__ import annotations

import argparse
import io
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from training import loop
from training.distill import load_images
from worker import engine
from worker.engine.images import to_image, to_tensor
from worker.engine.losses.terms import squared_distance
from worker.engine.networks.extractors import Extractor
from worker.engine.networks.upscale import HALO, UPSCALER_FILE, Upscaler

HELD_OUT = 24  # of the photos, and of the artworks; a quarter of fewer than four times as many
# How pictures come to be half as large.
KERNELS = (Image.Resampling.BOX, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
LAYERS = ("relu1_1", "relu2_1", "relu3_1")
SMOOTH = 1e-3  # of the differences that count by their squares
SIDE = 192  # of a picture in a sheet
LOOKED_AT = 320  # side of what is evaluated of one while training
SAMPLES = 6
SHORTEST = 768  # side of a picture at most, before it is shrunk at random


@dataclass(frozen=True)
class Recipe:
    """What decides the result of a run; saved beside its checkpoints.

    `perceptual` is what activations count beside pixels, `painted` the share of examples that are of artworks, if there
    are any, and `jpeg` of those that were compressed when they were small.
    """

    steps: int = 4000
    batch: int = 6
    crop: int = 128
    learning_rate: float = 2e-3
    warmup: int = 100
    averaged: float = 0.995
    perceptual: float = 0.02
    painted: float = 0.6
    jpeg: float = 0.1
    seed: int = 0


def halved(picture: Image.Image, kernel: Image.Resampling) -> Image.Image:
    """Half as wide and half as high, with 8 bits a channel."""
    return picture.resize((picture.width // 2, picture.height // 2), kernel)


def example(
    photos: Sequence[Image.Image], artworks: Sequence[Image.Image], chosen: Recipe, rng: random.Random
) -> tuple[Tensor, Tensor]:
    """A crop [1, 3, crop, crop] and what is seen of it when it is halved, with HALO pixels around."""
    picture = rng.choice(artworks if artworks and rng.random() < chosen.painted else photos)
    side = chosen.crop + 4 * HALO
    # Shrunk, a photo has no traces of its own compression, and strokes are sharper than they were painted.
    ratio = min(1.0, max(rng.uniform(0.5, 1.0), side / min(picture.size)))
    span = side / ratio
    left, top = (rng.uniform(0, max(0.0, each - span)) for each in picture.size)
    box = (left, top, min(left + span, picture.width), min(top + span, picture.height))
    crop = picture.resize((side, side), Image.Resampling.LANCZOS, box)
    for turn in (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_TOP_BOTTOM, Image.Transpose.TRANSPOSE):
        crop = crop.transpose(turn) if rng.random() < 0.5 else crop
    bands = [crop.getchannel(band) for band in rng.sample("RGB", 3)]
    crop = Image.merge("RGB", bands) if rng.random() < 0.5 else crop
    small = halved(crop, rng.choice(KERNELS))
    if rng.random() < chosen.jpeg:
        file = io.BytesIO()
        small.save(file, "JPEG", quality=rng.randrange(85, 97))
        small = Image.open(file)
    rim = 2 * HALO
    return to_tensor(crop.crop((rim, rim, side - rim, side - rim))), to_tensor(small)


def losses(upscaler: Upscaler, around: Tensor, wanted: Tensor, extractor: Extractor) -> Tensor:
    """Difference of pixels, and of activations relative to what they are: two numbers.

    Source: Charbonnier et al. (ICIP 1994) for the first, √(d² + ε²), which is less blurred by what cannot be known than
    squares are; Johnson et al. (ECCV 2016), eq. 2, for the second, at layers near to the pixels.
    """
    with torch.autocast(around.device.type, torch.bfloat16, enabled=extractor.dtype == torch.bfloat16):
        found = upscaler.inner(around).float()
    pixels = ((found - wanted).square() + SMOOTH**2).sqrt().mean()
    with torch.no_grad():
        targets = extractor(wanted, LAYERS)
    seen = extractor(found, LAYERS)
    relative = [
        squared_distance(seen[layer], targets[layer]) / targets[layer].float().square().sum() for layer in LAYERS
    ]
    return torch.stack([pixels, torch.stack(relative).mean()])


def psnr(one: Tensor, other: Tensor) -> float:
    """Peak signal-to-noise ratio of pictures in [0, 1], in dB."""
    return float(-10 * torch.log10((one - other).square().mean()))


@torch.no_grad()
def enlarged(picture: Image.Image, kernel: Image.Resampling, upscaler: Upscaler) -> tuple[Tensor, Tensor, Tensor]:
    """A picture of even sides, and what Lanczos and the network make of it when it is halved, [1, 3, H, W] each."""
    small = halved(picture, kernel)
    device = upscaler.entry.weight.device
    return (
        to_tensor(picture),
        to_tensor(small.resize(picture.size, Image.Resampling.LANCZOS)),
        upscaler(to_tensor(small).to(device)).clamp(0, 1).cpu(),
    )


def compared(pictures: Sequence[Image.Image], upscaler: Upscaler) -> tuple[dict[str, list[float]], Image.Image]:
    """PSNR by the kernel that halved them, of Lanczos and of the network, in dB; and a sheet to look at.

    In the sheet's rows: Lanczos, the network, the original; the middle of each picture, halved by its means.
    """
    found: dict[str, list[float]] = {}
    columns: list[Image.Image] = []
    for kernel in KERNELS:
        ratios = []
        for picture in tqdm(pictures, desc=f"halved by {kernel.name.lower()}", leave=False):
            even = picture.crop((0, 0, picture.width // 2 * 2, picture.height // 2 * 2))
            original, plain, drawn = enlarged(even, kernel, upscaler)
            ratios.append([psnr(plain, original), psnr(drawn, original)])
            if kernel is KERNELS[0]:
                columns.append(to_image(torch.cat([_middle(each) for each in (plain, drawn, original)], 2)))
        found[kernel.name.lower()] = torch.tensor(ratios).mean(0).tolist()
    sheet = Image.new("RGB", (SIDE * len(columns), 3 * SIDE))
    for index, each in enumerate(columns):
        sheet.paste(each, (SIDE * index, 0))
    return found, sheet


def _middle(pixels: Tensor) -> Tensor:
    top, left = ((length - SIDE) // 2 for length in pixels.shape[2:])
    return pixels[..., max(0, top) : max(0, top) + SIDE, max(0, left) : max(0, left) + SIDE]


def paint_artworks(folder: Path, count: int, photos: Path, styles: Path, size: int, extractor: Extractor) -> None:
    """Have the first `count` photos painted, each after another painting; those that are painted already stay."""
    folder.mkdir(parents=True, exist_ok=True)
    hanging = sorted(styles.glob("*/fingerprint.safetensors"))
    sources = [path for path in sorted(photos.iterdir()) if path.suffix.lower() in {".jpg", ".jpeg", ".png"}]
    # From all over the folder: neighbours are alike.
    chosen = [sources[len(sources) * index // count] for index in range(min(count, len(sources)))]
    fingerprints: dict[Path, engine.Fingerprint] = {}
    for index, source in enumerate(tqdm(chosen, desc="painting")):
        target, path = folder / f"{source.stem}.png", hanging[index % len(hanging)]
        if target.exists():
            continue
        if path not in fingerprints:
            fingerprints[path] = engine.load_fingerprint(path, extractor)
        scene = engine.Scene.of(Image.open(source).convert("RGB"), fingerprints[path])
        options = engine.PaintOptions(preset="instant", size=size, seed=index)
        partial = target.with_suffix(".tmp")
        engine.paint(scene, extractor, options).picture.image().save(partial, "PNG")
        partial.replace(target)


def pictures_in(folder: Path | None) -> tuple[list[Image.Image], list[Image.Image]]:
    """The pictures of a folder that are large enough, if there is one: those that are held out, and all others."""
    found = [Image.fromarray(each) for each in load_images(folder, SHORTEST)] if folder else []
    found = [each for each in found if min(each.size) >= SIDE]
    held_out = min(HELD_OUT, len(found) // 4)
    return [_central(each) for each in found[:held_out]], found[held_out:]


def _central(picture: Image.Image) -> Image.Image:
    """The middle of a picture, LOOKED_AT pixels a side at most."""
    left, top = (max(0, (length - LOOKED_AT) // 2) for length in picture.size)
    return picture.crop((left, top, min(picture.width, left + LOOKED_AT), min(picture.height, top + LOOKED_AT)))


def train(args: argparse.Namespace, chosen: Recipe) -> None:
    run: Path = args.run
    run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(chosen.seed)
    extractor = engine.load_extractor("compact", args.models, Path())
    artworks_at = args.artworks
    if args.paint:
        artworks_at = artworks_at or run / "artworks"
        paint_artworks(artworks_at, args.paint, args.photos, args.styles, args.paint_size, extractor)
    held_out: dict[str, list[Image.Image]] = {}
    held_out["photos"], photos = pictures_in(args.photos)
    held_out["artworks"], artworks = pictures_in(artworks_at)
    if not photos:
        raise SystemExit(f"There are no JPEGs or PNGs in {args.photos} with sides of {SIDE} pixels and more.")

    net = Upscaler().to(extractor.device).to(memory_format=torch.channels_last)

    def learn(net: Upscaler, rng: random.Random) -> Tensor:
        pairs = [example(photos, artworks, chosen, rng) for _ in range(chosen.batch)]
        wanted, around = (torch.cat(each).to(extractor.device) for each in zip(*pairs, strict=True))
        loss = losses(net, around, wanted, extractor)
        (loss[0] + chosen.perceptual * loss[1]).backward()
        return loss

    def examine(net: Upscaler) -> dict[str, dict[str, list[float]]]:
        report = {}
        for name, pictures in held_out.items():
            if pictures:
                report[name], sheet = compared(pictures, net)
                sheet.crop((0, 0, SIDE * SAMPLES, sheet.height)).save(run / f"{name}.png")
        return report

    course = loop.Course(UPSCALER_FILE, ("pixels", "activations"), learn, examine)
    loop.train(net, course, chosen, run, args.every)


def compare(args: argparse.Namespace) -> None:
    """Print the figures of some pictures, and write the sheet beside the run's other files."""
    folder = args.run if (args.run / UPSCALER_FILE).exists() else args.models
    upscaler = engine.load_upscaler(folder, torch.device("cpu"), torch.float32)
    pictures = [Image.open(path).convert("RGB") for path in args.compare]
    found, sheet = compared(pictures, upscaler)
    print(f"{folder / UPSCALER_FILE}, {len(pictures)} pictures, dB")
    for kernel, (plain, drawn) in found.items():
        print(f"halved by {kernel:<8} Lanczos {plain:.2f}   network {drawn:.2f}   {drawn - plain:+.2f}")
    args.run.mkdir(parents=True, exist_ok=True)
    sheet.save(args.run / "compared.png")
    print(f"{args.run / 'compared.png'}: Lanczos, the network, the original")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--photos", type=Path, help="folder of photographs to train with")
    what.add_argument("--compare", type=Path, nargs="+", metavar="PICTURE", help="look at what came of it")
    parser.add_argument("--artworks", type=Path, help="folder of artworks, beside the photos")
    parser.add_argument("--paint", type=int, default=0, metavar="N", help="have so many photos painted first")
    parser.add_argument("--paint-size", type=int, default=1024, help="longest side of those in pixels")
    parser.add_argument("--styles", type=Path, default=Path("styles"), help="the gallery, to paint them after")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--run", type=Path, default=Path("training/runs/upscale"), help="checkpoints, log and samples")
    parser.add_argument("--every", type=int, default=500, help="steps between evaluations and checkpoints")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    for name, default in asdict(Recipe()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    args = parser.parse_args(arguments)
    torch.set_num_threads(args.threads)
    if args.compare:
        compare(args)
    else:
        train(args, Recipe(**{name: getattr(args, name) for name in asdict(Recipe())}))


if __name__ == "__main__":
    main()
