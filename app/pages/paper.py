"""What an artwork looks like on paper: on which sheets it is sharp, and how large each of them hangs on a wall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.translation import N_, _

CM_PER_INCH = 2.54
CLOSE_DPI, USUAL_DPI, FAR_DPI = 300, 200, 150
FRAME = 1.6  # cm of wood around a sheet
HUNG_AT = (160.0, 62.0)  # the middle of what hangs on the wall of templates/_room.html, in its own centimetres
# Name, and the sides in centimetres; the shorter one first.
METRIC = (
    ("10 × 15 cm", 10, 15), ("13 × 18 cm", 13, 18), ("A5", 14.8, 21), ("A4", 21, 29.7), ("30 × 40 cm", 30, 40),
    ("A3", 29.7, 42), ("A2", 42, 59.4), ("50 × 70 cm", 50, 70),
)  # fmt: skip
IN_INCHES = tuple(
    (name, CM_PER_INCH * short, CM_PER_INCH * long)
    for name, short, long in (
        ("4 × 6 in", 4, 6), ("5 × 7 in", 5, 7), ("8 × 10 in", 8, 10), (N_("Letter"), 8.5, 11), ("11 × 14 in", 11, 14),
        ("11 × 17 in", 11, 17), ("16 × 20 in", 16, 20), ("18 × 24 in", 18, 24),
    )
)  # fmt: skip


@dataclass(frozen=True)
class Sheet:
    """A sheet of paper that is turned as the artwork is, which lies on it whole. Sides are in centimetres."""

    name: str
    width: float
    height: float
    printed: tuple[float, float]
    dpi: int
    painted_at: int | None  # pixels of its longer side, of those on offer, that make it good from some steps away

    @property
    def is_sharp(self) -> bool:
        return self.dpi >= FAR_DPI

    @property
    def verdict(self) -> str:
        """How sharp it is, in words."""
        if self.dpi >= CLOSE_DPI:
            return _("sharp, even close up")
        if self.dpi >= USUAL_DPI:
            return _("sharp at arm’s length")
        if self.is_sharp:
            return _("good from some steps away")
        if self.painted_at:
            return _("too coarse; good if painted at {size} px").format(size=self.painted_at)
        return _("too coarse")

    @property
    def on_the_wall(self) -> str:
        """What the picture of the wall shows, in words."""
        return _("The artwork as {paper}, framed above a sofa, beside a person of 170 cm").format(paper=self.name)

    @property
    def frame(self) -> str:
        return _hung(self.width + 2 * FRAME, self.height + 2 * FRAME)

    @property
    def mat(self) -> str:
        return _hung(self.width, self.height)

    @property
    def picture(self) -> str:
        return _hung(*self.printed)


def _hung(width: float, height: float) -> str:
    """x, y, width and height of what hangs on the wall."""
    return f"{HUNG_AT[0] - width / 2:.2f} {HUNG_AT[1] - height / 2:.2f} {width:.2f} {height:.2f}"


def sheets(width: int, height: int, offered: Sequence[int], in_inches: bool = False) -> list[Sheet]:
    """All sheets, the smallest first, for an artwork of so many pixels that can be painted at the offered sizes too."""
    return [sheet((width, height), offered, *paper) for paper in (IN_INCHES if in_inches else METRIC)]


def sheet(pixels: tuple[int, int], offered: Sequence[int], name: str, short: float, long: float) -> Sheet:
    """One sheet with an artwork of so many pixels on it."""
    width, height = pixels
    across, down = (long, short) if width > height else (short, long)
    pixel = min(across / width, down / height)
    needed = FAR_DPI / CM_PER_INCH * pixel * max(width, height)
    painted_at = min((size for size in offered if size >= needed), default=None)
    return Sheet(_(name), across, down, (pixel * width, pixel * height), int(CM_PER_INCH / pixel), painted_at)


def largest_sharp(found: Sequence[Sheet]) -> Sheet:
    """The sheet to begin with: the largest that is sharp from some steps away, or the smallest."""
    return next((each for each in reversed(found) if each.is_sharp), found[0])
