"""Pillow pictures and tensors: conversion and sizes. The only module here that speaks width-first."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

MIN_SIDE = 32  # relu5_1 sees the picture 16 times smaller: below this, nothing is left to compare.


def fitted_size(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """(width, height) with the aspect ratio of `size` at which an extractor can look at a picture.

    Its longer side is `longest`, or more where the shorter one would be below MIN_SIDE.
    """
    ratio = max(longest / max(size), MIN_SIDE / min(size))
    return round(size[0] * ratio), round(size[1] * ratio)


def exact_size(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """(width, height) with the aspect ratio of `size`, its longer side `longest`, however short the other one is."""
    ratio = longest / max(size)
    return max(1, round(size[0] * ratio)), max(1, round(size[1] * ratio))


def to_tensor(image: Image.Image, size: tuple[int, int] | None = None) -> Tensor:
    """As `to_bytes`, but float32 in [0, 1]."""
    return in_floats(to_bytes(image, size))


def in_floats(values: Tensor) -> Tensor:
    """Bytes as float32 in [0, 1]; what is in floats already as it is."""
    return values.float().div_(255) if values.dtype == torch.uint8 else values


def to_bytes(image: Image.Image, size: tuple[int, int] | None = None) -> Tensor:
    """RGB picture as contiguous uint8 [1, 3, H, W], resampled with Lanczos to `size` (width, height) if given."""
    image = image.convert("RGB")
    if size is not None and image.size != size:
        image = image.resize(size, Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].contiguous()


def to_image(tensor: Tensor) -> Image.Image:
    """RGB picture from [1, 3, H, W]; values outside [0, 1] are clipped."""
    pixels = (tensor.detach()[0].clamp(0, 1) * 255).round().to(torch.uint8)
    return Image.fromarray(pixels.permute(1, 2, 0).cpu().contiguous().numpy())


def resized(tensor: Tensor, size: tuple[int, int]) -> Tensor:
    """Bicubic resampling of contiguous [1, 3, h, w] to `size` (width, height), clipped to [0, 1]; not a view."""
    grown = F.interpolate(tensor, (size[1], size[0]), mode="bicubic", align_corners=False, antialias=True)
    return grown.clamp_(0, 1)


def shrunk(tensor: Tensor, longest: int) -> Tensor:
    """Means of squares of pixels [1, 3, H, W], so many that the longer side is from `longest` to twice that at most."""
    side = max(tensor.shape[2:]) // longest
    return F.avg_pool2d(tensor, side) if side > 1 else tensor
