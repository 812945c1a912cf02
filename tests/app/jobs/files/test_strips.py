"""Pictures in strips: depth, and those that were stored."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from app.jobs.files.strips import (
    Alpha,
    Depth,
    Picture,
    PictureInMemory,
    Rows,
    StoredPicture,
    TransparentPicture,
    in_depth,
    whole,
)

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


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_what_this_product_never_stored_is_refused(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (8, 8)).save(tmp_path / "a.png")
    with (tmp_path / "a.png").open("rb") as file, pytest.raises(OSError, match="three or four channels"):
        StoredPicture(file)


def disc(width: int, height: int) -> Alpha:
    """Opaque in the middle, with soft edges and nothing in the corners."""
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    opacity: Alpha = (255 * np.clip(3 - 3 * np.hypot(x, y), 0, 1)).astype(np.uint8)
    return opacity


def alpha_of(picture: Picture, dtype: Depth = np.uint8) -> Rows:
    return np.concatenate([strip[..., 3] for strip in picture.strips(dtype)])


@pytest.mark.parametrize(("width", "height"), [(61, 47), (61, 200), (333, 257)])
def test_transparency_is_stretched_over_the_picture(width: int, height: int) -> None:
    alpha = disc(61, 47)
    found = alpha_of(TransparentPicture(deep(width, height), alpha))
    x, y = ((np.arange(new) + 0.5) * old / new - 0.5 for new, old in ((width, 61), (height, 47)))
    wide = np.array([np.interp(x, np.arange(61), row) for row in alpha])
    expected = np.array([np.interp(y, np.arange(47), column) for column in wide.T]).T
    assert np.abs(found - expected).max() <= 1


@pytest.mark.parametrize(("width", "height"), [(30, 23), (100, 130), (1, 1)])
def test_transparency_that_is_shrunk_has_no_seams(width: int, height: int) -> None:
    alpha = disc(333, 257)
    found = alpha_of(TransparentPicture(deep(width, height), alpha)).astype(int)
    whole_at_once = Image.fromarray(alpha).resize((width, height), Image.Resampling.BILINEAR)
    assert np.abs(found - np.asarray(whole_at_once)).max() <= 1


@pytest.mark.parametrize(("width", "height"), [(400, 300), (40, 30), (133, 97)])
def test_an_edge_throws_no_shadow(width: int, height: int) -> None:
    half = np.zeros((90, 120), np.uint8)
    half[:, 60:] = 255
    found = alpha_of(TransparentPicture(deep(width, height), half))
    edge = 1 + width // 60
    assert (found[:, : width // 2 - edge] == 0).all()
    assert (found[:, width // 2 + edge + 1 :] == 255).all()
    assert (np.diff(found.astype(int), axis=1) >= 0).all()


def test_transparency_takes_none_of_the_colors_and_has_all_depths() -> None:
    picture = deep(75, 130)
    seen = TransparentPicture(picture, disc(75, 130))
    deepest = np.concatenate(list(seen.strips(np.uint16)))
    assert (deepest[..., :3] == picture.pixels).all()
    assert (deepest[..., 3] == disc(75, 130) * np.uint16(257)).all()
    assert (whole(seen, np.uint16) == picture.pixels).all()


def test_a_stored_picture_has_its_transparency_again(tmp_path: Path) -> None:
    pixels = np.dstack([deep(33, 130).pixels, disc(33, 130) * np.uint16(257)])
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", extrasamples=["unassalpha"], metadata=None)
    Image.fromarray(in_depth(pixels, np.uint8), "RGBA").save(tmp_path / "a.png")
    for name, dtype in (("a.tif", np.uint16), ("a.png", np.uint8)):
        with (tmp_path / name).open("rb") as file:
            stored = StoredPicture(file)
            assert stored.bands == 4
            assert (np.concatenate(list(stored.strips(dtype))) == in_depth(pixels, dtype)).all()
            assert (whole(stored, np.uint8) == in_depth(pixels[..., :3], np.uint8)).all()
