"""The photo's colours in the pastiche: after painting, or before it by painting in the painting's colour space.

What a mask's pixels mean is settled in masks.py, what is known of a painting's colours in palette.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from worker.engine.colors.masks import soft_mask
from worker.engine.colors.palette import Palette, distribution, palette_of
from worker.engine.images import in_floats, to_bytes

ColorMethod = Literal["luminance", "histogram", "linear", "linear-cholesky", "linear-pca"]
COLOR_METHODS: tuple[ColorMethod, ...] = get_args(ColorMethod)

LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # Y′ of ITU-R BT.601, which is YIQ's and JPEG's
EPSILON = 1e-5  # Added to covariances as Gatys et al. do: a spread of 0.8 of 255 levels, which no picture falls below.
# How much the way between two colour spaces may stretch or squeeze. An engraving's grey has next to no chroma: the way
# back from its space would multiply the canvas's last bit of chroma by 80, and show it as coloured noise.
MAX_GAIN = 8.0
# A photo is black and white if but a thousandth of it has channels that are further apart: JPEG's noise.
GREY_SHARE, GREY_SPREAD = 0.999, 0.1
# What makes curves between histograms strictly increasing, hence invertible, also where a picture has few colours: as
# if this share of [0, 1] were spread evenly over its ranks.
SPREAD = 0.02

# Longest side at which a motif's colours are looked at, and rows that are changed at a time.
LOOKED_AT, STRIP_ROWS = 512, 256

Matrix = NDArray[np.floating[Any]]
Picture = TypeVar("Picture", Image.Image, Tensor)


class Recoloring:
    """The photo's colours for a pastiche of the same size, strip by strip.

    `luminance` keeps the pastiche's Y′ and takes the photo's chroma (YIQ's or Y′CbCr's, it is the same). `histogram`
    gives each channel of the pastiche the photo's distribution; where the photo is black and white, the pastiche's Y′.
    `linear`, `linear-cholesky` and `linear-pca` give it the photo's mean and covariance. Where there is a mask,
    distributions, means and covariances are those within the mask, of both pictures: the sky's colours come from the
    photo's sky.

    Source: Gatys et al., "Preserving Color in Neural Artistic Style Transfer" (arXiv 1606.05897), luminance-only
    transfer and linear colour transfer; `color_transfer.py` of titu1994's Neural-Style-Transfer for the histogram. We
    differ: luminance is recombined after painting instead of painting in grey; that script matched a masked histogram
    pixel by pixel against the whole picture's, which means nothing, and gave a flat picture the brightest of the
    photo's levels instead of their median.
    """

    def __init__(
        self,
        pastiche: Image.Image,
        photo: Image.Image,
        size: tuple[int, int],
        method: ColorMethod = "luminance",
        share: float = 1.0,
        mask: Image.Image | None = None,
        feather: float = 0.01,
        space: ColorSpace | None = None,
    ) -> None:
        """Look at both pictures, of any mode; `size` (width, height) is the real pastiche's, `pastiche` may be smaller.

        `share` in [0, 1] is how much of the photo's colours is mixed in, linearly and without gamma. `mask`, of any
        mode and size, gives the share to each pixel: white takes all of it, black none. Its edges are softened by
        `feather`, a share of the longer side. With a `space`, the colours come back from there.

        Raises:
            ValueError: there is no such method, or `share` is outside [0, 1].
            EmptyMaskError: the mask covers less than a pixel.
        """
        if method not in COLOR_METHODS:
            raise ValueError(f"color_method is {method!r}, but must be one of {', '.join(COLOR_METHODS)}")
        if not 0 <= share <= 1:
            raise ValueError(f"keep_colors is {share}, but must be from 0 to 1")
        self.share = share
        self._coverage = None if mask is None else soft_mask(mask, size, feather)
        self._photo: Tensor | None = None
        self._change: Callable[[Tensor], Tensor] | None = space.to_photo if space else None
        within = None if mask is None or space else soft_mask(mask, pastiche.size, feather)[0, 0].double().numpy()
        # Channels that have the same distribution need not be the same at any pixel.
        self._is_grey = method == "histogram" and _is_grey(_resampled(photo, pastiche.size), within)
        self._comes_back = space is not None
        if space:
            return
        if method == "luminance":
            self._photo = to_bytes(photo, size)
        else:
            seen = pastiche.convert("L") if self._is_grey else pastiche
            self._change = _matching(seen.convert("RGB"), _resampled(photo, pastiche.size), method, within)

    def __call__(self, strip: Tensor, top: int = 0) -> Tensor:
        """Rows [1, 3, h, W] of the pastiche, of which `top` is the first, in [0, 1] with the photo's colours."""
        bottom = top + strip.shape[2]
        if self._change:
            changed = self._change(_in_grey(strip) if self._is_grey and not self._comes_back else strip)
            if self._is_grey and self._comes_back:
                changed = _in_grey(changed)
        else:
            assert self._photo is not None
            # To exchange Y′ and go back is to add what it changes by to all three channels.
            colors = in_floats(self._photo[..., top:bottom, :])
            difference = (strip - colors).mul_(torch.from_numpy(LUMINANCE)[:, None, None]).sum(1, keepdim=True)
            changed = colors + difference
        share = self.share if self._coverage is None else self.share * self._coverage[..., top:bottom, :]
        return strip + (changed.clamp(0, 1) - strip).mul_(share)


