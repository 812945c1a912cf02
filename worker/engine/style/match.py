"""Matching: each cell of a picture is to become the cell of a painting that is most like it.

Source: Li and Wand, "Combining Markov Random Fields and Convolutional Neural Networks for Image Synthesis" (CVPR 2016),
eq. 3, for the nearest patch by normalised cross-correlation; Kolkin et al., "Neural Neighbor Style Transfer"
(arXiv 2203.13215), section 3.2, for hypercolumns of several layers matched by cosine, each side centred on its mean. We
differ: colours count as well, cells that are used beyond their share of the painting become dearer, and targets are
those of a codebook.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from worker.engine.memory.tiling import Window
from worker.engine.networks.extractors import Extractor, geometry
from worker.engine.style.cells import CELL, CELL_LAYERS
from worker.engine.style.codebook import Book

SAMPLE = 8192  # cells from which prices are found
# A cell that is used more than its share becomes dearer by up to so many times that; one that is not, hardly cheaper.
MOST_USED, LEAST_USED = 20.0, -0.2
# Rounds in which sources' shares are met, the first step, and what each next one is of it.
SHARE_ROUNDS, SHARE_STEP, SHARE_DECAY = 32, 0.5, 0.9
EPSILON = 1e-8
TELLING = 0.01  # what two cells differ by, at least, where a painting has any shapes; activations have a mean of 1
STRANGENESS = 0.25  # what another part's cell costs, in cosines, at a fidelity of one half
BLOCK = 4096  # cells that are compared at a time

# The core's columns [N, C] and soft colours [N, 3] of a window.
Look = Callable[[Window], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Matching:
    """How cells are matched.

    Attributes:
        colors: what the squared distance of two soft colours counts, beside a cosine.
        usage: what a cell that is used too often costs.
        rounds: how often what is used too often grows dearer: the more, the more evenly cells are used.
        photo: the share of the photo in what is matched, at the first scale and at the last.
        draw: standard deviation of the prices that a seed draws: with another one, others of like cells are taken.
    """

    colors: float = 1.0
    usage: float = 0.1
    rounds: int = 8
    photo: tuple[float, float] = (0.35, 0.58)
    draw: float = 0.02


class Target(NamedTuple):
    """What a layer of a window's core is compared with, by factor · mean over C of (F − values)² + rest.

    Attributes:
        values: [1, C, h, w].
        factor: [1, 1, h, w], what each position counts.
        rest: a number, of the core, that does not depend on the picture.
    """

    values: Tensor
    factor: Tensor
    rest: Tensor | float = 0.0


@dataclass(frozen=True)
class CellPart:
    """A book, and where it is painted from.

    Attributes:
        area: [h, w], of each cell, 0 to 1.
        emphasis: what the deviations of what cells are to become are multiplied by.
        prices: [K], what each of the book's cells costs from the beginning; None is nothing.
    """

    book: Book
    area: Tensor
    emphasis: float = 1.0
    prices: Tensor | None = None

    @property
    def columns(self) -> Tensor:
        """What the picture's cells may become [K, C]; as after ReLU, nothing is negative."""
        return (self.book.columns + (self.emphasis - 1) * self.book.deviations).clamp_min(0)


