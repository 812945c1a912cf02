"""Photos that carry a mark which their artwork still shows: of sixteen blocks, which eight are bright.

They are wide and low, so that the smallest painting is painted in about a second.
"""

from __future__ import annotations

import itertools
import random

import numpy as np
from PIL import Image

from tests.worker.engine.conftest import draw_photo

COLUMNS, ROWS = 8, 2
BLOCKS = COLUMNS * ROWS
WIDTH, HEIGHT = 320, 80
APART = 4  # blocks at least in which two marks differ
Mark = frozenset[int]  # the numbers of the bright blocks, row by row


def marks(count: int, seed: int = 0) -> list[Mark]:
    """Different marks, 64 at most."""
    every = [frozenset(blocks) for blocks in itertools.combinations(range(BLOCKS), BLOCKS // 2)]
    random.Random(seed).shuffle(every)
    chosen: list[Mark] = []
    while len(chosen) < count:
        mark = every.pop()
        if all(len(mark ^ other) >= APART for other in chosen):
            chosen.append(mark)
    return chosen


def draw(mark: Mark) -> Image.Image:
    """A drawn photo under the mark's blocks."""
    blocks = np.array([230.0 if number in mark else 25.0 for number in range(BLOCKS)]).reshape(ROWS, COLUMNS)
    light = np.kron(blocks, np.ones((HEIGHT // ROWS, WIDTH // COLUMNS)))[:, :, None]
    photo = np.asarray(draw_photo(WIDTH, HEIGHT), float)
    return Image.fromarray((0.75 * light + 0.25 * photo).round().astype(np.uint8))


def read(picture: Image.Image) -> Mark:
    """The mark that a picture shows: the brighter half of its blocks, each judged by its inner part."""
    grey = picture.convert("L")
    width, height = grey.width / COLUMNS, grey.height / ROWS
    light = []
    for row, column in itertools.product(range(ROWS), range(COLUMNS)):
        inner = ((column + 0.2) * width, (row + 0.2) * height, (column + 0.8) * width, (row + 0.8) * height)
        left, top, right, bottom = (round(edge) for edge in inner)
        light.append(float(np.asarray(grey.crop((left, top, right, bottom))).mean()))
    return frozenset(np.argsort(light)[-BLOCKS // 2 :].tolist())