class Tint:
    """A canvas in shades of one colour, as light and dark as it is, and of that colour on average.

    The statistics of a picture without any edge say little of its colour; the colour itself is known exactly.
    """

    def __init__(self, seen: Tensor, seen_area: Tensor, color: Tensor, area: Tensor) -> None:
        """Look at a canvas, or a small copy [1, 3, h, w]: `seen_area` [1, 1, h, w] is the share of it that gets the
        colour [3], `area` [1, 1, H, W] that of the canvas itself.
        """
        weights = torch.from_numpy(LUMINANCE)[:, None, None]
        self._weights, self._color, self._area = weights, color.cpu()[:, None, None], area
        brightness = (seen * weights).sum(1, keepdim=True)
        self._mean = float((brightness * seen_area).sum() / seen_area.sum().clamp_min(1e-6))

    def __call__(self, strip: Tensor, top: int = 0) -> Tensor:
        """Rows [1, 3, h, W] of the canvas, of which `top` is the first, in [0, 1]."""
        brightness = (strip * self._weights).sum(1, keepdim=True)
        shades = (self._color + (brightness - self._mean)).clamp_(0, 1)
        return strip + (shades - strip).mul_(self._area[..., top : top + strip.shape[2], :])


@dataclass(frozen=True)
class ColorSpace:
    """The way from a photo's colours to a painting's, and back: paint in the painting's colours, show in the photo's.

    Gatys et al. recolour the *painting* to the photo's palette, measure it and paint with that. Of our paintings only
    fingerprint and palette are at hand, so we go the other way round: the *photo* goes to the painting's palette, is
    painted with the fingerprint as it is, and the canvas comes back by the inverse map. For a network that were linear
    in colour, both would be the same. As it is not, there are two differences. Strokes keep the contrasts that the
    network saw in the painting itself, and so does the photo, which is why one fingerprint serves every photo. And
    what lies outside the painting's gamut is clipped in the photo, where the paper clips the painting. Recolouring the
    content image to the painting is in Gatys' own notebook (`ColourControl`, "match_style"), without the way back.

    We also differ where a picture has hardly any colours, since every map here must have an inverse. A linear map's
    singular values are held within 1/8 to 8, and the curves between histograms are bent by up to a hundredth of the
    range so that they rise everywhere.

    Both ways take an RGB picture and return one, clipped, or a tensor [B, 3, H, W] in [0, 1] of any device and return
    one that is not clipped. A tensor that goes there and back is the same; a picture loses what 8 bits cannot hold.
    """

    _there: _Linear | _Curves
    _back: _Linear | _Curves

    @classmethod
    def between(cls, photo: Image.Image, painting: Palette, method: ColorMethod = "linear") -> ColorSpace:
        """The ways between the colours of `photo` (RGB) and those of `painting`; `method` is not `luminance`.

        Raises:
            ValueError: there is no such method, or it is `luminance`, which has no way back.
        """
        own = palette_of(photo)
        there: _Linear | _Curves
        if method == "histogram":
            there = _Curves(_risen(own), _risen(painting))
        elif method in ("linear", "linear-cholesky", "linear-pca"):
            there = _linear_between(own, painting, method, MAX_GAIN)
        else:
            raise ValueError(f"color_method is {method!r}, which cannot be applied before painting")
        return cls(there, there.inverse())

    def to_painting(self, photo: Picture) -> Picture:
        """The photo, or one like it, in the painting's colours."""
        return self._there(photo)

    def to_photo(self, canvas: Picture) -> Picture:
        """What was painted in the painting's colours, in the photo's."""
        return self._back(canvas)