@dataclass(frozen=True)
class Match:
    """What each cell is to become: of each part, the number of the book's cell, int16 [h, w]."""

    parts: tuple[CellPart, ...]
    entries: tuple[Tensor, ...]

    def columns(self, window: Window) -> Tensor:
        """What a window's core is to become [1, C, h, w]: where parts meet, their columns mixed by their areas."""
        rows, cells = window.cells(CELL)
        shape = (rows.stop - rows.start, cells.stop - cells.start)
        mixed: Tensor | float = 0.0
        total: Tensor | float = 0.0
        for part, entries in zip(self.parts, self.entries, strict=True):
            area = part.area[None, None, rows, cells]
            found = part.columns[entries[rows, cells].flatten().long()].T.view(1, -1, *shape)
            mixed, total = mixed + area * found, total + area
        assert isinstance(mixed, Tensor)
        assert isinstance(total, Tensor)
        return mixed / total.clamp_min(EPSILON)

    def area(self, window: Window) -> Tensor:
        """How much of each of a window's core's cells is painted [1, 1, h, w]."""
        return self._area(window, [1.0] * len(self.parts))

    def told(self, window: Window) -> Tensor:
        """The same, of parts whose books have any two cells that differ: those of a single colour tell no shapes."""
        return self._area(window, [float(part.book.deviations.abs().max() > TELLING) for part in self.parts])

    def _area(self, window: Window, weights: Sequence[float]) -> Tensor:
        rows, cells = window.cells(CELL)
        areas = [part.area[None, None, rows, cells] * each for part, each in zip(self.parts, weights, strict=True)]
        return torch.stack(areas).sum(0)

    def targets(self, window: Window, extractor: Extractor) -> dict[str, Target]:
        """Of each layer, the target of a window's core, on the grid that `on_cells` has.

        The factor is the share of the cell that is painted, over the painting's variance in that layer: a distance of 1
        is that of any two of its cells. Where parts meet, targets and variances are mixed by their areas.
        """
        rows, cells = window.cells(CELL)
        widths = [extractor.channels[layer] for layer in CELL_LAYERS]
        spreads = torch.stack(
            [part.area[None, None, rows, cells] * variances(part.book, widths)[:, None, None] for part in self.parts]
        ).sum(0)
        targets = torch.split(self.columns(window), widths, 1)
        factors = torch.split(self.area(window).square() / spreads.clamp_min(EPSILON), 1, 1)
        result = {}
        for layer, target, factor in zip(CELL_LAYERS, targets, factors, strict=True):
            coarser = max(1, geometry(layer, extractor.layers)[0] // CELL)
            pair = (F.avg_pool2d(each, coarser) if coarser > 1 else each for each in (target, factor))
            target, factor = (each.contiguous(memory_format=torch.channels_last) for each in pair)
            result[layer] = Target(target.to(extractor.dtype), factor)
        return result


def variances(book: Book, widths: Sequence[int]) -> Tensor:
    """[L]: of each layer, the mean square of the book's deviations, each cell by its mass."""
    squares = book.masses @ book.deviations.square()
    return torch.stack([part.mean() for part in torch.split(squares, list(widths))])


def loosened(parts: Sequence[CellPart], fidelity: float) -> list[CellPart]:
    """Parts that take cells of each other's as well, at a price: the lower the fidelity (0 to 1), the sooner.

    At 1 each takes its own alone; at 0 any is as good, and where cells look like is all that counts. The price is
    STRANGENESS · f / (1 − f), and the others' cells together have 1 − f of the mass of a part's own.

    Source: Champandard, arXiv 1603.01768, section 3, where a map's channels beside the activations have a weight.
    """
    if fidelity >= 1 or len(parts) < 2:
        return list(parts)
    price = STRANGENESS * fidelity / (1 - fidelity)
    result = []
    for part in parts:
        own, others = part.book, [each.book for each in parts if each is not part]
        # As deviations from this part's own means, which alone its sources' shares are of.
        sources = [each.sources.clamp_max(len(own.means) - 1) for each in others]
        strange = [each.columns - own.means[numbers] for each, numbers in zip(others, sources, strict=True)]
        masses = [each.masses * (1 - fidelity) / len(others) for each in others]
        together = torch.cat([own.masses, *masses])
        book = Book(
            torch.cat([own.deviations, *strange]),
            torch.cat([own.colors, *(each.colors for each in others)]),
            together / together.sum(),
            torch.cat([own.sources, *sources]),
            own.means,
            own.shares,
        )
        prices = torch.full_like(book.masses, price)
        prices[: len(own.masses)] = 0
        result.append(replace(part, book=book, prices=prices))
    return result


@torch.no_grad()
def matched(
    look: Look, windows: Sequence[Window], parts: Sequence[CellPart], matching: Matching, seed: int = 0
) -> Match:
    """Match every cell of a picture that `look` shows in windows.

    Prices are found on cells at equal distances, so that windows can be looked at one after the other.
    """
    height, width = windows[0].height // CELL, windows[0].width // CELL
    every = max(1, height * width // SAMPLE)
    kept = [look(windows[0])] if len(windows) == 1 else None  # looked at once, where that is all

    def seen() -> Iterator[tuple[tuple[slice, slice], Tensor, Tensor]]:
        for index, window in enumerate(windows):
            columns, colors = kept[index] if kept else look(window)
            yield window.cells(CELL), columns, colors

    places: list[Tensor] = []
    samples: list[tuple[Tensor, Tensor]] = []
    for (rows, cells), columns, colors in seen():
        # By their places in the whole, so that the prices are the same however it is looked at.
        places_here = torch.arange(rows.start, rows.stop)[:, None] * width + torch.arange(cells.start, cells.stop)
        drawn = (places_here.flatten() % every == 0).nonzero()[:, 0].to(columns.device)
        samples.append((columns[drawn], colors[drawn]))
        places.append(torch.stack([part.area[rows, cells].flatten()[drawn] for part in parts], 1))
    columns, colors = (torch.cat(each) for each in zip(*samples, strict=True))
    inside = torch.cat(places)
    generator = torch.Generator().manual_seed(seed)
    likenesses = []
    for index, part in enumerate(parts):
        here = inside[:, index] > 0
        if not here.any():
            here = torch.ones_like(here)
        prices = (matching.draw * torch.randn(len(part.book.masses), generator=generator)).to(columns)
        prices = prices if part.prices is None else prices + part.prices
        likeness = _Likeness(part.book, columns[here].mean(0), matching.colors, prices)
        likeness.settle(columns[here], colors[here], matching.usage, matching.rounds)
        likenesses.append(likeness)
    entries = tuple(torch.zeros(height, width, dtype=torch.int16, device=columns.device) for _ in parts)
    for (rows, cells), columns, colors in seen():
        for likeness, found in zip(likenesses, entries, strict=True):
            blocks = zip(torch.split(columns, BLOCK), torch.split(colors, BLOCK), strict=True)
            best = torch.cat([likeness(*block).argmax(1) for block in blocks])
            found[rows, cells] = best.to(torch.int16).view(rows.stop - rows.start, -1)
    return Match(tuple(parts), entries)


class _Likeness:
    """How much cells are like each of a book's, less its price."""

    def __init__(self, book: Book, center: Tensor, color_weight: float, prices: Tensor) -> None:
        self._book = book
        self._center = center
        self._color_weight = color_weight
        self._there = F.normalize(book.deviations, dim=1)
        self._prices = prices

    def __call__(self, columns: Tensor, colors: Tensor) -> Tensor:
        """[N, K] of cells' columns [N, C] and colours [N, 3]."""
        return self._worth(columns, colors) - self._prices

    def settle(self, columns: Tensor, colors: Tensor, usage: float, rounds: int) -> None:
        """Make dearer what these cells use too often, and cheaper what they use too seldom."""
        worth = self._worth(columns, colors)
        book, count = self._book, len(columns)
        for _ in range(rounds if usage else 0):
            used = torch.bincount((worth - self._prices).argmax(1), minlength=len(book.masses)) / count
            excess = (used / book.masses.clamp_min(EPSILON)).clamp(max=MOST_USED) - 1
            self._prices = self._prices + 0.1 * usage * excess.clamp(min=LEAST_USED)
        if len(book.shares) == 1:
            return
        step = SHARE_STEP
        for _ in range(SHARE_ROUNDS):
            used = torch.bincount(book.sources[(worth - self._prices).argmax(1)], minlength=len(book.shares)) / count
            self._prices = self._prices + step * (used - book.shares)[book.sources]
            step *= SHARE_DECAY

    def _worth(self, columns: Tensor, colors: Tensor) -> Tensor:
        book = self._book
        cosine = F.normalize(columns - self._center, dim=1) @ self._there.T
        return cosine + self._color_weight * (2 * colors @ book.colors.T - book.colors.square().sum(1))
