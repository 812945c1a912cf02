"""Draws the icons that browsers ask for by name from static/pictures/icon.svg: `python -m training.icons`."""

from __future__ import annotations

import io
from pathlib import Path

import pyvips
from PIL import Image

PICTURES = Path(__file__).parents[1] / "static" / "pictures"
DRAWN_AT = 32  # the side of the drawing's own grid
FAVICON_SIDES = (48, 32, 16)
TOUCH_SIDE = 180
PAPER = "#f5efe4"


def drawn(side: int) -> Image.Image:
    """The icon, drawn for this side rather than made smaller from a larger one."""
    picture = pyvips.Image.svgload(str(PICTURES / "icon.svg"), scale=side / DRAWN_AT)
    return Image.open(io.BytesIO(picture.pngsave_buffer())).convert("RGBA")


def main() -> None:
    """Write favicon.ico and apple-touch-icon.png."""
    largest, *others = (drawn(side) for side in FAVICON_SIDES)
    sizes = [(side, side) for side in FAVICON_SIDES]
    largest.save(PICTURES / "favicon.ico", sizes=sizes, append_images=others)
    touch = Image.new("RGB", (TOUCH_SIDE, TOUCH_SIDE), PAPER)  # a phone paints black behind what is transparent
    icon = drawn(TOUCH_SIDE)
    touch.paste(icon, mask=icon.getchannel("A"))
    touch.save(PICTURES / "apple-touch-icon.png", optimize=True)


if __name__ == "__main__":
    main()