@dataclass(frozen=True)
class _Linear:
    """x ↦ matrix·x + offset for colours in [0, 1]."""

    matrix: Matrix  # [3, 3]
    offset: Matrix  # [3]

    def __call__(self, picture: Picture) -> Picture:
        if isinstance(picture, Image.Image):
            # Pillow multiplies, rounds and clips in one pass over the bytes.
            rows = np.column_stack((self.matrix, self.offset * 255))
            return picture.convert("RGB").convert("RGB", tuple(rows.ravel().tolist()))
        matrix, offset = (torch.from_numpy(part).to(picture) for part in (self.matrix, self.offset))
        return (matrix @ picture.flatten(2)).add_(offset[:, None]).view_as(picture)

    def inverse(self) -> _Linear:
        matrix = np.linalg.inv(self.matrix)
        return _Linear(matrix, -matrix @ self.offset)


@dataclass(frozen=True)
class _Curves:
    """One piecewise linear curve per channel through the points (before, after), both increasing."""

    before: Sequence[Matrix]  # 3 × [K]
    after: Sequence[Matrix]  # 3 × [K]

    def __call__(self, picture: Picture) -> Picture:
        if isinstance(picture, Image.Image):
            levels = np.arange(256) / 255
            curves = [np.interp(levels, *points) for points in zip(self.before, self.after, strict=True)]
            return picture.convert("RGB").point(np.rint(np.concatenate(curves).clip(0, 1) * 255).astype(int).tolist())
        channels = zip(picture.unbind(1), self.before, self.after, strict=True)
        return torch.stack([_interpolated(values, before, after) for values, before, after in channels], 1)

    def inverse(self) -> _Curves:
        return _Curves(self.after, self.before)


def _interpolated(values: Tensor, before: Matrix, after: Matrix) -> Tensor:
    """The curve at `values`, going on beyond both ends as it ends."""
    points = torch.from_numpy(np.stack((before, after))).to(values)  # [2, K]
    widths, rises = points.diff().unbind()
    segments = torch.bucketize(values.contiguous(), points[0, 1:-1].contiguous())
    # Measured from the segment's own start, float32 is enough also where the curve is steep.
    beyond_start = values - points[0].take(segments)
    return points[1].take(segments).addcmul_(beyond_start, (rises / widths).take(segments))


def _is_grey(photo: Image.Image, weights: NDArray[np.float64] | None) -> bool:
    """Whether a photo, or what of it has a weight above a half, is black and white."""
    pixels = np.asarray(photo)
    spread = pixels.max(2) - pixels.min(2)
    if weights is not None:
        spread = spread[weights > 0.5]
    return bool(spread.size) and float(np.quantile(spread, GREY_SHARE)) < GREY_SPREAD * 255


def _in_grey(picture: Tensor) -> Tensor:
    """The Y′ of a picture [1, 3, h, W] in all three channels."""
    return (picture * torch.from_numpy(LUMINANCE)[:, None, None]).sum(1, keepdim=True).expand_as(picture)


def _matching(
    pastiche: Image.Image, photo: Image.Image, method: ColorMethod, weights: NDArray[np.float64] | None
) -> _Linear | _Curves:
    if method != "histogram":
        return _linear_between(palette_of(pastiche, weights), palette_of(photo, weights), method)
    before, after = [], []
    own, wanted = (distribution(np.asarray(image), weights) for image in (pastiche, photo))
    for (levels, ranks), (wanted_levels, wanted_ranks) in zip(own, wanted, strict=True):
        matched = np.interp(ranks, wanted_ranks, wanted_levels)
        # Level beyond the ends, between which a flat picture has but one point.
        before.append(np.concatenate((levels[:1] - 1, levels, levels[-1:] + 1)))
        after.append(np.concatenate((matched[:1], matched, matched[-1:])))
    return _Curves(before, after)


