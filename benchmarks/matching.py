"""Ways to match cells that the studio does not take, beside its own: seconds, and the judge's figures.

    python -m benchmarks.matching

Some need all of a painting's cells in their places, so its pixels: a codebook keeps 950 of a scale, without places.
Artworks are kept, to be looked at (--out).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from unittest.mock import patch

import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from benchmarks.measure import MODELS, SHARED, STYLES, machine, measured, shared_pictures
from benchmarks.quality import load_judge
from worker import engine
from worker.engine.brief import Brief
from worker.engine.images import fitted_size, in_floats, to_tensor
from worker.engine.memory.tiling import Window
from worker.engine.networks.extractors import Extractor
from worker.engine.objective import Objective
from worker.engine.style.cells import CELL, soft_colors
from worker.engine.style.codebook import Book, cells_of, plain_view
from worker.engine.style.match import CellPart, Match
from worker.engine.style.patches import PatchMatch

# The hard ones among them: faces, ornament, large empty parts.
PAIRS = [
    ("portrait_barista", "the_kiss"),
    ("portrait_barista", "the_scream"),
    ("portrait_barista", "great_wave"),
    ("golden_gate", "great_wave"),
    ("cat_calico", "starry_night"),
    ("mountain_lake", "composition_vii"),
    ("tubingen", "starry_night"),
    ("still_life_cheese", "la_grande_jatte"),
]
SIZE = 512
USAGE, COLORS, ROUNDS = 0.1, 1.0, 8  # as in the studio
DEEP, DEEP_SCALE = "relu5_1", 128  # the largest scale at which the larger context counts
SINKHORN_ROUNDS = 50
PASSES = 4  # over all cells, each taking the best for its neighbours as they are


@dataclass(frozen=True)
class Seen:
    """A picture's or a painting's cells, in rows of `width`.

    Attributes:
        columns, colors: [N, C] and [N, 3], as in the engine.
        deep: [N, D], of DEEP; None where it does not count.
        width: cells in a row; of a codebook, whose cells have no places, 0.
    """

    columns: Tensor
    colors: Tensor
    deep: Tensor | None
    width: int


# Of each cell of a picture, the number of the painting's cell that it is to become: [N].
Way = Callable[[Seen, Seen, Book], Tensor]


def unit(columns: Tensor) -> Tensor:
    """Directions from the mean."""
    return F.normalize(columns - columns.mean(0), dim=1)


def worth(here: Seen, there: Seen, book: Book) -> Tensor:
    """[N, K]: cosine, less the distance of colours; of the deep layer half as much again."""
    found = unit(here.columns) @ F.normalize(book.deviations, dim=1).T
    if here.deep is not None and there.deep is not None:
        found = (found + 0.5 * unit(here.deep) @ unit(there.deep).T) / 1.5
    return found + COLORS * (2 * here.colors @ there.colors.T - there.colors.square().sum(1))


def priced(found: Tensor, book: Book) -> Tensor:
    """The same, less the studio's prices on what is used too often."""
    prices = torch.zeros(found.shape[1])
    for _ in range(ROUNDS):
        used = torch.bincount((found - prices).argmax(1), minlength=len(prices)) / len(found)
        prices += 0.1 * USAGE * ((used / book.masses).clamp(max=20) - 1).clamp_min(-0.2)
    return found - prices


def nearest(here: Seen, there: Seen, book: Book) -> Tensor:
    """The studio's way, without what a seed draws."""
    return priced(worth(here, there, book), book).argmax(1)


def sinkhorn(temperature: float, relaxed: float) -> Way:
    """Entropic transport with a relaxed marginal on the painting's side, and of each cell its likeliest.

    Source: Cuturi, "Sinkhorn Distances" (NeurIPS 2013), algorithm 1; Chizat et al., "Scaling Algorithms for Unbalanced
    Transport Problems" (Math. Comp. 2018), table 1, for the relaxation: 1 is balanced, 0 has no prices.
    """

    def way(here: Seen, there: Seen, book: Book) -> Tensor:
        scaled = worth(here, there, book) / temperature
        masses, potentials = book.masses.log(), torch.zeros(scaled.shape[1])
        for _ in range(SINKHORN_ROUNDS):
            rows = -torch.logsumexp(scaled + potentials, 1) - torch.tensor(float(len(scaled))).log()
            potentials = relaxed * (masses - torch.logsumexp(scaled + rows[:, None], 0))
        return (scaled + potentials).argmax(1)

    return way


