"""Train the decoder: one network that draws at once what the studio's evaluations find, for any painting.

One resumable command:

    python -m training.decoder --photos ../shared/data/train

Its loss is the studio's own objective, of a crop of a photo and the codebook of one of the gallery's paintings, drawn
anew at each step: what it draws is what the studio would have painted. Paintings themselves are not needed. A run that
was interrupted continues from its newest checkpoint, on the same examples.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor
from tqdm import tqdm

from training import loop
from training.distill import load_images
from worker import engine
from worker.engine.brief import Brief
from worker.engine.colors.color import recolored
from worker.engine.images import in_floats, resized, to_bytes, to_image
from worker.engine.memory.tiling import Window
from worker.engine.networks.decoder import Decoder
from worker.engine.networks.extractors import DECODER_FILE, Extractor
from worker.engine.objective import Objective, Targets
from worker.engine.options import PaintOptions
from worker.engine.style.cells import CELL, CELL_LAYERS
from worker.engine.style.match import CellPart, Match

HELD_OUT = 48  # photos
SCALES = (96, 1024)  # of the codebooks
# Cells a side over which the places within cells are compared: a grain of the cells' own period shows, strokes do not.
NEIGHBORHOOD = 8
KNOWN = 5.0  # what a difference in known pixels counts
SAMPLES = 6


@dataclass(frozen=True)
class Recipe:
    """What decides the result of a run; saved beside its checkpoints.

    `content` is what the photo counts, instead of its weight in the studio: what is drawn at once keeps less of it.
    `known` is the share of examples whose cells are the crop's own, so that their pixels are known. `grain` weighs
    `regular_grain`, and `strengths` are from where to where the photo's weight goes, in half of the examples.
    """

    steps: int = 12_000
    batch: int = 4
    crops: tuple[int, ...] = (128, 128, 192, 256)
    learning_rate: float = 1e-3
    warmup: int = 100
    averaged: float = 0.998
    content: float = 1.6
    known: float = 0.12
    grain: float = 400.0
    strengths: tuple[float, float] = (0.35, 3.0)
    seed: int = 0


class Example(NamedTuple):
    """What the decoder is given, and the objective of what it draws."""

    matched: Tensor
    photo: Tensor
    pixels: Tensor
    strength: float
    objective: Objective
    is_known: bool = False

    def drawn(self, decoder: Decoder) -> Tensor:
        """What the decoder makes of it, in bfloat16 where that is fast."""
        dtype = self.objective.extractor.dtype
        with torch.autocast(self.pixels.device.type, torch.bfloat16, enabled=dtype == torch.bfloat16):
            drawn: Tensor = decoder(self.matched, self.photo, self.pixels, self.strength)
        return drawn.float()

    def loss(self, decoder: Decoder, grain: float) -> tuple[Tensor, Tensor]:
        """The studio's objective over its style weight, and the grain's share of the loss beside it.

        Where pixels are known, it is their distance instead.
        """
        drawn = self.drawn(decoder)
        if self.is_known:
            return KNOWN * (drawn - self.pixels).abs().mean(), drawn.new_zeros(())
        found = self.objective(drawn) / self.objective.recipe.style_weight
        return found, grain * regular_grain(drawn, self.pixels)


def regular_grain(drawn: Tensor, photo: Tensor) -> Tensor:
    """What fine structure of [B, 3, H, W] is left in means over cells, at each place within them, beyond the photo's.

    Nothing in a painting knows where cells begin, but a network that draws cell by cell does.
    """
    energies = []
    for pixels in (drawn, photo):
        fine = pixels - F.avg_pool2d(F.pad(pixels, (2, 2, 2, 2), mode="reflect"), 5, 1)
        places = F.pixel_unshuffle(fine, CELL)
        energies.append(F.avg_pool2d(places, NEIGHBORHOOD, NEIGHBORHOOD // 2).square().mean(1))
    return F.relu(energies[0] - energies[1]).mean()


class Studio:
    """Photos, paintings' codebooks, and what becomes of one with another."""

    def __init__(
        self,
        photos: Sequence[Image.Image],
        styles: Sequence[engine.Fingerprint],
        extractor: Extractor,
        chosen: Recipe,
    ) -> None:
        self._photos, self._styles, self._extractor, self._chosen = photos, styles, extractor, chosen

    def example(self, decoder: Decoder, rng: random.Random) -> Example:
        """A crop, matched as in a painting that is under way: half of them with what the last scale would have been."""
        chosen, style = self._chosen, rng.choice(self._styles)
        scale = math.exp(rng.uniform(*map(math.log, SCALES)))
        strength = 1.0 if rng.random() < 0.5 else math.exp(rng.uniform(*map(math.log, chosen.strengths)))
        motif = self._crop(rng, scale, rng.choice(chosen.crops))
        assert style.palette is not None
        motif = recolored(motif, [style.palette], [None])
        if rng.random() < chosen.known:
            example = self._matched(style, scale, in_floats(motif), in_floats(motif), 1.0, strength, 0)
            return example._replace(matched=example.photo, is_known=True)
        iterate, share = in_floats(motif), rng.uniform(0.25, 0.6)
        size = (motif.shape[3], motif.shape[2])
        if rng.random() < 0.5 and min(size) >= 128:
            small = resized(iterate, (size[0] // 2, size[1] // 2))
            before = self._matched(style, scale / 2, small, small, 0.3, strength, rng.getrandbits(30))
            with torch.no_grad():
                iterate = resized(before.drawn(decoder), size)
        return self._matched(style, scale, in_floats(motif), iterate, share, strength, rng.getrandbits(30))

    def _crop(self, rng: random.Random, scale: float, side: int) -> Tensor:
        """Bytes [1, 3, H, W] of sides that are multiples of 16, from a photo at about that scale."""
        photo = rng.choice(self._photos)
        ratio = min(1.0, max(scale * math.exp(rng.uniform(-0.2, 0.2)), side * 0.75) / max(photo.size))
        width, height = (max(64, round(each * ratio)) for each in photo.size)
        photo = photo.resize((width, height), Image.Resampling.LANCZOS)
        sides = [min(side, each) // 16 * 16 for each in photo.size]
        left, top = (rng.randrange(each - cut + 1) for each, cut in zip(photo.size, sides, strict=True))
        crop = to_bytes(photo.crop((left, top, left + sides[0], top + sides[1])))
        if rng.random() < 0.5:
            crop = crop.flip(3)
        if rng.random() < 0.2:
            crop = crop.transpose(2, 3)
        # Brighter and darker, with less contrast and in other colours: photos are not all well exposed, and
        # skies and walls are hardly anything but a colour.
        gain, lift = (torch.tensor([rng.gauss(0, 0.15) for _ in range(3)]).view(1, 3, 1, 1) for _ in range(2))
        pixels = in_floats(crop.contiguous())
        mean = pixels.mean((2, 3), keepdim=True)
        contrast = torch.exp(gain - abs(rng.gauss(0, 0.2))) if rng.random() < 0.95 else 0.02
        pixels = (pixels - mean) * contrast + mean + 0.4 * lift
        return (pixels.clamp(0, 1) * 255).round().byte()

    def _matched(
        self,
        style: engine.Fingerprint,
        scale: float,
        motif: Tensor,
        iterate: Tensor,
        share: float,
        strength: float,
        seed: int,
    ) -> Example:
        extractor, device = self._extractor, self._extractor.device
        height, width = motif.shape[2:]
        brief = Brief.of((width, height), PaintOptions(strength=strength), extractor)
        matching = brief.recipe.matching.of_crop(scale)
        brief = replace(brief, recipe=replace(brief.recipe, content_weight=self._chosen.content, matching=matching))
        everywhere = torch.ones(height // CELL, width // CELL, device=device)
        part = CellPart(style.book(scale).to(device), everywhere)
        objective = Objective(brief, Targets(motif, cells=[part]))
        match = objective.match(iterate.to(device), share, seed)
        assert isinstance(match, Match)
        window = Window.whole(height, width)
        photo = objective.columns(motif.to(device), window).T.view(1, -1, *everywhere.shape)
        return Example(match.columns(window), photo, motif.to(device), strength, objective)


@torch.no_grad()
def evaluate(decoder: Decoder, studio: Studio, chosen: Recipe, samples: Path) -> dict[str, float]:
    """Means of loss and grain over crops of photos that it never saw; some of what it draws lies in `samples`."""
    losses, pictures = [], []
    for index in range(HELD_OUT):
        example = studio.example(decoder, random.Random(index))
        losses.append(torch.stack(example.loss(decoder, chosen.grain)))
        if index < SAMPLES:
            pictures.append(to_image(torch.cat([example.pixels, example.drawn(decoder)], 2)))
    sheet = Image.new("RGB", (sum(each.width for each in pictures), max(each.height for each in pictures)))
    left = 0
    for each in pictures:
        sheet.paste(each, (left, 0))
        left += each.width
    sheet.save(samples)
    found, grain = torch.stack(losses).mean(0).tolist()
    return {"objective": found, "grain": grain}


def train(args: argparse.Namespace, chosen: Recipe) -> None:
    run: Path = args.run
    run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(chosen.seed)
    extractor = engine.load_extractor("compact", args.models, Path())
    paths = sorted(args.styles.glob("*/fingerprint.safetensors"))
    styles = [engine.load_fingerprint(path, extractor) for path in tqdm(paths, desc="reading codebooks", leave=False)]
    photos = [Image.fromarray(each) for each in load_images(args.photos, shortest=512)]
    studio, held_out = (Studio(each, styles, extractor, chosen) for each in (photos[HELD_OUT:], photos[:HELD_OUT]))

    net = Decoder(sum(extractor.channels[layer] for layer in CELL_LAYERS))
    if args.begin_with:
        net.load_state_dict({name: values.float() for name, values in load_file(args.begin_with).items()})
    net = net.to(extractor.device).to(memory_format=torch.channels_last)

    def learn(net: Decoder, rng: random.Random) -> Tensor:
        losses = []
        for _ in range(chosen.batch):  # one after the other: their sizes differ
            loss = torch.stack(studio.example(net, rng).loss(net, chosen.grain))
            (loss.sum() / chosen.batch).backward()
            losses.append(loss.detach().cpu())
        return torch.stack(losses).mean(0)

    def examine(net: Decoder) -> dict[str, float]:
        return evaluate(net, held_out, chosen, run / "samples.png")

    metadata = {"extractor": extractor.weights_hash}
    course = loop.Course(DECODER_FILE, ("objective", "grain"), learn, examine, metadata)
    loop.train(net, course, chosen, run, args.every)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--styles", type=Path, default=Path("styles"), help="the gallery, for its codebooks")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--begin-with", type=Path, help="weights of a decoder, instead of random ones")
    parser.add_argument("--run", type=Path, default=Path("training/runs/decoder"), help="checkpoints, log and samples")
    parser.add_argument("--every", type=int, default=250, help="steps between evaluations and checkpoints")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    for name, default in asdict(Recipe()).items():
        if not isinstance(default, tuple):
            parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    args = parser.parse_args(arguments)
    torch.set_num_threads(args.threads)
    asked = {name: getattr(args, name) for name in asdict(Recipe()) if hasattr(args, name)}
    train(args, Recipe(**asked))


if __name__ == "__main__":
    main()
