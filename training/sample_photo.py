"""Draws static/pictures/sample.jpg, the picture for visitors who have no photo at hand: a lake between hills at dusk.

Everything in it is computed, so it belongs to the project: `python -m training.sample_photo`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 1200, 900
HORIZON = 520
OUT = Path(__file__).parents[1] / "static" / "pictures" / "sample.jpg"


def noise(rng: np.random.Generator, width: int, height: int, coarsest: int, octaves: int) -> NDArray[np.float32]:
    """Fractal noise [height, width] in about [-1, 1]: each octave doubles the frequency and halves the amplitude."""
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        cells = coarsest * 2**octave
        rows = max(2, round(cells * height / width))
        grid = rng.uniform(-1, 1, (rows + 1, cells + 1)).astype(np.float32)
        layer = Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC)
        total += np.asarray(layer) * 0.5**octave
    return total


def ridge(rng: np.random.Generator, base: float, height: float, roughness: int) -> NDArray[np.float32]:
    """Height [WIDTH] of one chain of hills, in pixels from the top."""
    profile: NDArray[np.float32] = noise(rng, WIDTH, 2, roughness, 6)[0]
    return base - height * (0.55 + 0.45 * profile)


def sky(rng: np.random.Generator) -> np.ndarray:
    rows = np.linspace(0, 1, HORIZON)[:, None, None]
    stops = np.array([[52, 78, 126], [120, 142, 178], [236, 188, 150], [252, 218, 160]], np.float32)
    picture = np.stack(
        [np.interp(rows[:, 0, 0], [0, 0.45, 0.8, 1], stops[:, channel]) for channel in range(3)], axis=-1
    )[:, None, :].repeat(WIDTH, axis=1)
    clouds = noise(rng, WIDTH, HORIZON * 3, 4, 6)[::3]
    cover = np.clip(clouds - 0.05, 0, 1)[..., None] * (1 - rows * 0.5)
    picture += cover * (np.array([255, 214, 190]) - picture) * 1.1
    y, x = np.mgrid[0:HORIZON, 0:WIDTH]
    distance = np.hypot(x - 790, y - 400)
    glow = np.exp(-distance / 130)[..., None]
    picture += glow * np.array([90, 70, 30])
    picture[distance < 34] = (255, 244, 214)
    return picture


def landscape(rng: np.random.Generator) -> np.ndarray:
    picture = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    picture[:HORIZON] = sky(rng)
    texture = noise(rng, WIDTH, HEIGHT, 24, 5)[..., None]
    y = np.arange(HEIGHT)[:, None]
    chains = [(500, 190, 3, (132, 140, 172)), (512, 130, 5, (94, 108, 136)), (520, 80, 8, (58, 78, 84))]
    for base, tall, rough, color in chains:
        top = ridge(rng, base, tall, rough)[None, :]
        inside = ((y >= top) & (y < HORIZON))[..., None]
        shade = np.clip((y - top) / 150, 0, 1)[..., None]
        surface = np.array(color) * (0.92 + 0.14 * texture) + shade * np.array([46, 34, 20])
        picture = np.where(inside, surface, picture)
    # The lake repeats what stands above it, darker and drawn out sideways by waves.
    depth = HEIGHT - HORIZON
    waves = noise(rng, WIDTH, depth, 60, 3) + noise(rng, WIDTH // 12, depth, 10, 4).repeat(12, axis=1)
    rows = np.arange(depth)[:, None]
    source_y = np.clip(HORIZON - 1 - rows * 1.25 + waves * (3 + rows * 0.06), 0, HORIZON - 1).astype(int)
    source_x = np.clip(np.arange(WIDTH)[None, :] + waves * 4, 0, WIDTH - 1).astype(int)
    lake = picture[source_y, source_x] * np.linspace(0.9, 0.5, depth)[:, None, None]
    lake += np.clip(waves - 0.6, 0, 1)[..., None] * np.array([80, 74, 66])
    picture[HORIZON:] = lake + np.linspace(0, 1, depth)[:, None, None] * np.array([-8, 4, 16])
    return picture


def draw_near(picture: Image.Image, rng: np.random.Generator) -> None:
    """A bank with pines on the left, and a boat with a person in it on the water."""
    pen = ImageDraw.Draw(picture)
    bank = [(0, 640)] + [(x, 640 + x * 0.42 + rng.normal(0, 5)) for x in range(0, 640, 12)] + [(660, 900), (0, 900)]
    pen.polygon(bank, (34, 38, 30))
    for _ in range(5200):
        x = rng.uniform(0, 600)
        y = 645 + x * 0.42 + rng.uniform(0, 230)
        tone = rng.uniform(0.6, 1.5)
        pen.line([(x, y), (x + rng.normal(0, 3), y - rng.uniform(4, 17))], tuple(int(c * tone) for c in (62, 66, 36)))
    for x, foot, tall in [(60, 690, 520), (168, 720, 390), (262, 770, 300), (14, 740, 300), (345, 800, 190)]:
        pen.line([(x, foot), (x, foot - tall)], (40, 30, 26), max(3, tall // 60))
        for step in range(tall // 4):
            height = step * 4
            reach = (1 - height / tall) * tall * 0.2 * rng.uniform(0.55, 1.1) + 3
            for side in (-1, 1):
                tip = (x + side * reach, foot - height - tall * 0.08 + reach * 0.42)
                tone = rng.uniform(0.7, 1.35) * (1.25 if side > 0 else 0.9)
                color = tuple(int(c * tone) for c in (28, 50, 42))
                pen.line([(x, foot - height - tall * 0.12), tip], color, 3)
    pen.polygon([(770, 640), (930, 634), (902, 664), (800, 667)], (86, 42, 30))
    pen.line([(770, 640), (930, 634)], (196, 130, 84), 4)
    pen.polygon([(798, 668), (902, 665), (880, 684), (818, 685)], (38, 34, 44))
    pen.polygon([(832, 638), (868, 637), (862, 598), (842, 598)], (164, 52, 40))
    pen.ellipse([(840, 572), (864, 600)], (214, 164, 130))
    pen.pieslice([(836, 566), (868, 596)], 180, 360, (58, 44, 38))
    pen.line([(860, 612), (948, 668)], (120, 88, 60), 4)


def main() -> None:
    rng = np.random.default_rng(1889)
    picture = Image.fromarray(np.clip(landscape(rng), 0, 255).astype(np.uint8))
    draw_near(picture, rng)
    picture = picture.filter(ImageFilter.GaussianBlur(0.7))
    grain = rng.normal(0, 3.5, (HEIGHT, WIDTH, 1))
    pixels = np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(OUT, quality=86)


if __name__ == "__main__":
    main()