def patches(here: Seen, there: Seen, book: Book) -> Tensor:
    """By 3×3 cells at a time (Li and Wand, CVPR 2016, eq. 3)."""

    def wide(seen: Seen) -> Seen:
        grid = unit(seen.columns).T.view(1, -1, len(seen.columns) // seen.width, seen.width)
        return replace(seen, columns=F.unfold(F.pad(grid, (1,) * 4, mode="replicate"), 3)[0].T)

    large = wide(there)
    channels = large.columns.shape[1]
    found = replace(book, codes=large.columns - large.columns.mean(0), directions=torch.eye(channels))
    return priced(worth(wide(here), large, found), book).argmax(1)


def coherent(bonus: float) -> Way:
    """A cell gains by each neighbour whose match is its match's neighbour.

    Source: Ashikhmin, "Synthesizing Natural Textures" (I3D 2001), for the candidates; the gain is in units of a cosine.
    """

    def way(here: Seen, there: Seen, book: Book) -> Tensor:
        found = priced(worth(here, there, book), book)
        shape, (height, width) = (len(found) // here.width, here.width), (len(book.masses) // there.width, there.width)
        entries = found.argmax(1).view(shape)
        places = torch.arange(len(found)).view(shape)
        for _ in range(PASSES):
            asked = []  # by each of the four neighbours: the cell beside its match
            for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
                rows, columns = entries // width + down, entries % width + right
                inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
                beside = torch.where(inside, rows * width + columns, -1).roll((down, right), (0, 1))
                edge = (slice(None), 0 if right > 0 else -1) if right else (0 if down > 0 else -1, slice(None))
                beside[edge] = -1
                asked.append(beside)
            candidates = torch.stack([entries, *asked], -1)
            gains = sum((candidates == each[..., None]).float() for each in asked)
            values = found[places[..., None], candidates.clamp_min(0)] + bonus * gains
            best = values.masked_fill(candidates < 0, -torch.inf).argmax(-1, keepdim=True)
            entries = candidates.gather(-1, best)[..., 0]
        return entries.flatten()

    return way


@dataclass(frozen=True)
class Variant:
    """A way to match, on a codebook or on all of a painting's cells, which may have larger context at coarse scales.

    None is the studio's own.
    """

    name: str
    way: Way | None
    needs_pixels: bool = False
    sees_deep: bool = False


VARIANTS = [
    Variant("as in the studio", None),
    Variant("each cell by itself", nearest),
    Variant("Sinkhorn, balanced", sinkhorn(0.05, 1.0)),
    Variant("Sinkhorn, relaxed", sinkhorn(0.05, 0.5)),
    Variant("Sinkhorn, hardly priced", sinkhorn(0.05, 0.2)),
    Variant("all of the painting's cells", nearest, needs_pixels=True),
    Variant("and relu5_1 at 64 and 128", nearest, needs_pixels=True, sees_deep=True),
    Variant("and in patches of 3×3", patches, needs_pixels=True),
    Variant("and coherent, 0.03", coherent(0.03), needs_pixels=True),
    Variant("and coherent, 0.1", coherent(0.1), needs_pixels=True),
]


def deep_of(pixels: Tensor, extractor: Extractor) -> Tensor:
    """[N, D]: the deep layer of pixels [1, 3, H, W] on the grid of cells."""
    grid = (pixels.shape[2] // CELL, pixels.shape[3] // CELL)
    found = extractor(pixels, [DEEP], "average")[DEEP].float()
    return F.interpolate(found, grid, mode="bilinear", align_corners=False)[0].flatten(1).T


@contextmanager
def matching(variant: Variant, painting: Image.Image) -> Iterator[None]:
    """While it lasts, the engine matches a whole picture in this way."""
    way = variant.way
    if way is None:
        yield
        return
    there: dict[int, Seen] = {}
    usual_cells = engine.Scene.cells

    def cells(scene: engine.Scene, size: tuple[int, int], brief: Brief, motif: Tensor) -> tuple[list[CellPart], Tensor]:
        parts, motif = usual_cells(scene, size, brief, motif)
        book, side = parts[0].book, min(max(size), max(painting.size))
        if variant.needs_pixels:
            extractor = brief.extractor
            columns, colors = cells_of(painting, extractor, side, views=plain_view)
            fitted = fitted_size(painting.size, side)
            deep = deep_of(to_tensor(painting, fitted), extractor) if variant.sees_deep and side <= DEEP_SCALE else None
            there[max(size)] = Seen(columns, colors, deep, fitted[0] // CELL)
            masses, average = torch.full((len(columns),), 1 / len(columns)), columns.mean(0)
            sources = torch.zeros(len(columns), dtype=torch.long)
            channels = torch.eye(len(average))
            book = Book(columns - average, channels, colors, masses, sources, average[None], torch.ones(1))
        else:
            there[max(size)] = Seen(book.columns, book.colors, None, 0)
        return [CellPart(book, parts[0].area, parts[0].emphasis)], motif

    def match(
        objective: Objective, pixels: Tensor, share: float, _seed: int = 0, _known: Sequence[Tensor] = (),
        color_share: float | None = None,
    ) -> Match | PatchMatch:  # fmt: skip
        assert objective.photo is not None
        window, extractor = Window.whole(*pixels.shape[2:]), objective.extractor
        painted = there[max(pixels.shape[2:])]
        photo, iterate = in_floats(objective.photo), in_floats(pixels)
        columns = torch.lerp(objective.columns(iterate, window), objective.columns(photo, window), share)
        mixed = share if color_share is None else color_share
        colors = torch.lerp(soft_colors(iterate, window), soft_colors(photo, window), mixed)
        deep = None
        if painted.deep is not None:
            deep = torch.lerp(deep_of(iterate, extractor), deep_of(photo, extractor), share)
        here = Seen(columns, colors, deep, window.width // CELL)
        entries = way(here, painted, objective.cells[0].book).to(torch.int16).view(-1, here.width)
        return usual_match(objective, pixels, share, known=[entries])

    usual_match = Objective.match
    with patch.object(engine.Scene, "cells", cells), patch.object(Objective, "match", torch.no_grad()(match)):
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [variant.name for variant in VARIANTS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help="; ".join(names))
    parser.add_argument("--out", type=Path, default=Path("build/matching"), help="where the artworks are kept")
    args = parser.parse_args()

    judge = load_judge(SHARED / "tools" / "judge.py")
    weights = load_file(judge.WEIGHTS)
    # In float32: what is compared is the matching, and not how values are rounded.
    extractor = engine.load_extractor("compact", MODELS, Path())
    photos = shared_pictures("photos", [photo for photo, _ in PAIRS])
    paintings = shared_pictures("paintings", [painting for _, painting in PAIRS])
    print(machine(), file=sys.stderr)
    print("| | seconds | near | cover | struct | flat |")
    print("|---|---|---|---|---|---|")
    for variant in (each for each in VARIANTS if each.name in args.only):
        rows = []
        for photo_name, style_name in PAIRS:
            style = engine.load_fingerprint(STYLES / style_name / "fingerprint.safetensors", extractor)
            scene = engine.Scene.of(Image.open(photos[photo_name]).convert("RGB"), style)
            painting = Image.open(paintings[style_name]).convert("RGB")
            with matching(variant, painting), measured() as measurement:
                picture = engine.paint(scene, extractor, engine.PaintOptions(size=SIZE)).picture.image()
            target = args.out / variant.name / f"{photo_name}-{style_name}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            picture.save(target)
            judged = judge.judge(weights, photos[photo_name], paintings[style_name], target)
            rows.append([measurement.seconds, *judged])
        seconds, *figures = (mean(column) for column in zip(*rows, strict=True))
        print(f"| {variant.name} | {seconds:.1f} | {' | '.join(f'{each:.3f}' for each in figures)} |", flush=True)


if __name__ == "__main__":
    main()
