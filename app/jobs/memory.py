"""How much memory a painting takes at least: the front end refuses by it at once, the worker admits by it.

What has more is painted faster; see docs/architecture.md, "Print size". Measured with `python -m benchmarks.scaling`.
"""

from __future__ import annotations

# Of each pixel of the largest scale, while it begins: the iterate, the last one, the photo at both sizes, a channel of
# each in floats. Afterwards it is half of that.
BYTES_A_PIXEL = 30
# Activations and gradients of the smallest tile, with two bytes each.
TILE_BYTES = {"compact": 60e6, "vgg19": 220e6, "vgg16": 200e6}


def painting_bytes(pixels: float, extractor: str, itemsize: int = 2) -> int:
    """Bytes that a painting of so many pixels takes with activations of `itemsize` bytes, without what every painting
    takes. An extractor that is not known counts as the largest.
    """
    tile = TILE_BYTES.get(extractor, max(TILE_BYTES.values()))
    return int(pixels * BYTES_A_PIXEL + tile * itemsize / 2)
