"""What is known of a photo's mask without its pixels, and which of its colours is meant by one that is asked for."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence

from app.jobs.models import StyleChoice
from app.jobs.options import Frozen
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobNotFoundError, Storage

# How far from a colour of the mask one may be (Euclid in RGB) that still means it: another program's red is red enough.
NEAR = 64
# Colours of a smaller share of the mask are edges that were smoothed, unless somebody asks for them.
COMMON_SHARE = 0.01
# How far from a colour one may be that JPEG's noise explains.
NOISE = 24
GREY_CELLS, COLOR_CELLS = 32 * 32, 32 * 32 * 3


class MaskFacts(Frozen):
    """What was found out about a mask when it was taken in.

    Attributes:
        white: its mean luminance, 0 to 1.
        colors: main colours as `#rrggbb`, each with its share of the mask.
        flat: the share of it that has one of these colours, of a photo much less; of earlier releases' not known.
        grid: 32 × 32 cells, row by row, in base64: averages of a grey mask, RGB of the middles of a coloured one.
    """

    width: int
    height: int
    white: float
    colors: dict[str, float]
    grid: str
    flat: float = 1.0

    def meant(self, color: str) -> str | None:
        """The mask's own colour that is meant by `color`; None where nothing like it occurs."""
        near = min(self.colors, key=lambda own: distance(own, color), default=None)
        return near if near and distance(near, color) < NEAR else None

    def asked(self, styles: Iterable[StyleChoice], mask_id: str | None) -> list[str]:
        """Its own colours that styles ask for, of those that name it by this id."""
        meant = [self.meant(style.color) for style in styles if style.mask == mask_id and style.color]
        return [color for color in meant if color]

    def rivals(self, asked: Iterable[str]) -> list[str]:
        """All colours that share the mask's pixels among them, where these of its own are asked for."""
        common = (color for color, share in self.colors.items() if share >= COMMON_SHARE)
        return list(dict.fromkeys([*asked, *common]))

    def cover(self, color: str | None, rivals: Sequence[str] = ()) -> list[float]:
        """The share, 0 to 1, of each cell that is white, or whose colour is nearer to `color` than to its rivals."""
        cells = base64.b64decode(self.grid)
        if len(cells) == GREY_CELLS:
            pixels = [(level, level, level) for level in cells]
        else:
            pixels = list(zip(cells[::3], cells[1::3], cells[2::3], strict=True))
        if color is None:
            return [(0.299 * red + 0.587 * green + 0.114 * blue) / 255 for red, green, blue in pixels]
        own = _rgb(color)
        others = [_rgb(rival) for rival in rivals if rival != color]
        return [float(all(math.dist(each, own) <= math.dist(each, other) for other in others)) for each in pixels]


def find_mask(photo_id: str, mask_id: str, storage: Storage) -> MaskFacts | None:
    """What is known of a mask; None for one that this photo never had, or that is gone."""
    try:
        return MaskFacts.model_validate_json(storage.get(keys.mask_meta_key(photo_id, mask_id)))
    except (BlobNotFoundError, ValueError):
        return None


def find_part_map(painting_id: str, map_id: str, storage: Storage) -> MaskFacts | None:
    """The same of a map of a person's own painting's parts."""
    try:
        return MaskFacts.model_validate_json(storage.get(keys.part_map_meta_key(painting_id, map_id)))
    except (BlobNotFoundError, ValueError):
        return None


def distance(color: str, other: str) -> float:
    """Of two colours as `#rrggbb`, Euclid's in RGB."""
    return math.dist(_rgb(color), _rgb(other))


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
