"""Files of pictures, read by other libraries than the one that wrote them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageCms

from app.jobs.files import recipe
from app.jobs.files.encoding import Format, encode
from app.jobs.files.strips import Depth, PictureInMemory, Rows, in_depth
from tests.bench import ROOT

FORMATS: tuple[Format, ...] = get_args(Format)
RECIPE = json.dumps(
    {"atelier": "1", "styles": [{"title": "Die große Welle 神奈川沖浪裏"}], "options": {}}, ensure_ascii=False
)
Tag = ExifTags.Base
# What EXIF demands and libvips fills in from the picture itself.
OF_THE_PICTURE = {
    Tag.Orientation, Tag.XResolution, Tag.YResolution, Tag.ResolutionUnit, Tag.YCbCrPositioning, Tag.ExifVersion,
    Tag.FlashPixVersion, Tag.ColorSpace, Tag.ComponentsConfiguration, Tag.ExifImageWidth, Tag.ExifImageHeight,
}  # fmt: skip


def smooth(width: int = 75, height: int = 50) -> PictureInMemory:
    """Soft colours in all 16 bits, with a little grain."""
    rows, columns, channels = np.ogrid[:height, :width, :3]
    values = 0.5 + 0.4 * np.sin(columns / 17 + channels) * np.cos(rows / 23)
    grain = np.random.default_rng(5).uniform(-0.01, 0.01, values.shape)
    return PictureInMemory(np.rint((values + grain) * 65535).astype(np.uint16))


def written(path: Path, *arguments: object, **options: object) -> Path:
    with path.open("w+b") as file:
        encode(arguments[0], file, *arguments[1:], **options)  # type: ignore[arg-type]
    return path


def read(path: Path) -> Image.Image:
    """A file as Pillow reads it."""
    return Image.open(io.BytesIO(path.read_bytes()))


def recipe_of(image: Image.Image) -> str:
    """The text that a file carries, read by Pillow."""
    if image.format == "PNG":
        return str(image.info[recipe.KEYWORD])
    if image.format == "TIFF":
        return str(image.getexif()[Tag.ImageDescription])
    comment = image.getexif().get_ifd(ExifTags.IFD.Exif)[Tag.UserComment]
    return bytes(comment).removeprefix(recipe.ASCII).decode("ascii")


@pytest.mark.parametrize(("width", "height"), [(1, 1), (33, 17), (75, 50), (16, 200)])
def test_png_and_tiff_lose_nothing(tmp_path: Path, width: int, height: int) -> None:
    picture = PictureInMemory(np.random.default_rng(1).integers(0, 65536, (height, width, 3), np.uint16))
    png = np.asarray(read(written(tmp_path / "a.png", picture, "png")))
    assert (png == in_depth(picture.pixels, np.uint8)).all()
    tiff = tifffile.imread(written(tmp_path / "a.tif", picture, "tif"))
    assert tiff.dtype == np.uint16
    assert (tiff == picture.pixels).all()


@pytest.mark.parametrize(("width", "height"), [(1, 1), (33, 17), (16, 200)])
def test_transparency_is_beside_the_colors_and_not_in_them(tmp_path: Path, width: int, height: int) -> None:
    picture = PictureInMemory(np.random.default_rng(1).integers(0, 65536, (height, width, 4), np.uint16))
    image = read(written(tmp_path / "a.png", picture, "png"))
    assert image.mode == "RGBA"
    assert (np.asarray(image) == in_depth(picture.pixels, np.uint8)).all()
    with tifffile.TiffFile(written(tmp_path / "a.tif", picture, "tif")) as file:
        page = file.pages[0]
        assert page.extrasamples == (tifffile.EXTRASAMPLE.UNASSALPHA,)  # type: ignore[union-attr]
        assert (page.asarray() == picture.pixels).all()


def test_webp_has_every_level_of_transparency_and_the_colors_below(tmp_path: Path) -> None:
    colors = smooth(320, 200).pixels
    opaque = read(written(tmp_path / "a.webp", PictureInMemory(colors), "webp"))
    alpha = np.tile(np.linspace(0, 65535, 320, dtype=np.uint16), (200, 1))
    alpha[:50] = 0
    image = read(written(tmp_path / "b.webp", PictureInMemory(np.dstack([colors, alpha])), "webp"))
    found = np.asarray(image)
    assert image.mode == "RGBA"
    assert (found[..., 3] == in_depth(alpha, np.uint8)).all()
    assert np.abs(found[..., :3].astype(int) - np.asarray(opaque.convert("RGB"))).mean() < 1


def test_jpeg_shows_all_colors_of_a_transparent_picture(tmp_path: Path) -> None:
    colors = smooth(320, 200).pixels
    seen = PictureInMemory(np.dstack([colors, np.zeros_like(colors[..., 0])]))
    transparent, opaque = (
        written(tmp_path / "a", each, "jpg").read_bytes() for each in (seen, PictureInMemory(colors))
    )
    assert transparent == opaque


@pytest.mark.parametrize("file_format", ["jpg", "webp"])
def test_jpeg_and_webp_lose_what_nobody_sees(tmp_path: Path, file_format: Format) -> None:
    picture = smooth(320, 200)
    image = read(written(tmp_path / "a", picture, file_format))
    difference = np.asarray(image, dtype=float) - in_depth(picture.pixels, np.uint8)
    assert image.mode == "RGB"
    assert np.abs(difference).mean() < 2


def test_jpeg_keeps_all_its_chroma(tmp_path: Path) -> None:
    image = read(written(tmp_path / "a.jpg", smooth(), "jpg"))
    assert image.layer == [(1, 1, 1, 0), (2, 1, 1, 1), (3, 1, 1, 1)]  # type: ignore[attr-defined]
    # Quality 95 halves 16, the first step of the standard's table for luminance, several times over (JPEG, annex K).
    assert image.quantization[0][0] == 2  # type: ignore[attr-defined]


@pytest.mark.parametrize("bits", [8, 16])
def test_tiff_is_what_a_print_shop_expects(tmp_path: Path, bits: int) -> None:
    path = written(tmp_path / "a.tif", smooth(), "tif", RECIPE, dpi=240, bits=bits)
    with tifffile.TiffFile(path) as file:
        (page,) = file.pages
        assert isinstance(page, tifffile.TiffPage)
        tags = {tag.name: tag.value for tag in page.tags}
        assert tags["BitsPerSample"] == (bits,) * 3
        assert (tags["XResolution"], tags["YResolution"], tags["ResolutionUnit"]) == ((240, 1), (240, 1), 2)
        assert (tags["Compression"], tags["Predictor"], tags["PlanarConfiguration"]) == (8, 2, 1)
        assert tags["RowsPerStrip"] == 16
        assert len(tags["StripOffsets"]) == 4
        assert set(tags) == {
            "ImageWidth", "ImageLength", "BitsPerSample", "Compression", "PhotometricInterpretation",
            "ImageDescription", "StripOffsets", "Orientation", "SamplesPerPixel", "RowsPerStrip", "StripByteCounts",
            "XResolution", "YResolution", "PlanarConfiguration", "ResolutionUnit", "Predictor", "SampleFormat",
            "InterColorProfile",
        }  # fmt: skip
        assert (in_depth(page.asarray(), np.uint8) == in_depth(smooth().pixels, np.uint8)).all()


@pytest.mark.parametrize("file_format", FORMATS)
def test_files_say_how_they_were_made_and_nothing_else(tmp_path: Path, file_format: Format) -> None:
    image = read(written(tmp_path / "a", smooth(), file_format, RECIPE))
    told = recipe_of(image)
    assert told.isascii()
    assert json.loads(told) == json.loads(RECIPE)
    assert "xmp" not in image.info
    if file_format == "png":
        assert set(image.info) == {"icc_profile", "dpi", recipe.KEYWORD}
    elif file_format != "tif":
        tags = image.getexif()
        assert set(tags) <= OF_THE_PICTURE | {ExifTags.IFD.Exif}
        assert set(tags.get_ifd(ExifTags.IFD.Exif)) <= OF_THE_PICTURE | {Tag.UserComment}


@pytest.mark.parametrize("file_format", FORMATS)
def test_without_a_recipe_nothing_is_said_of_one(tmp_path: Path, file_format: Format) -> None:
    path = written(tmp_path / "a", smooth(), file_format)
    image = read(path)
    assert recipe.KEYWORD not in image.info
    assert Tag.UserComment not in image.getexif().get_ifd(ExifTags.IFD.Exif)
    assert Tag.ImageDescription not in image.getexif()


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("dpi", [72, 300, 1200])
def test_files_are_tagged_srgb_and_say_how_large_they_print(tmp_path: Path, file_format: Format, dpi: int) -> None:
    image = read(written(tmp_path / "a", smooth(), file_format, dpi=dpi))
    profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"])).profile
    assert "sRGB" in (profile.profile_description or "")
    told = image.info.get("dpi") or (image.getexif()[Tag.XResolution], image.getexif()[Tag.YResolution])
    # PNG counts whole pixels to the metre.
    assert [float(each) for each in told] == pytest.approx([dpi, dpi], abs=0.02)


@pytest.mark.parametrize("file_format", FORMATS)
def test_the_same_pixels_give_the_same_bytes(tmp_path: Path, file_format: Format) -> None:
    paths = [written(tmp_path / name, smooth(), file_format, RECIPE) for name in "ab"]
    assert len({hashlib.sha256(path.read_bytes()).digest() for path in paths}) == 1


class Odd:
    """A picture of 40 × 30 whose strips are what a test says."""

    width, height, bands = 40, 30, 3

    def __init__(self, *shapes: tuple[int, ...] | Exception) -> None:
        self.shapes = shapes
        self.threads: set[int] = set()

    def strips(self, dtype: Depth) -> Iterator[Rows]:
        for shape in self.shapes:
            self.threads.add(threading.get_ident())
            if isinstance(shape, Exception):
                raise shape
            yield np.zeros(shape, dtype)


@pytest.mark.parametrize("file_format", FORMATS)
def test_strips_may_have_any_height_and_are_drawn_by_the_caller(tmp_path: Path, file_format: Format) -> None:
    picture = Odd((1, 40, 3), (20, 40, 3), (9, 40, 3))
    assert read(written(tmp_path / "a", picture, file_format)).size == (40, 30)
    assert picture.threads == {threading.get_ident()}


@pytest.mark.parametrize("file_format", FORMATS)
def test_what_goes_wrong_while_strips_are_drawn_is_what_is_raised(tmp_path: Path, file_format: Format) -> None:
    with pytest.raises(KeyError, match="no paint"):
        written(tmp_path / "a", Odd((10, 40, 3), KeyError("no paint")), file_format)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("encoder")]


@pytest.mark.parametrize("shape", [(30, 39, 3), (30, 40, 4), (31, 40, 3), (29, 40, 3)])
def test_strips_that_are_not_the_picture_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="of a picture of"):
        written(tmp_path / "a", Odd(shape), "png")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("file_format", FORMATS)
def test_a_full_disk_is_told_as_the_system_tells_it(file_format: Format) -> None:
    class Unseekable(io.FileIO):
        """What is always full has no places, and knows of none."""

        def seek(self, offset: int, whence: int = 0) -> int:
            return 0

    noise = PictureInMemory(np.random.default_rng(2).integers(0, 256, (400, 500, 3), np.uint8))
    with Unseekable(os.open("/dev/full", os.O_RDWR), "r+b") as full, pytest.raises(OSError, match="No space left"):
        encode(noise, full, file_format)


def test_several_threads_may_encode_at_once(tmp_path: Path) -> None:
    alone = {each: written(tmp_path / f"alone.{each}", smooth(), each).read_bytes() for each in FORMATS}
    paths = [(each, tmp_path / f"{number}.{each}") for number in range(4) for each in FORMATS]
    threads = [threading.Thread(target=written, args=(path, smooth(), each)) for each, path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(path.read_bytes() == alone[each] for each, path in paths)


# Draws a picture of 8192 pixels' width strip by strip, and tells by how many bytes the process's peak grew.
ENCODE = """
import sys
from pathlib import Path
import numpy as np
from app.jobs.files.encoding import encode
from app.jobs.files.strips import with_alpha

