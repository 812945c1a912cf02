"""Files that the shell reads become what the page makes of them, or a sentence."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from app.darkroom.parent import Darkroom
from tests.app.pictures import encoded, quarters
from tests.hostile import oddities
from worker.shell.files import UsageError, mask_in, opened


@pytest.mark.parametrize(
    "data",
    [
        encoded(Image.new("I;16", (64, 48), 0x4040)),
        oddities.inks(invert=False),
        encoded(oddities.muted(), icc_profile=oddities.profile(oddities.P3, None)),
        oddities.turned(6),
        encoded(quarters(), "JPEG", quality=95)[:-2],
        encoded(quarters(), "TIFF", compression="tiff_lzw"),
    ],
    ids=["16-bit grey", "inks without Adobe's mark", "Display P3", "turned", "JPEG without its end", "TIFF"],
)
def test_a_picture_is_the_same_in_the_shell_and_on_the_page(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "photo"
    path.write_bytes(data)
    darkroom = Darkroom(limit_mp=100, memory_mb=2000, time_limit_s=60)
    stored = Image.open(io.BytesIO(darkroom.decode_photo(io.BytesIO(data)).photo_jpeg))
    darkroom.close()
    found = opened(path)
    assert found.size == stored.size
    place = (found.width // 4, found.height // 4)
    pairs = zip(found.getpixel(place), stored.getpixel(place), strict=True)  # type: ignore[arg-type]
    assert max(abs(a - b) for a, b in pairs) <= 3  # what a JPEG of quality 95 loses


def test_a_deep_mask_is_not_white(tmp_path: Path) -> None:
    Image.new("I;16", (64, 48), 0x4040).save(tmp_path / "mask.png")
    assert mask_in(tmp_path / "mask.png").getextrema() == (64, 64)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is empty."),
        (b"hello", "is not a picture that can be read."),
        (b"<svg/>", "is an SVG drawing, and not a picture that can be read. Open it in a browser"),
        (b"FUJIFILMCCD-RAW 0201", "is a camera's raw file"),
        (encoded(quarters())[:100], "is damaged or incomplete"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_sentence(tmp_path: Path, data: bytes, told: str) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    with pytest.raises(UsageError) as caught:
        opened(path)
    assert f"{path} {told}" in str(caught.value)


def test_a_file_that_is_not_there_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not there"):
        opened(tmp_path / "none.png")
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        opened(tmp_path)
