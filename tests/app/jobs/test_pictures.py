"""Pictures in strips: depth, and those that were stored."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from app.jobs.pictures import PictureInMemory, StoredPicture, in_depth, whole

RNG = np.random.default_rng(3)


def deep(width: int, height: int) -> PictureInMemory:
    return PictureInMemory(RNG.integers(0, 65536, (height, width, 3), np.uint16))


def test_every_level_of_8_bits_survives_16_and_both_ends_meet() -> None:
    levels = np.arange(256, dtype=np.uint8)
    wide = in_depth(levels, np.uint16)
    assert wide.dtype == np.uint16
    assert (wide[0], wide[-1]) == (0, 65535)
    assert (in_depth(wide, np.uint8) == levels).all()


def test_16_bits_become_the_nearest_8() -> None:
    levels = np.arange(65536, dtype=np.uint16)
    expected = np.rint(levels / 65535 * 255)
    assert (in_depth(levels, np.uint8) == expected).all()


@pytest.mark.parametrize("height", [1, 63, 64, 65, 200])
def test_strips_are_the_picture(height: int) -> None:
    picture = deep(31, height)
    assert (whole(picture, np.uint16) == picture.pixels).all()
    assert (whole(picture, np.uint8) == in_depth(picture.pixels, np.uint8)).all()


@pytest.mark.parametrize("height", [1, 64, 130])
def test_files_of_other_programs_are_read_as_they_read_them(tmp_path: Path, height: int) -> None:
    picture = deep(33, height)
    tifffile.imwrite(tmp_path / "a.tif", picture.pixels, photometric="rgb", metadata=None)
    Image.fromarray(in_depth(picture.pixels, np.uint8)).save(tmp_path / "a.png")
    with (tmp_path / "a.tif").open("rb") as tiff, (tmp_path / "a.png").open("rb") as png:
        for file, bits in ((tiff, 16), (png, 8)):
            stored = StoredPicture(file)
            assert (stored.width, stored.height, stored.bits, stored.made_with) == (33, height, bits, None)
            # Twice: each reader begins at the beginning.
            for _ in range(2):
                assert (whole(stored, np.uint8) == in_depth(picture.pixels, np.uint8)).all()
        assert (whole(StoredPicture(tiff), np.uint16) == picture.pixels).all()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.98])
def test_a_cut_file_is_told_and_not_painted_over(tmp_path: Path, share: float) -> None:
    buffer = io.BytesIO()
    Image.fromarray(in_depth(deep(300, 200).pixels, np.uint8)).save(buffer, "PNG")
    path = tmp_path / "a.png"
    path.write_bytes(buffer.getvalue()[: int(share * len(buffer.getvalue()))])
    with path.open("rb") as file, pytest.raises(OSError, match="cannot be read"):
        whole(StoredPicture(file), np.uint8)


@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_what_this_product_never_stored_is_refused(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (8, 8)).save(tmp_path / "a.png")
    with (tmp_path / "a.png").open("rb") as file, pytest.raises(OSError, match="three channels"):
        StoredPicture(file)