def _linear_between(own: Palette, wanted: Palette, method: ColorMethod, max_gain: float | None = None) -> _Linear:
    (mean, covariance), (wanted_mean, wanted_covariance) = (_moments(palette) for palette in (own, wanted))
    matrix = transfer_matrix(covariance, wanted_covariance, method)
    if max_gain is not None:
        left, gains, right = np.linalg.svd(matrix)
        matrix = (left * gains.clip(1 / max_gain, max_gain)) @ right
    return _Linear(matrix, wanted_mean - matrix @ mean)


def recolored(motif: Tensor, palettes: Sequence[Palette | None], areas: Sequence[Tensor | None]) -> Tensor:
    """A motif in bytes [1, 3, H, W], each area [1, 1, H, W] of it with the mean and covariance of a palette, in bytes.

    It is the map of `transfer_matrix`'s `linear` that brings there the whole motif's colours. An area that is None is
    everywhere; what is of no area, or of one without a palette, stays as it is.
    """
    step = max(1, max(motif.shape[2:]) // LOOKED_AT)
    seen = motif[0, :, ::step, ::step].permute(1, 2, 0)
    own = palette_of(Image.fromarray(np.ascontiguousarray(seen.cpu().numpy())))
    maps = [_linear_between(own, palette, "linear", MAX_GAIN) if palette else None for palette in palettes]
    found = torch.empty_like(motif)
    for rows in (slice(top, top + STRIP_ROWS) for top in range(0, motif.shape[2], STRIP_ROWS)):
        strip = in_floats(motif[:, :, rows])
        changed = strip.clone()
        for change, area in zip(maps, areas, strict=True):
            if change:
                difference = change(strip).clamp_(0, 1) - strip
                changed += difference if area is None else difference.mul_(area[:, :, rows])
        found[:, :, rows] = (changed.clamp_(0, 1) * 255).round_().byte()
    return found


def transfer_matrix(covariance: Matrix, wanted: Matrix, method: ColorMethod) -> Matrix:
    """T [3, 3] with T·Σ·Tᵀ = Σ_wanted, for covariances [3, 3] after `EPSILON` is added to their diagonals.

    `linear`: the only symmetric positive T, Σ^−½ (Σ^½ Σ_wanted Σ^½)^½ Σ^−½, which of all moves colours least (optimal
    transport between Gaussians). `linear-cholesky`: the only lower triangular one, L_wanted L⁻¹. `linear-pca`:
    Σ_wanted^½ Σ^−½.

    Source: Gatys et al., arXiv 1606.05897, linear colour transfer (the Cholesky and the "image analogies" forms) and
    the notebook `ColourControl` of Gatys et al. 2017 ("chol", "pca", "sym"), with its epsilon.
    """
    covariance, wanted = (np.asarray(part, np.float64) + EPSILON * np.eye(3) for part in (covariance, wanted))
    if method == "linear-cholesky":
        return np.linalg.cholesky(wanted) @ np.linalg.inv(np.linalg.cholesky(covariance))
    root = _square_root(covariance)
    inverse = np.linalg.inv(root)
    if method == "linear-pca":
        return _square_root(wanted) @ inverse
    return inverse @ _square_root(root @ wanted @ root) @ inverse


def _square_root(matrix: Matrix) -> Matrix:
    values, vectors = np.linalg.eigh(matrix)
    root: Matrix = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    return root


def _moments(palette: Palette) -> tuple[Matrix, Matrix]:
    return np.asarray(palette.mean, np.float64), np.asarray(palette.covariance, np.float64)


def _risen(palette: Palette) -> list[Matrix]:
    """Quantiles that rise by at least SPREAD/255 a step, between two points that every picture shares."""
    ramp = SPREAD * (np.linspace(0, 1, palette.quantiles.shape[1]) - 0.5)
    ends = [-SPREAD], [1 + SPREAD]
    return [np.concatenate((ends[0], np.asarray(row, np.float64) + ramp, ends[1])) for row in palette.quantiles]


def _resampled(photo: Image.Image, size: tuple[int, int]) -> Image.Image:
    photo = photo.convert("RGB")
    return photo if photo.size == size else photo.resize(size, Image.Resampling.LANCZOS)
