"""What a JPEG's data can hold: whatever an encoder wrote for a size is enough for it, and not for ten times as much."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from app.reading.errors import RefusedError
from app.reading.picture import read_photo
from app.reading.promises import holds
from tests.app.pictures import encoded, quarters
from tests.hostile import formats, oddities
from tests.hostile.bombs import promising

WIDTH, HEIGHT = 1600, 1200
PIXELS = WIDTH * HEIGHT


def of_one_color(mode: str, **options: object) -> bytes:
    """A JPEG of as little data as an encoder gives a size: all its pixels are the same."""
    return encoded(Image.new(mode, (WIDTH, HEIGHT)), "JPEG", optimize=True, **options)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("quality", [1, 75])
def test_the_least_that_an_encoder_writes_is_enough(mode: str, progressive: bool, quality: int) -> None:
    jpeg = of_one_color(mode, progressive=progressive, quality=quality)
    assert holds(jpeg, PIXELS)
    assert read_photo(io.BytesIO(jpeg)).size == (WIDTH, HEIGHT)


def test_a_grey_sheet_has_data_for_no_more_than_it_is() -> None:
    """Nothing has fewer bits: the bound is the format's own."""
    jpeg = of_one_color("L")
    assert holds(jpeg, 9 * PIXELS)
    assert not holds(jpeg, 11 * PIXELS)


@pytest.mark.parametrize("scans", [2, 50])
def test_scans_that_change_nothing_are_enough(scans: int) -> None:
    assert holds(formats.progressive_jpeg(WIDTH, HEIGHT, scans), PIXELS)


def test_an_arithmetic_coder_needs_next_to_nothing() -> None:
    assert holds(oddities.ARITHMETIC, 10**8)


@pytest.mark.parametrize(
    "beside",
    [
        b"",
        formats.segment(0xFE, bytes(60_000)),
        formats.segment(0xE1, of_one_color("L")[:60_000]),  # a picture within, as cameras write it
    ],
)
@pytest.mark.parametrize("behind", [b"", bytes(100_000), encoded(Image.effect_noise((600, 600), 80), "JPEG")])
def test_what_stands_beside_a_pictures_data_holds_nothing_of_it(beside: bytes, behind: bytes) -> None:
    jpeg = formats.with_segments(encoded(quarters(), "JPEG"), beside) + behind
    assert read_photo(io.BytesIO(jpeg)).size == quarters().size
    with pytest.raises(RefusedError, match="photo-damaged"):
        read_photo(io.BytesIO(promising(jpeg, 5000, 4000)))
