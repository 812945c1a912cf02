"""How much memory a painting takes: the front end refuses by it at once, the worker admits by it.

Measured with `python -m benchmarks.memory`, a little rounded up.
"""

from __future__ import annotations

# Each pixel of the largest scale, in bfloat16: activations kept for the way back, their gradients, L-BFGS's history.
BYTES_A_PIXEL = {"compact": 750, "vgg19": 2000, "vgg16": 2000}


def painting_bytes(pixels: float, extractor: str, itemsize: int = 2) -> int:
    """Bytes that a painting of so many pixels takes with activations of `itemsize` bytes, without what every painting
    takes. An extractor that is not known counts as the largest.
    """
    return int(pixels * BYTES_A_PIXEL.get(extractor, max(BYTES_A_PIXEL.values())) * itemsize / 2)
