"""Any picture → upright, sRGB, on a background, RGB with 8 bits, without metadata."""

from __future__ import annotations

from typing import NamedTuple, cast

from PIL import Image, ImageChops

from app.reading.colors import Meaning, to_srgb
from app.reading.errors import UNREADABLE

# The tag of EXIF. What XMP says of it is passed over, as browsers do, so that the page shows what will be painted.
ORIENTATION = 0x0112
ORIENTATIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Modes that the rest of this room knows; all others are brought to one of them first.
PLAIN = {"L", "LA", "RGB", "RGBA", "CMYK", "LAB"}


class Side(NamedTuple):
    """How long a picture becomes: `longest` pixels if it is longer than that by more than `slack`; a JPEG that its
    reader can decode at a scale that leaves it at most `slack` shorter is left at that.
    """

    longest: int
    slack: int


class Upright(NamedTuple):
    """A picture in RGB, and how opaque each pixel of its file is, in grey; None where all of them are wholly."""

    picture: Image.Image
    alpha: Image.Image | None


def normalize(
    image: Image.Image, meant: Meaning, side: Side | None = None, background: str | None = "white"
) -> Upright:
    """The first frame, upright, in sRGB, mode RGB, as long as `side` says, without metadata.

    It is put on the background; without one, what is transparent has the colour that the file gives it. May close the
    image.
    """
    orientation = read_orientation(image)
    image = replacing(image, plain(image))
    if side and max(image.size) > side.longest + side.slack:
        image = shrunk(image, within(image.size, side.longest))
    image = replacing(image, to_srgb(image, meant))
    if orientation is not None:
        image = replacing(image, image.transpose(orientation))
    alpha = None
    if image.mode in {"LA", "RGBA"}:
        alpha = image.getchannel("A")
        if background:
            image = Image.alpha_composite(Image.new("RGBA", image.size, background), image.convert("RGBA"))
    if image.mode != "RGB":
        image = image.convert("RGB")
    clean = Image.new("RGB", image.size)
    clean.paste(image)
    return Upright(clean, alpha if alpha and alpha.getextrema() != (255, 255) else None)


def plain(image: Image.Image) -> Image.Image:
    """The picture in one of the modes that are PLAIN, transparency included."""
    if image.mode == "CMYK":
        # Adobe's programs store inks inverted, and Pillow takes every JPEG for theirs.
        is_inverted = image.format in {"JPEG", "MPO"} and "adobe" not in image.info
        return ImageChops.invert(image) if is_inverted else image
    if image.mode.startswith("I"):
        return eight_bits(image)
    if image.mode == "F":
        # Measured from black to white, or in the levels of 8 bits.
        _, most = cast(tuple[float, float], image.getextrema())
        return (image.point(lambda level: level * 255) if most <= 1 else image).convert("L")
    if image.has_transparency_data:
        return image.convert({"1": "LA", "L": "LA", "LA": "LA", "La": "LA"}.get(image.mode, "RGBA"))
    if image.mode == "1":
        return image.convert("L")
    return image if image.mode in PLAIN else image.convert("RGB")


def eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits scaled to 8, where Pillow's own conversion would clip; the transparent level becomes alpha."""
    deep = image.convert("I")
    grey = deep.point([round(level / 257) for level in range(65536)], "L")
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey.putalpha(deep.point([0 if level == clear else 255 for level in range(65536)], "L"))
    return grey


def read_orientation(image: Image.Image) -> Image.Transpose | None:
    """How to turn the picture upright by its EXIF; unreadable metadata counts as none."""
    try:
        tags = Image.Exif()
        tags.load(image.info.get("exif", b""))
        return ORIENTATIONS.get(tags.get(ORIENTATION, 1))
    except (*UNREADABLE, TypeError):
        return None


def within(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """Width and height of a picture made at most `longest` pixels long, in its own proportions."""
    scale = min(1.0, longest / max(size))
    width, height = (max(1, round(side * scale)) for side in size)
    return width, height


def shrunk(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture made smaller; closes what it is given.

    First the width, then the height, as Pillow does it too, which would keep the picture and what lies between both
    steps until the end.
    """
    narrow = replacing(image, image.resize((size[0], image.height), Image.Resampling.LANCZOS))
    return narrow.resize(size, Image.Resampling.LANCZOS)


def replacing(before: Image.Image, after: Image.Image) -> Image.Image:
    """`after`, which was made from `before`; that one's memory is freed, whoever still refers to it."""
    if after is not before:
        before.close()
    return after
