"""How opaque a picture's pixels are: read as its file says it, whatever its kind, and turned and shrunk with it."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image, features

from app.reading.normal import Side, Upright
from app.reading.picture import read_picture
from tests.app.pictures import BLUE, GREEN, RED, encoded, quarters
from tests.hostile import formats

Places = tuple[tuple[int, int], ...]
MIDDLES: Places = ((24, 16), (72, 16), (24, 48), (72, 48))


def read(data: bytes, **options: object) -> Upright:
    return read_picture(io.BytesIO(data), **options)  # type: ignore[arg-type]


def faded() -> Image.Image:
    """The quarters: red opaque, green half, blue hardly to be seen, and black, which is not seen, for white."""
    image = quarters().convert("RGBA")
    image.paste((0, 0, 0, 255), (48, 32, 96, 64))
    alpha = Image.new("L", image.size, 255)
    for level, box in ((128, (48, 0, 96, 32)), (3, (0, 32, 48, 64)), (0, (48, 32, 96, 64))):
        alpha.paste(level, box)
    image.putalpha(alpha)
    return image


def levels(data: bytes) -> list[int]:
    """The opacity in the middles of the quarters."""
    alpha = read(data).alpha
    assert alpha is not None
    assert (alpha.mode, alpha.size) == ("L", (96, 64))
    return [alpha.getpixel(place) for place in MIDDLES]  # type: ignore[misc]


def deep(alpha: tuple[int, ...]) -> bytes:
    """A PNG of 16 bits whose quarters have these opacities."""
    rows = []
    for y in range(64):
        pixels = [(1000, 2000, 3000, alpha[(x >= 48) + 2 * (y >= 32)]) for x in range(96)]
        rows.append(b"".join(struct.pack(">4H", *pixel) for pixel in pixels))
    return formats.png_of_rows((96, 64), rows, depth=16, color=formats.RGBA)


@pytest.mark.parametrize(
    ("file_format", "options"),
    [("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("AVIF", {})],
)
def test_each_kind_of_file_says_it(file_format: str, options: dict[str, object]) -> None:
    if file_format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    tolerance = 4 if file_format == "AVIF" else 0
    assert levels(encoded(faded(), file_format, **options)) == pytest.approx([255, 128, 3, 0], abs=tolerance)


def test_grey_says_it() -> None:
    assert levels(encoded(faded().convert("LA"))) == [255, 128, 3, 0]


def test_a_palette_says_it_of_each_color() -> None:
    image = quarters().quantize(4)
    opacities: dict[tuple[int, ...], int] = {(220, 30, 30): 255, GREEN: 128, BLUE: 3, (255, 255, 255): 0}
    palette = image.getpalette() or []
    found = [opacities.get(tuple(palette[at : at + 3]), 255) for at in range(0, len(palette), 3)]
    assert levels(encoded(image, transparency=bytes(found))) == [255, 128, 3, 0]


def test_a_gif_says_which_color_is_not_seen() -> None:
    image = quarters().quantize(4)
    unseen = image.getpixel(MIDDLES[1])
    assert levels(encoded(image, "GIF", transparency=unseen)) == [255, 0, 255, 255]


def test_sixteen_bits_are_read_as_the_nearest_eight() -> None:
    assert levels(deep((65535, 128 * 257, 3 * 257, 0))) == [255, 128, 3, 0]


@pytest.mark.parametrize("depth", [8, 16])
def test_the_one_color_of_a_png_that_is_not_seen(depth: int) -> None:
    width = depth // 8
    samples = quarters().tobytes()
    rows = [b"".join(bytes([value]) * width for value in samples[y * 288 : (y + 1) * 288]) for y in range(64)]
    clear = formats.chunk(b"tRNS", b"".join(bytes([value if depth == 16 else 0, value]) for value in BLUE))
    data = formats.png_of_rows((96, 64), rows, depth=depth, color=formats.RGB, extra=clear)
    assert levels(data) == [255, 255, 0, 255]


def test_it_is_turned_upright_with_the_picture() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn to the right
    turned = read(encoded(faded(), exif=exif))
    assert turned.alpha is not None
    assert turned.picture.size == turned.alpha.size == (64, 96)
    expected = faded().getchannel("A").transpose(Image.Transpose.ROTATE_270)
    assert turned.alpha.tobytes() == expected.tobytes()


def test_it_is_shrunk_with_the_picture() -> None:
    small = read(encoded(faded().resize((601, 401))), side=Side(200, 0))
    assert small.alpha is not None
    assert small.picture.size == small.alpha.size == (200, 133)


@pytest.mark.parametrize(
    "data",
    [encoded(quarters(), "JPEG"), encoded(quarters()), encoded(quarters().convert("RGBA")), deep((65535,) * 4)],
    ids=["JPEG", "PNG", "an opaque PNG", "an opaque PNG of 16 bits"],
)
def test_what_is_wholly_opaque_has_none(data: bytes) -> None:
    assert read(data).alpha is None


def test_without_a_background_the_colors_below_stay() -> None:
    picture, alpha = read(encoded(faded()), background=None)
    assert [picture.getpixel(place) for place in MIDDLES] == [RED, GREEN, BLUE, (0, 0, 0)]
    assert alpha is not None
    # Half of green and half of white.
    mixed = tuple(round((level * 128 + 255 * 127) / 255) for level in GREEN)
    on_white = read(encoded(faded())).picture
    assert on_white.getpixel(MIDDLES[1]) == pytest.approx(mixed, abs=1)
    assert on_white.getpixel(MIDDLES[3]) == (255, 255, 255)
