"""Maps of colours: which colours a drawn map has, and whether it is one, and not a photo."""

from __future__ import annotations

import math
from typing import cast

from PIL import Image

# What is looked at for a map's colours, and how far apart two of them are at least (Euclid in RGB).
SAMPLE_SIDE, MOST_COLORS, APART = 128, 32, 64
LEAST_SHARE = 5e-4  # of a map, for a colour of it; the engine's own limit
# How far from a main colour a pixel may be that JPEG's noise or a brush's soft edge explains.
NOISE = 24

Color = tuple[int, int, int]


def main_colors(picture: Image.Image) -> dict[str, float]:
    """Colours of a map as `#rrggbb`, each with its share; what is nearer than APART to a commoner one is the same."""
    found: dict[Color, int] = {}
    for count, color in _counted(picture):
        near = next((other for other in found if math.dist(color, other) < APART), None)
        if near is not None:
            found[near] += count
        elif len(found) < MOST_COLORS:
            found[color] = count
    shares = {"#{:02x}{:02x}{:02x}".format(*color): count / SAMPLE_SIDE**2 for color, count in found.items()}
    return {color: share for color, share in shares.items() if share >= LEAST_SHARE}


def flatness(picture: Image.Image, colors: dict[str, float]) -> float:
    """The share of a picture, 0 to 1, that has one of these colours: nearly all of a map, and little of a photo."""
    main = [(int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)) for color in colors]
    flat = sum(count for count, color in _counted(picture) if any(math.dist(color, each) < NOISE for each in main))
    return flat / SAMPLE_SIDE**2


def _counted(picture: Image.Image) -> list[tuple[int, Color]]:
    """The colours of a sample of SAMPLE_SIDE² pixels, the commonest first."""
    sample = picture.convert("RGB").resize((SAMPLE_SIDE, SAMPLE_SIDE), Image.Resampling.NEAREST)
    return sorted(cast(list[tuple[int, Color]], sample.getcolors(SAMPLE_SIDE**2)), reverse=True)