class Drawn:
    width = 8192
    bands = 3
    def __init__(self, height):
        self.height = height
        self.grain = np.random.default_rng(0).integers(0, 4096, (64, self.width, 3), np.uint16)
    def strips(self, dtype):
        for top in range(0, self.height, 64):
            rows = np.arange(top, top + 64, dtype=np.uint16)[:, None, None]
            deep = self.grain + 16 * (rows % 2048)
            yield deep if dtype is np.uint16 else (deep >> 8).astype(np.uint8)

def peak():
    # Not getrusage: what that tells begins with the peak of the process that started this one.
    return 1024 * int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])

y, x = np.ogrid[-1:1:2048j, -1:1:2048j]
alpha = np.uint8(255 * np.clip(1 - np.hypot(x, y), 0, 1)) if sys.argv[4:] else None
with Path(sys.argv[3]).open("w+b") as file:
    encode(with_alpha(Drawn(64), alpha), file, sys.argv[1])
before = peak()
with Path(sys.argv[3]).open("w+b") as file:
    encode(with_alpha(Drawn(int(sys.argv[2])), alpha), file, sys.argv[1])
print(peak() - before)
"""


NEEDS_PROC = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no peak of a process is told here")


def growth(file_format: Format, height: int, path: Path, *more: str) -> int:
    """Bytes by which a fresh process's peak grows when it encodes 8192 × `height` pixels; with `more`, transparent."""
    arguments = [sys.executable, "-c", ENCODE, file_format, str(height), str(path), *more]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True)
    path.unlink()
    return int(done.stdout)


