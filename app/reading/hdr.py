"""High dynamic range → sRGB: what a phone's HDR photo should look like on a screen that has no more than white.

Only for pictures whose file says so by numbers (ITU-T H.273, as AVIF, HEIC and PNG do); the rest is in colors.py.
"""

from __future__ import annotations

import math
from functools import partial

from PIL import Image, ImageFilter

PQ, HLG = 16, 18
Matrix = tuple[tuple[float, float, float], ...]
# From linear RGB of these primaries to linear sRGB: ITU-R BT.709, BT.2020 (BT.2087), Display P3.
TO_SRGB: dict[int, Matrix] = {
    1: ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    9: ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187)),
    12: ((1.2249, -0.2247, 0.0), (-0.0420, 1.0419, 0.0), (-0.0197, -0.0786, 1.0979)),
}
# Where a sheet of white paper lies, in candela per square metre, and the brightest of an HLG screen (BT.2408).
PAPER_WHITE, HLG_PEAK = 203.0, 1000.0
# Up to this share of white nothing changes; what is brighter is pressed together below white.
KNEE = 0.75
GRID = 33  # points of the table on each axis; between them Pillow interpolates


def to_standard_range(image: Image.Image, primaries: int, transfer: int) -> Image.Image:
    """An RGB or RGBA picture in sRGB."""
    table = ImageFilter.Color3DLUT.generate(GRID, partial(displayed, TO_SRGB[primaries], transfer))
    return image.filter(table)


def displayed(matrix: Matrix, transfer: int, *signal: float) -> tuple[float, ...]:
    """sRGB values, 0 to 1, of one colour's signal, 0 to 1."""
    light = from_pq(*signal) if transfer == PQ else from_hlg(*signal)
    linear = [max(0.0, sum(row[k] * light[k] for k in range(3))) for row in matrix]
    brightest = max(linear)
    if brightest > KNEE:
        # All three by the same factor, so that the hue stays.
        pressed = KNEE + (1 - KNEE) * (1 - math.exp(-(brightest - KNEE) / (1 - KNEE)))
        linear = [value * pressed / brightest for value in linear]
    return tuple(12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055 for value in linear)


def from_pq(*signal: float) -> list[float]:
    """Light as a share of paper white (SMPTE ST 2084)."""
    powers = [value ** (1 / 78.84375) for value in signal]
    shares = [
        (max(power - 0.8359375, 0.0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125) for power in powers
    ]
    return [10_000 * share / PAPER_WHITE for share in shares]


def from_hlg(*signal: float) -> list[float]:
    """Light as a share of paper white on a screen of HLG_PEAK (ITU-R BT.2100)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = [value * value / 3 if value <= 0.5 else (math.exp((value - c) / a) + b) / 12 for value in signal]
    brightness = 0.2627 * scene[0] + 0.6780 * scene[1] + 0.0593 * scene[2]
    gain = brightness**0.2 if brightness > 0 else 0.0
    return [HLG_PEAK * gain * value / PAPER_WHITE for value in scene]
