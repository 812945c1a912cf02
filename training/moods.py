"""How a painting's colours look at a glance: `python -m training.moods` prints what each style.toml should say of them.

Told from the sketch of 24 pixels in its fingerprint. What is not about colour (bold, soft, print, portraits) is judged
by eye, from what the painting makes of photos, and stays as it is written.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from app.jobs.styles import Mood, find_styles

COLORS: tuple[Mood, ...] = ("blue", "gold", "red", "green", "dark", "bright")
DIM = 0.35  # what is darker has no colour to speak of
# Ottosson 2020, "A perceptual color space for image processing": linear sRGB to the cones, and their roots to Oklab.
TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def color_moods(sketch: NDArray[np.uint8]) -> list[Mood]:
    """The moods of COLORS that a picture [h, w, 3] has, by the shares of its hues and its mean lightness in Oklab."""
    srgb = sketch.reshape(-1, 3) / 255.0
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    light, a, b = (np.cbrt(linear @ TO_CONES.T) @ TO_LAB.T).T
    chroma, hue = np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360

    def share(least: float, begin: float, end: float) -> float:
        return float(((chroma > least) & (light > DIM) & ((hue - begin) % 360 < end - begin)).mean())

    has: dict[Mood, bool] = {
        "blue": share(0.03, 196, 300) > 0.1,
        "gold": share(0.06, 65, 112) > 0.2,
        "red": share(0.08, -15, 50) > 0.1,
        "green": share(0.045, 112, 185) > 0.18,
        "dark": bool(light.mean() < 0.47),
        "bright": bool(light.mean() > 0.66),
    }
    return [mood for mood in COLORS if has[mood]]


def sketch_of(fingerprint: Path) -> NDArray[np.uint8]:
    """The sketch in a fingerprint's file, [h, w, 3]."""
    with safe_open(str(fingerprint), "np") as file:
        sketch: NDArray[np.uint8] = file.get_tensor("cells.sketch")
    return sketch


if __name__ == "__main__":
    for style in find_styles():
        fingerprint = style.fingerprint("compact")
        if fingerprint:
            print(style.id, *color_moods(sketch_of(fingerprint)))