@NEEDS_PROC
@pytest.mark.parametrize("file_format", ["png", "jpg", "tif"])
def test_memory_does_not_grow_with_the_height(tmp_path: Path, file_format: Format) -> None:
    # Measured: 25 MB (TIFF: 44 MB) at both heights. The pixels are 50 and 201 MB, twice that in 16 bits.
    low, high = (growth(file_format, height, tmp_path / "a") for height in (2048, 8192))
    assert max(low, high) < 70e6
    assert abs(high - low) < 20e6


@NEEDS_PROC
def test_webp_needs_all_of_the_picture_but_no_more(tmp_path: Path) -> None:
    # Measured: 5.3 bytes a pixel at 8192 × 8192, where the rest weighs little.
    assert growth("webp", 2048, tmp_path / "a") < 8192 * 2048 * 8


@NEEDS_PROC
@pytest.mark.parametrize("file_format", ["png", "tif"])
def test_transparency_is_stretched_in_strips(tmp_path: Path, file_format: Format) -> None:
    low, high = (growth(file_format, height, tmp_path / "a", "transparent") for height in (2048, 8192))
    assert max(low, high) < 90e6
    assert abs(high - low) < 20e6


@NEEDS_PROC
def test_webp_needs_more_of_it_for_transparency(tmp_path: Path) -> None:
    # Measured: 21 bytes a pixel, and 39 where the transparency is noise.
    assert growth("webp", 2048, tmp_path / "a", "transparent") < 8192 * 2048 * 28
