"""Matching: each cell of a picture is to become the cell of a painting that is most like it.

Source: Li and Wand, "Combining Markov Random Fields and Convolutional Neural Networks for Image Synthesis" (CVPR 2016),
eq. 3, for the nearest patch by normalised cross-correlation; Kolkin et al., "Neural Neighbor Style Transfer"
(arXiv 2203.13215), section 3.2, for hypercolumns of several layers matched by cosine, each side centred on its mean. We
differ: colours count as well, cells that are used beyond their share of the painting become dearer, what the photo
shows in one colour stays in one, and targets are those of a codebook.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import isqrt
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from worker.engine.memory.tiling import Window
from worker.engine.networks.extractors import Extractor, geometry
from worker.engine.style.cells import CELL, CELL_LAYERS, widths
from worker.engine.style.codebook import Book, in_common

SAMPLE = 8192  # cells from which prices are found
# Of a picture of so many cells or more they are taken in squares of so many a side, one STRIDE of tiling: to look at
# all of it only to take a few cells here and there would be a third of the work.
SQUARED_FROM, SQUARE = 2**19, 4
# A cell that is used more than its share becomes dearer by up to so many times that; one that is not, hardly cheaper.
MOST_USED, LEAST_USED = 20.0, -0.2
# Rounds in which sources' shares are met, the first step, and what each next one is of it.
SHARE_ROUNDS, SHARE_STEP, SHARE_DECAY = 32, 0.5, 0.9
EPSILON = 1e-8
NORM = 1e-12  # least length of a vector that is divided by its own
TELLING = 0.01  # what two cells differ by, at least, where a painting has any shapes; activations have a mean of 1
STRANGENESS = 0.25  # what another part's cell costs, in cosines, at a fidelity of one half
BLOCK = 1024  # cells that are compared at a time: with what comes of it they fit into a processor's cache
# So many of a picture's cells stand for all of their surroundings, and so many rounds the mean field takes.
LANDMARKS, MEAN_FIELD_ROUNDS = 512, 8
# Of larger pictures each cell is matched by itself: to ask the landmarks of all would be a tenth of a poster's time.
SURROUNDED_TO = 2**19
COARSE = 64  # cells on the longer side of a picture of 256 pixels: what is decided there, larger scales begin with
# Standard deviations of what is around a cell: in the photo's colours, as a share of their own, but not of less than
# LEAST_CONTRAST; and in places, as a share of the longer side.
ALIKE, NEAR, LEAST_CONTRAST = 0.4, 0.2, 0.01
KEPT = 0.5  # of what a cell differs from its surroundings in the photo
# What is expected of cells that are about as like, in cosines: if the best alone counted, the last digit of one cell
# could decide what colour a whole wall takes.
SOFTNESS = 0.02


class Seen(NamedTuple):
    """Cells as they are looked at.

    Attributes:
        columns: [N, C], of what is matched.
        colors: [N, 3], its soft colours.
        photo: [N, 3], those of the photo in the painting's colours, which tell what belongs together.
    """

    columns: Tensor
    colors: Tensor
    photo: Tensor

    def only(self, cells: Tensor) -> Seen:
        """Some of them, by numbers [M] or by a mask [N]."""
        return Seen(*(each[cells.to(each.device)] for each in self))


Look = Callable[[Window], Seen]  # of a window's core


@dataclass(frozen=True)
class Matching:
    """How cells are matched.

    Attributes:
        colors: what the squared distance of two soft colours counts, beside a cosine.
        usage: what a cell that is used too often costs.
        rounds: how often what is used too often grows dearer: the more, the more evenly cells are used.
        photo: the share of the photo in what is matched, at the first scale and at the last.
        draw: standard deviation of the prices that a seed draws: with another one, others of like cells are taken.
        surroundings: what the squared distance of a cell's soft colour and its surroundings' counts, times the photo's
            share: in pictures of up to COARSE cells on the longer side, where it is decided what colour a thing gets,
            and in larger ones; nothing above SURROUNDED_TO cells.
    """

    colors: float = 1.0
    usage: float = 0.1
    rounds: int = 8
    photo: tuple[float, float] = (0.35, 0.58)
    draw: float = 0.02
    surroundings: tuple[float, float] = (15.0, 3.0)

    def surroundings_at(self, scale: float) -> float:
        """What they count in a picture of `scale` pixels on the longer side."""
        coarse, fine = self.surroundings
        return coarse if scale <= CELL * COARSE else fine

    def of_crop(self, scale: float) -> Matching:
        """The same for crops of a picture of `scale` pixels on the longer side."""
        weight = self.surroundings_at(scale)
        return replace(self, surroundings=(weight, weight))


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
        channels = list(widths(extractor))
        spreads = torch.stack(
            [part.area[None, None, rows, cells] * variances(part.book, channels)[:, None, None] for part in self.parts]
        ).sum(0)
        targets = torch.split(self.columns(window), channels, 1)
        factors = torch.split(self.area(window).square() / spreads.clamp_min(EPSILON), 1, 1)
        result = {}
        for layer, target, factor in zip(CELL_LAYERS, targets, factors, strict=True):
            coarser = max(1, geometry(layer, extractor.layers)[0] // CELL)
            pair = (F.avg_pool2d(each, coarser) if coarser > 1 else each for each in (target, factor))
            target, factor = (each.contiguous(memory_format=torch.channels_last) for each in pair)
            result[layer] = Target(target.to(extractor.dtype), factor)
        return result


def variances(book: Book, channels: Sequence[int]) -> Tensor:
    """[L]: of each layer, the mean square of the book's deviations, each cell by its mass."""
    squares = book.masses @ book.deviations.square()
    return torch.stack([part.mean() for part in torch.split(squares, list(channels))])


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
        (own_codes, *codes), directions = in_common([own, *others])
        apart, further = _between_means(own, others)
        masses = [each.masses * (1 - fidelity) / len(others) for each in others]
        together = torch.cat([own.masses, *masses])
        book = Book(
            torch.cat([F.pad(own_codes, (0, apart.shape[1])), torch.cat([torch.cat(codes), further], 1)]),
            torch.cat([directions, apart], 1),
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


def _between_means(own: Book, others: Sequence[Book]) -> tuple[Tensor, Tensor]:
    """Of each of the others' sources, the direction from own mean to theirs [C, S]; and which each cell has [K, S]."""
    means = torch.cat([each.means for each in others])
    numbers = torch.cat([torch.arange(len(each.means)) for each in others]).clamp_max(len(own.means) - 1)
    firsts = torch.tensor([0, *(len(each.means) for each in others)]).cumsum(0).tolist()
    sources = torch.cat([each.sources + first for each, first in zip(others, firsts, strict=False)])
    return (means - own.means[numbers]).T, F.one_hot(sources, len(means)).to(means)


@torch.no_grad()
def matched(
    look: Look,
    windows: Sequence[Window],
    parts: Sequence[CellPart],
    matching: Matching,
    photo_share: float,
    seed: int = 0,
) -> Match:
    """Match every cell of a picture that `look` shows in windows.

    `photo_share`, 0 to 1, is how much of the photo there is in that picture; so much do a cell's surroundings count.
    Prices are found on cells at equal distances, so that windows can be looked at one after the other.
    """
    picture = _Looks(look, windows)
    samples = list(picture.sampled())
    sample = Seen(*(torch.cat(each) for each in zip(*(seen for seen, _ in samples), strict=True)))
    numbers = torch.cat([each for _, each in samples])
    # In the order of the whole: the last digits of a sum decide who of two that are alike is used, and so prices.
    order = numbers.argsort()
    sample, numbers = sample.only(order), numbers[order]
    inside = torch.stack([part.area.flatten()[numbers.to(part.area.device)] for part in parts], 1)
    generator = torch.Generator().manual_seed(seed)
    around_weight = 0.0
    if picture.cells <= SURROUNDED_TO:
        around_weight = photo_share * matching.surroundings_at(CELL * max(picture.height, picture.width))
    likenesses, surroundings = [], []
    for index, part in enumerate(parts):
        here = inside[:, index] > 0
        if not here.any():
            here = torch.ones_like(here)
        prices = (matching.draw * torch.randn(len(part.book.masses), generator=generator)).to(sample.columns)
        prices = prices if part.prices is None else prices + part.prices
        seen = sample.only(here)
        likeness = _Likeness(part.book, seen.columns.mean(0), matching.colors, prices, around_weight)
        likeness.settle(seen, matching.usage, matching.rounds)
        likeness.meet_shares(seen)
        around, those = None, numbers[here.cpu()]
        if around_weight:
            around = _Surroundings(likeness, seen, those, picture)
            if len(part.book.shares) > 1:
                likeness.meet_shares(seen, around(seen.photo, those))
        likenesses.append(likeness)
        surroundings.append(around)
    grid = (picture.height, picture.width)
    entries = tuple(torch.zeros(grid, dtype=torch.int16, device=sample.columns.device) for _ in parts)
    for (rows, cells), seen in picture.windows():
        numbers = picture.numbers(rows, cells)
        for likeness, around, found in zip(likenesses, surroundings, entries, strict=True):
            best = likeness.best(seen, around(seen.photo, numbers) if around else None)
            found[rows, cells] = best.to(torch.int16).view(rows.stop - rows.start, -1)
    return Match(tuple(parts), entries)


class _Looks:
    """A picture as it is seen in windows.

    Attributes:
        height, width: in cells.
    """

    def __init__(self, look: Look, windows: Sequence[Window]) -> None:
        self._look, self._windows = look, windows
        self.height, self.width = windows[0].height // CELL, windows[0].width // CELL
        self._whole = look(windows[0]) if len(windows) == 1 else None  # looked at once, where that is all

    @property
    def cells(self) -> int:
        """How many it has."""
        return self.height * self.width

    def windows(self) -> Iterator[tuple[tuple[slice, slice], Seen]]:
        """All of it: of each window's cells the rows and columns, and what is seen of them."""
        for window in self._windows:
            yield window.cells(CELL), self._whole or self._look(window)

    def sampled(self) -> Iterator[tuple[Seen, Tensor]]:
        """About SAMPLE cells and their numbers, which are the same however the picture is looked at."""
        if self.cells < SQUARED_FROM:
            every = max(1, self.cells // SAMPLE)
            for places, seen in self.windows():
                numbers = self.numbers(*places)
                drawn = (numbers % every == 0).nonzero()[:, 0]
                yield seen.only(drawn), numbers[drawn]
            return
        for square in self._squares(SQUARE * isqrt(self.cells // SAMPLE)):
            numbers = self.numbers(*square.cells(CELL))
            yield self._look(square), numbers

    def numbers(self, rows: slice, columns: slice) -> Tensor:
        """Of cells [h·w], their numbers in the whole."""
        firsts = torch.arange(rows.start, rows.stop) * self.width
        return (firsts[:, None] + torch.arange(columns.start, columns.stop)).flatten()

    def _squares(self, every: int) -> Iterator[Window]:
        """Windows of squares, from one to the next so many cells, each seen with as much around it as all windows."""
        halo = max(max(each.top - each.outer_top, each.left - each.outer_left) for each in self._windows)
        side = CELL * SQUARE
        for top in _starts(self.height, every):
            for left in _starts(self.width, every):
                core = (CELL * top, CELL * top + side, CELL * left, CELL * left + side)
                yield Window.around(*core, halo, self._windows[0].height, self._windows[0].width)


def _starts(length: int, every: int) -> range:
    """Where squares begin that lie in the middles of stretches of a side of so many cells, as tiles do at a STRIDE."""
    first = (min(every, length) - SQUARE) // 2 // SQUARE * SQUARE
    return range(first, length - SQUARE + 1, every)


class _Likeness:
    """How much cells are like each of a book's, less its price."""

    def __init__(self, book: Book, center: Tensor, color_weight: float, prices: Tensor, around_weight: float) -> None:
        """`around_weight` is what a cell's surroundings count, where they are told."""
        self._book = book
        self._center = center
        self._color_weight, self._around_weight = color_weight, around_weight
        # A cosine is a product in the book's directions, which are fewer than channels, and −|a − b|² is 2ab − b² but
        # for what is the same for all of the book's cells. So all is one product: (cell, colours, 1, weight) · these.
        there = book.codes / book.deviations.norm(dim=1, keepdim=True).clamp_min(NORM)
        squares = book.colors.square().sum(1, keepdim=True)
        rest = -color_weight * squares - prices[:, None]
        self._rows = torch.cat([there, 2 * book.colors, rest, -squares], 1)

    def __call__(self, seen: Seen, around: Tensor | None = None) -> Tensor:
        """[N, K] of N cells, whose surroundings have colours [N, 3] where that counts."""
        here = seen.columns - self._center
        lengths = here.norm(dim=1, keepdim=True).clamp_min(NORM)
        weight = 0.0 if around is None else self._around_weight
        colors = self._color_weight * seen.colors + (0.0 if around is None else weight * around)
        ones = torch.ones_like(lengths)
        return torch.cat([here @ self._book.directions / lengths, colors, ones, weight * ones], 1) @ self._rows.T

    def best(self, seen: Seen, around: Tensor | None = None) -> Tensor:
        """Of each cell the number of the book's cell that it is most like, [N]."""
        blocks = [Seen(*block) for block in zip(*(each.split(BLOCK) for each in seen), strict=True)]
        beside = [None] * len(blocks) if around is None else around.split(BLOCK)
        return torch.cat([self(*pair).argmax(1) for pair in zip(blocks, beside, strict=True)])

    def expected_colors(self, seen: Seen, around: Tensor | None = None) -> Tensor:
        """The mean soft colours [N, 3] of the book's cells, each by how much a cell is like it."""
        return torch.softmax(self(seen, around) / SOFTNESS, 1) @ self._book.colors

    def settle(self, seen: Seen, usage: float, rounds: int) -> None:
        """Make dearer what these cells use too often, and cheaper what they use too seldom."""
        worth = self(seen)
        book, count = self._book, len(worth)
        prices = torch.zeros_like(book.masses)
        for _ in range(rounds if usage else 0):
            used = torch.bincount((worth - prices).argmax(1), minlength=len(book.masses)) / count
            excess = (used / book.masses.clamp_min(EPSILON)).clamp(max=MOST_USED) - 1
            prices = prices + 0.1 * usage * excess.clamp(min=LEAST_USED)
        self._rows[:, -2] -= prices

    def meet_shares(self, seen: Seen, around: Tensor | None = None) -> None:
        """Make dearer what is of sources that these cells use more than their shares, and cheaper what is of others."""
        book = self._book
        if len(book.shares) == 1:
            return
        worth, prices, step = self(seen, around), torch.zeros_like(book.masses), SHARE_STEP
        for _ in range(SHARE_ROUNDS):
            used = torch.bincount(book.sources[(worth - prices).argmax(1)], minlength=len(book.shares)) / len(worth)
            prices = prices + step * (used - book.shares)[book.sources]
            step *= SHARE_DECAY
        self._rows[:, -2] -= prices


class _Surroundings:
    """What becomes of the photo's cells that are alike in colour and near. Matched each by itself, the cells of a plain
    shirt would become pieces of several of the painting's colours, and more so as what is used too often grows dearer.

    What cell i is to be near is Σⱼ wᵢⱼ (cⱼ + KEPT · (pᵢ − pⱼ)), of the photo's colours p and expected colours c.

    Source: mean-field inference in a dense random field, Krähenbühl and Koltun, NeurIPS 2011 (arXiv 1210.5644), the
    first kernel of eq. 3 for w and algorithm 1. We differ: colours stand for labels that agree or do not, weights sum
    to 1, and landmarks, themselves among them, tell of all cells.
    """

    def __init__(self, likeness: _Likeness, seen: Seen, numbers: Tensor, picture: _Looks) -> None:
        """Of cells with these numbers in a picture, in their order."""
        self._picture = picture
        self._contrast = seen.photo.var(0, correction=0).mean().sqrt().clamp_min(LEAST_CONTRAST)
        self._middle = seen.photo.mean(0)
        # Drawn, because those at equal distances may lie in a few columns.
        chosen = torch.randperm(len(numbers), generator=torch.Generator().manual_seed(0))[:LANDMARKS]
        landmarks = seen.only(chosen)
        self._landmarks = self._placed(landmarks.photo, numbers[chosen])
        weights, kept = self._weights(self._landmarks), KEPT * landmarks.photo
        self._colors = likeness.expected_colors(landmarks) - kept
        for _ in range(MEAN_FIELD_ROUNDS):
            self._colors = likeness.expected_colors(landmarks, weights @ self._colors + kept) - kept

    def __call__(self, photo: Tensor, numbers: Tensor) -> Tensor:
        """What cells of the photo's colours [N, 3], by their numbers, are to be near: [N, 3]."""
        placed = self._placed(photo, numbers).split(BLOCK)
        return torch.cat([self._weights(each) @ self._colors for each in placed]) + KEPT * photo

    def _placed(self, photo: Tensor, numbers: Tensor) -> Tensor:
        """[N, 5], where exp(−d²/2) of two cells' distance is what one tells of the other."""
        rows, columns = numbers // self._picture.width, numbers % self._picture.width
        longer = max(self._picture.height, self._picture.width)
        places = torch.stack([rows, columns], 1).to(photo) / (NEAR * longer)
        return torch.cat([(photo - self._middle) / (ALIKE * self._contrast), places], 1)

    def _weights(self, placed: Tensor) -> Tensor:
        """What the landmarks tell of cells, [N, L], whose rows sum to 1."""
        return torch.softmax(placed @ self._landmarks.T - self._landmarks.square().sum(1) / 2, 1)
