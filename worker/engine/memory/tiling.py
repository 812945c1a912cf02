"""Exact evaluation of an objective in tiles, for pictures whose activations do not fit into memory at once.

The style loss depends on all positions together, but only through their means and second moments. So a first pass over
the tiles gathers these; the loss's gradient with respect to them is then the same number for every position, and a
second pass brings it back through one tile after the other. A tile is seen with a halo as wide as the receptive field,
so that the activations in its core are those of the whole picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import ceil
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from worker.engine.memory.spill import STRETCH

# Pixels from one cell of the deepest layers to the next. Tiles begin at multiples, where poolings' windows do.
STRIDE = 16
# Of a tile without its halo: below, more is computed around it than in it.
LEAST_SIDE = 128
# Of the time of an evaluation: one pass of three, the others being forward again and back.
ALL_BUT_DONE = 0.999  # of an evaluation, told while its outcome alone is looked at, which adds nothing to the plan
FIRST_PASS = 1 / 3


class Window(NamedTuple):
    """A part of a picture of `height` × `width`: its core, and all that is looked at for it, both in pixels."""

    top: int
    bottom: int
    left: int
    right: int
    outer_top: int
    outer_bottom: int
    outer_left: int
    outer_right: int
    height: int
    width: int

    @staticmethod
    def whole(height: int, width: int) -> Window:
        """All of the picture."""
        return Window(0, height, 0, width, 0, height, 0, width, height, width)

    @staticmethod
    def around(top: int, bottom: int, left: int, right: int, halo: int, height: int, width: int) -> Window:
        """A core in a picture of `height` × `width`, with so many pixels around it, as far as the picture goes."""
        outer = (max(0, top - halo), min(height, bottom + halo), max(0, left - halo), min(width, right + halo))
        return Window(top, bottom, left, right, *outer, height, width)

    def grown(self, margin: int) -> Window:
        """With so many pixels more on every side of core and surroundings, as far as the picture goes."""
        top, left, outer_top, outer_left = (
            max(0, edge - margin) for edge in (self.top, self.left, self.outer_top, self.outer_left)
        )
        bottom, outer_bottom = (min(self.height, edge + margin) for edge in (self.bottom, self.outer_bottom))
        right, outer_right = (min(self.width, edge + margin) for edge in (self.right, self.outer_right))
        return Window(
            top, bottom, left, right, outer_top, outer_bottom, outer_left, outer_right, self.height, self.width
        )  # fmt: skip

    @property
    def is_whole(self) -> bool:
        return (self.bottom - self.top, self.right - self.left) == (self.height, self.width)

    def crop(self, picture: Tensor) -> Tensor:
        """What is looked at of [..., H, W], as a view."""
        return picture[..., self.outer_top : self.outer_bottom, self.outer_left : self.outer_right]

    def core_of(self, activations: Tensor, stride: int) -> Tensor:
        """The core's part of a layer's activations [..., h, w] of the crop; a view."""
        rows, columns = self.cells(stride)
        top, left = self.outer_top // stride, self.outer_left // stride
        return activations[..., rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]

    def of_layer(self, values: Tensor, stride: int) -> Tensor:
        """The core's part of what is known for all cells [..., h, w] of a layer; a view."""
        rows, columns = self.cells(stride)
        return values[..., rows, columns]

    def cells(self, stride: int) -> tuple[slice, slice]:
        """The core's cells in a layer's own grid, of which odd last rows and columns have been left out."""
        return slice(self.top // stride, self.bottom // stride), slice(self.left // stride, self.right // stride)

    def share(self, stride: int) -> float:
        """The core's share of a layer's positions."""
        rows, columns = self.cells(stride)
        mine: int = (rows.stop - rows.start) * (columns.stop - columns.start)
        return mine / ((self.height // stride) * (self.width // stride))


class Tileable(Protocol):
    """An objective that can be evaluated in windows."""

    @property
    def windows(self) -> Sequence[Window]: ...

    @property
    def needs_sums(self) -> bool: ...

    def gathered(self, crop: Tensor, window: Window) -> list[Tensor]:
        """What the style loss depends on, of one window; that of the whole is the sum over all."""

    def style(self, gathered: Sequence[Tensor], window: Window) -> Tensor:
        """The style loss of a picture, of which `window` is any, from what is gathered of all of it."""

    def looked_at(self, crop: Tensor, index: int) -> tuple[Tensor, list[Tensor]]:
        """The other losses of window `index`, and what is gathered of it."""

    def no_gradient(self, pixels: Tensor) -> Tensor:
        """Zeros in the shape of pixels [1, 3, H, W], for tiles to add to."""

    def release(self) -> None:
        """Give back the memory of what was read from files or written there."""

    def after_window(self, share: float) -> None:
        """After each window: release, and tell the share of the evaluation that is done, in (0, 1]; may raise."""


def windows(height: int, width: int, side: int, halo: int) -> list[Window]:
    """Windows whose cores, of at most about `side` pixels, cover a picture of `height` × `width` once."""
    return [
        Window.around(top, bottom, left, right, halo, height, width)
        for top, bottom in _spans(height, side)
        for left, right in _spans(width, side)
    ]


def halo_of(receptive_field: int, stride: int) -> int:
    """Pixels around a tile on which the cells of a layer in it depend, as a multiple of STRIDE."""
    return ceil((receptive_field - stride) / 2 / STRIDE) * STRIDE


def tiled(objective: Tileable, pixels: Tensor) -> Tensor:
    """The loss of pixels [1, 3, H, W]; its gradient is that of the untiled objective, but for rounding."""
    if not (torch.is_grad_enabled() and pixels.requires_grad):
        return _loss_alone(objective, pixels)
    loss: Tensor = _InTiles.apply(pixels, objective)  # type: ignore[no-untyped-call]
    return loss


class _InTiles(torch.autograd.Function):
    """Loss and gradient at once: one needs the other's first pass."""

    @staticmethod
    def forward(ctx: Any, pixels: Tensor, objective: Tileable) -> Tensor:
        ctx.objective = objective
        loss, ctx.gradient = _evaluated(objective, pixels.detach())
        return loss

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        whole, ctx.gradient = ctx.gradient, None  # not kept: it is as large as the picture
        for stretch in whole.view(-1).split(STRETCH):  # it may lie in a file
            stretch.mul_(gradient)
            ctx.objective.release()
        return whole, None


@torch.no_grad()
def _loss_alone(objective: Tileable, pixels: Tensor) -> Tensor:
    loss = pixels.new_zeros(())
    sums: list[Tensor] = []
    for index, window in enumerate(objective.windows):
        local, found = objective.looked_at(window.crop(pixels), index)
        loss = loss + local
        sums = _added(sums, found)
        objective.release()
        objective.after_window(ALL_BUT_DONE)
    return objective.style(sums, objective.windows[0]) + loss


def _added(sums: list[Tensor], found: list[Tensor]) -> list[Tensor]:
    """What is gathered of all windows so far, of which the first has nothing before it."""
    return [whole + part for whole, part in zip(sums, found, strict=True)] if sums else found


def _evaluated(objective: Tileable, pixels: Tensor) -> tuple[Tensor, Tensor]:
    sums: list[Tensor] = []
    count = len(objective.windows)
    first, loss = 0.0, pixels.new_zeros(())
    along: tuple[Tensor, ...] = ()
    if objective.needs_sums:
        first = FIRST_PASS
        for index, window in enumerate(objective.windows, 1):
            sums = _added(sums, objective.gathered(window.crop(pixels), window))
            objective.after_window(first * index / count)
        with torch.enable_grad():
            leaves = [each.requires_grad_(True) for each in sums]
            loss = objective.style(leaves, objective.windows[0])
        along = torch.autograd.grad(loss, leaves, allow_unused=True)
        loss = loss.detach()
    gradient = objective.no_gradient(pixels)
    for index, window in enumerate(objective.windows):
        local, of_window = _in_window(objective, index, window.crop(pixels), along)
        window.crop(gradient).add_(of_window)
        loss += local
        objective.after_window(first + (1 - first) * (index + 1) / count)
    return loss, gradient


def _in_window(objective: Tileable, index: int, crop: Tensor, along: Sequence[Tensor | None]) -> tuple[Tensor, Tensor]:
    """The losses of one window, and the gradient with respect to its crop; the activations go when this returns."""
    pixels = crop.clone().requires_grad_(True)
    with torch.enable_grad():
        local, found = objective.looked_at(pixels, index)
        products = [(part * factor).sum() for part, factor in zip(found, along, strict=True) if factor is not None]
        (gradient,) = torch.autograd.grad(local + sum(products), pixels)
    return local.detach(), gradient


def _spans(length: int, side: int) -> list[tuple[int, int]]:
    """From 0 to `length` in about equal parts of at most about `side`, which begin at multiples of STRIDE."""
    count = max(1, ceil(length / max(side, LEAST_SIDE)))
    edges = [STRIDE * round(length * index / count / STRIDE) for index in range(count)] + [length]
    return list(pairwise(edges))
