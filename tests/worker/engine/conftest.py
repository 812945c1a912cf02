"""Makers for engine tests: pictures that are drawn, an extractor with the weights that ship."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from worker.engine import (
    Checkpoint,
    Extractor,
    Fingerprint,
    Iterate,
    PaintOptions,
    Pastiche,
    Scene,
    fingerprint_of,
    load_extractor,
    load_fingerprint,
    paint,
)
from worker.engine.losses.terms import ContentScaling, content_factor, squared_distance
from worker.engine.networks.extractors import POOL, Blocks, VggShaped, steps_of
from worker.engine.networks.operators import is_onednns
from worker.engine.style.statistics import at_least_float32

MODELS = Path(__file__).parents[3] / "models"


def draw_photo(width: int = 160, height: int = 120) -> Image.Image:
    """A smooth sky, a hill and a sun: edges, flat areas and gradients."""
    column = np.linspace(0, 1, height)[:, None, None]
    sky = (1 - column) * [120, 170, 230] + column * [250, 220, 190]
    image = Image.fromarray(np.broadcast_to(sky, (height, width, 3)).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    pen.polygon(
        [(0, height), (0, height * 0.7), (width * 0.5, height * 0.45), (width, height * 0.8), (width, height)],
        fill=(60, 90, 50),
    )
    pen.ellipse([width * 0.7, height * 0.1, width * 0.85, height * 0.3], fill=(255, 240, 180))
    return image


def draw_painting(width: int = 300, height: int = 260, seed: int = 3) -> Image.Image:
    """Hundreds of short thick strokes in a few strong colours."""
    random = np.random.default_rng(seed)
    image = Image.new("RGB", (width, height), (30, 40, 90))
    pen = ImageDraw.Draw(image)
    colors = [(240, 200, 60), (20, 60, 160), (220, 90, 40), (240, 240, 230)]
    for _ in range(700):
        x, y, angle = random.uniform(0, width), random.uniform(0, height), random.uniform(0, np.pi)
        end = (x + 24 * np.cos(angle), y + 24 * np.sin(angle))
        pen.line([(x, y), end], fill=colors[random.integers(4)], width=5)
    return image


def content_loss(features: Tensor, target: Tensor, scaling: ContentScaling = "relative", pixels: int = 1) -> Tensor:
    """Distance of activations [1, C, H, W] to the photo's, in a picture of so many pixels."""
    squares = at_least_float32(target).square().sum()
    return squared_distance(features, target) * content_factor(
        scaling, squares, target.shape[1], target.numel(), pixels
    )


def compact(dtype: torch.dtype) -> Extractor:
    """In a dtype of the test's choice: by itself it takes the processor's fastest, and no two have the same errors."""
    if dtype == torch.bfloat16 and not is_onednns(dtype):
        pytest.skip("oneDNN has no bfloat16 here, so nothing is painted in it")
    return load_extractor("compact", MODELS, MODELS, torch.device("cpu"), dtype)


def broken_off(
    scene: Scene, extractor: Extractor, options: PaintOptions, where: Callable[[Iterate], bool]
) -> Checkpoint:
    """What a painting goes on from that is stopped at the first iterate where `where` says so."""
    kept: list[Checkpoint] = []

    def stop(iterate: Iterate) -> bool:
        if where(iterate):
            kept.append(iterate.checkpoint())
        return bool(kept)

    assert paint(scene, extractor, options, stop).stopped
    return kept[0]


def watched(
    scene: Scene, extractor: Extractor, options: PaintOptions, most: int | None = None, resume: Checkpoint | None = None
) -> tuple[Pastiche, list[Iterate]]:
    """Paint, and stop after so many iterates if told to; all iterates on the way."""
    seen: list[Iterate] = []

    def watch(iterate: Iterate) -> bool:
        seen.append(iterate)
        return len(seen) == most

    return paint(scene, extractor, options, watch, resume), seen


NARROW: Blocks = (
    ("relu1_1", (3,)),
    ("relu2_1", (4, POOL, 4)),
    ("relu3_1", (5, POOL, 5)),
    ("relu4_1", (5, 5, 6, POOL, 6)),
    ("relu4_2", (6,)),
    ("relu5_1", (6, 6, POOL, 7)),
    ("relu5_4", (7, 6, 5)),
)


def narrow_extractor() -> Extractor:
    """A network of VGG-19's depth with random weights, in float64: its tiles and its whole agree to the last digits."""
    torch.manual_seed(5)
    network = VggShaped(NARROW).double()
    for step in steps_of(NARROW):
        weight = network.convolution(step).weight.detach()
        weight.normal_(std=(2 / weight[0].numel()) ** 0.5)
    return Extractor("narrow", network, "random", torch.device("cpu"), torch.float64)


@pytest.fixture(scope="session")
def extractor() -> Extractor:
    return compact(torch.float32)


@pytest.fixture(scope="session")
def photo() -> Image.Image:
    return draw_photo()


@pytest.fixture(scope="session")
def painting() -> Image.Image:
    return draw_painting()


@pytest.fixture(scope="session")
def starry_night(extractor: Extractor) -> Fingerprint:
    """A painting that ships."""
    return load_fingerprint(MODELS.with_name("styles") / "starry_night" / "fingerprint.safetensors", extractor)


@pytest.fixture(scope="session")
def style(extractor: Extractor, painting: Image.Image) -> Fingerprint:
    return fingerprint_of(painting, extractor)
