"""What a hostile input is, and what must become of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.app.pictures import BLUE, GREEN, RED, WHITE

Color = tuple[int, int, int]
UPRIGHT: tuple[Color, ...] = (RED, GREEN, BLUE, WHITE)
# The four colours as the formula of ITU-R BT.601 makes them grey.
GREYS: tuple[Color, ...] = tuple(
    (round(0.299 * red + 0.587 * green + 0.114 * blue),) * 3 for red, green, blue in UPRIGHT
)


@dataclass(frozen=True)
class Taken:
    """The photo is kept: with this size, and these colours in the middle of its quarters, within a tolerance.

    Beside it is how opaque it is in the middle of each quarter, if it is not wholly.
    """

    size: tuple[int, int] = (96, 64)
    corners: Sequence[Color] | None = UPRIGHT
    tolerance: int = 12
    opacity: Sequence[int] | None = None


@dataclass(frozen=True)
class Refused:
    """The photo is refused with this status and code."""

    code: str
    status: int = 422


DAMAGED = Refused("photo-damaged")
TOO_MANY_PIXELS = Refused("photo-too-many-pixels")
TOO_SMALL = Refused("photo-too-small")
NOT_AN_IMAGE = Refused("photo-not-an-image", 415)
WRONG_TYPE = Refused("photo-wrong-type", 415)


@dataclass(frozen=True)
class Case:
    """One file to send. `number` is its row in docs/security.md."""

    number: int
    name: str
    make: Callable[[], bytes]
    expected: Taken | Refused
    filename: str = "SecretName.jpg"
    content_type: str = "image/jpeg"

    @property
    def id(self) -> str:
        return f"{self.number:02d} {self.name}"
