"""A picture's colours without its pixels: what colour transfer needs to know of a painting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

QUANTILES = 256
FLAT = 1e-6  # variance of a channel: a quarter of one of 255 levels
BAND_ROWS = 256  # Moments are summed over bands, so that float64 copies of a 2048 px picture stay below 13 MB.


@dataclass(frozen=True)
class Palette:
    """Mean [3], covariance [3, 3] and quantiles [3, 256] of RGB in [0, 1], float32.

    `quantiles[c, k]` is the value that the share k/255 of the pixels does not exceed in channel c.
    """

    mean: Tensor
    covariance: Tensor
    quantiles: Tensor

    @property
    def is_flat(self) -> bool:
        """Whether the picture has but one colour."""
        return float(self.covariance.diagonal().max()) < FLAT


def palette_of(image: Image.Image, weights: NDArray[np.float64] | None = None) -> Palette:
    """Palette of an RGB picture; `weights` [H, W], not all zero, say how much each pixel counts (None: all alike)."""
    pixels = np.asarray(image.convert("RGB"))
    mean, covariance = _moments(pixels, weights)
    shares = np.linspace(0, 1, QUANTILES)
    quantiles = [np.interp(shares, ranks, levels) for levels, ranks in distribution(pixels, weights)]
    return Palette(*(torch.tensor(np.array(part), dtype=torch.float32) for part in (mean, covariance, quantiles)))


def palette_distance(one: Palette, other: Palette) -> float:
    """How far one palette's colours have to be moved to become the other's, in RGB: 0 for the same, at most about √3.

    Source: the Wasserstein-2 distance of two Gaussians, |m₁ − m₂|² + tr(Σ₁ + Σ₂ − 2(Σ₁^½ Σ₂ Σ₁^½)^½) under the root
    (Dowson and Landau, J. Multivariate Analysis 12, 1982, eq. 4): both palettes are taken for Gaussians.
    """
    first, second = one.covariance.double(), other.covariance.double()
    root = _root(first)
    spread = first.trace() + second.trace() - 2 * _root(root @ second @ root).trace()
    between = (one.mean.double() - other.mean.double()).square().sum()
    return float((between + spread.clamp_min(0)).sqrt())


def mixed_palette(parts: Sequence[tuple[Palette, float]]) -> Palette:
    """Palette of several, with shares that sum to 1.

    Mean and covariance are those of all their pixels together. Quantiles are averaged, which is the one-dimensional
    distribution between theirs (the Wasserstein barycentre): half of blue and half of red is no two-humped violet.
    """
    mean = torch.stack([palette.mean * share for palette, share in parts]).sum(0)
    covariance = torch.zeros_like(parts[0][0].covariance)
    for palette, share in parts:
        offset = palette.mean - mean
        covariance = covariance + share * (palette.covariance + torch.outer(offset, offset))
    quantiles = torch.stack([palette.quantiles * share for palette, share in parts]).sum(0)
    return Palette(mean, covariance, quantiles)


def distribution(
    pixels: NDArray[np.uint8], weights: NDArray[np.float64] | None = None
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """For each channel of `pixels` [H, W, 3]: the levels in [0, 1] that occur, increasing, and the rank of each.

    A level's rank is the share of pixels below it and half of those at it, so that rank ½ is the median also of a flat
    picture.
    """
    flat_weights = None if weights is None else weights.ravel()
    result = []
    for channel in range(3):
        counts = np.bincount(pixels[..., channel].ravel(), flat_weights, minlength=256).astype(np.float64)
        occurring = np.flatnonzero(counts)
        counts = counts[occurring]
        result.append((occurring / 255, (counts.cumsum() - counts / 2) / counts.sum()))
    return result


def _root(matrix: Tensor) -> Tensor:
    """The root of a symmetric matrix [3, 3] without negative eigenvalues, but for rounding."""
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = vectors * values.clamp_min(0).sqrt() @ vectors.T
    return root


def _moments(
    pixels: NDArray[np.uint8], weights: NDArray[np.float64] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    total, first, second = 0.0, np.zeros(3), np.zeros((3, 3))
    for top in range(0, pixels.shape[0], BAND_ROWS):
        rows = slice(top, top + BAND_ROWS)
        band = pixels[rows].reshape(-1, 3) / 255  # [M, 3]
        share = np.ones(len(band)) if weights is None else weights[rows].ravel()
        weighted = band * share[:, None]
        total += share.sum()
        first += weighted.sum(0)
        second += weighted.T @ band
    mean = first / total
    return mean, second / total - np.outer(mean, mean)
