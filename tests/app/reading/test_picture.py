"""The one reader of pictures: right pixels of every kind of file, by formulas of the specifications themselves."""

from __future__ import annotations

import io
import itertools
import struct
import zlib

import pytest
from PIL import Image, ImageChops

from app.reading.errors import RefusedError
from app.reading.picture import read_mask, read_photo
from tests.app.pictures import BLUE, GREEN, RED, WHITE, corners, encoded, pixel, quarters, swapped_profile
from tests.hostile import formats, oddities
from tests.hostile.oddities import MUTED, P3, display_srgb, muted, seen_through

Color = tuple[int, int, int]
TEXT = formats.chunk(b"tEXt", b"Comment\0hello")
# Display P3's white, red, green and blue, as cHRM writes them.
P3_POINTS = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
LINEAR = [tuple(round(255 * display_srgb(value / 255)) for value in color) for color in MUTED]
GREY_LEVELS = (40, 110, 180, 230)


def read(data: bytes) -> Image.Image:
    return read_photo(io.BytesIO(data))


def code(data: bytes) -> str:
    with pytest.raises(RefusedError) as caught:
        read(data)
    return caught.value.code


def far(data: bytes, expected: list[Color] | tuple[Color, ...]) -> int:
    """How far the colours of a picture's quarters are off at most."""
    pairs = zip(corners(read(data)), expected, strict=True)
    return max(abs(a - b) for found, wanted in pairs for a, b in zip(found, wanted, strict=True))


def gamma(exponent: float) -> bytes:
    return formats.chunk(b"gAMA", struct.pack(">I", round(exponent * 100_000)))


def chromaticities(*points: int) -> bytes:
    return formats.chunk(b"cHRM", struct.pack(">8I", *points))


def numbers(*values: int) -> bytes:
    return formats.chunk(b"cICP", bytes(values))


def profile(data: bytes) -> bytes:
    return formats.chunk(b"iCCP", b"p\0\0" + zlib.compress(data))


def with_bad_checksum(png: bytes, chunk: bytes) -> bytes:
    at = png.index(chunk) + len(chunk) - 1
    return png[:at] + bytes([png[at] ^ 1]) + png[at + 1 :]


STANDARD = formats.chunk(b"sRGB", b"\0")
PNG = encoded(muted())
SWAPPED = profile(swapped_profile())


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (gamma(1.0), LINEAR),
        (chromaticities(*P3_POINTS) + gamma(0.45455), seen_through(P3, None)),
        (chromaticities(*P3_POINTS), seen_through(P3, None)),
        (numbers(12, 13, 0, 1), seen_through(P3, None)),
        (numbers(1, 8, 0, 1), LINEAR),
        (gamma(0.45455), MUTED),  # what sRGB's own writers say
        (STANDARD + gamma(1.0), MUTED),
        (profile(oddities.profile(P3, None)) + gamma(1.0), seen_through(P3, None)),
        (numbers(1, 13, 0, 1) + SWAPPED, MUTED),
        (numbers(12, 13, 0, 1) + STANDARD + gamma(1.0), seen_through(P3, None)),
        # What makes no sense is not said.
        (numbers(99, 13, 0, 1), MUTED),
        (numbers(12, 13, 5, 1), MUTED),
        (gamma(0.0), MUTED),
        (chromaticities(31270, 0, 0, 0, 0, 0, 0, 0), MUTED),
        (formats.chunk(b"gAMA", b"\0"), MUTED),
    ],
)  # fmt: skip
def test_a_png_says_its_colors_in_the_order_of_its_specification(said: bytes, expected: list[Color]) -> None:
    assert far(formats.with_chunks(PNG, said), expected) <= 3


def test_a_png_of_television_levels_has_black_and_white() -> None:
    narrow = Image.merge("RGB", [Image.linear_gradient("L").point(lambda level: 16 + round(level * 219 / 255))] * 3)
    found = read(formats.with_chunks(encoded(narrow), numbers(1, 13, 0, 0)))
    assert found.getpixel((9, 0)) == (0, 0, 0)
    assert found.getpixel((9, 255)) == WHITE


@pytest.mark.parametrize("transfer", [16, 18])
def test_a_png_of_high_dynamic_range_looks_as_the_avif_of_the_same_numbers(transfer: int) -> None:
    avif = oddities.high_dynamic_range(transfer)
    # The numbers that the AVIF holds, without what they mean.
    plain = Image.open(io.BytesIO(avif)).convert("RGB")
    assert far(formats.with_chunks(encoded(plain), numbers(9, transfer, 0, 1)), MUTED) <= 10


@pytest.mark.parametrize(
    ("primaries", "transfer", "expected"),
    [(12, 13, seen_through(P3, None)), (1, 8, LINEAR), (1, 13, MUTED), (1, 1, MUTED), (2, 2, MUTED)],
)
def test_an_avif_says_its_colors_by_numbers(primaries: int, transfer: int, expected: list[Color]) -> None:
    data = encoded(muted(), "AVIF", quality=100, subsampling="4:4:4")
    at = data.index(b"nclx")
    assert far(data[: at + 4] + struct.pack(">HH", primaries, transfer) + data[at + 8 :], expected) <= 5


def with_clean_aperture(width: int, height: int, right: int, down: int) -> bytes:
    """An AVIF of quarters of which only so much is to be seen, so far from its middle.

    The box stands behind all others, so that none of their places changes.
    """
    data = encoded(quarters(), "AVIF", quality=95, subsampling="4:4:4")
    box = formats.box(b"clap", struct.pack(">4IiIiI", width, 1, height, 1, right, 1, down, 1))
    return data + formats.box(b"free", box)


@pytest.mark.parametrize(("shift", "color"), [((-24, -16), RED), ((24, -16), GREEN), ((-24, 16), BLUE)])
def test_what_an_avif_leaves_out_is_not_shown(shift: tuple[int, int], color: Color) -> None:
    found = read(with_clean_aperture(48, 32, *shift))
    assert found.size == (48, 32)
    assert all(abs(a - b) < 16 for place in ((2, 2), (45, 29)) for a, b in zip(pixel(found, place), color, strict=True))


@pytest.mark.parametrize("aperture", [(0, 32, 0, 0), (48, 32, 1000, 0), (960, 32, 0, 0)])
def test_an_aperture_beyond_the_picture_counts_as_none(aperture: tuple[int, int, int, int]) -> None:
    assert read(with_clean_aperture(*aperture)).size == (96, 64)


def grey_profile() -> bytes:
    """An ICC profile of grey whose levels are light itself."""
    tags = {
        b"wtpt": b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061),
        b"kTRC": b"curv\0\0\0\0" + struct.pack(">I", 0),
    }
    table, content, at = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        table += struct.pack(">4sII", name, at + len(content), len(data))
        content += data
    head = struct.pack(">I4xI4s4s4s12x4s28x", at + len(content), 0x02100000, b"mntr", b"GRAY", b"XYZ ", b"acsp")
    return (head + struct.pack(">3i", 63190, 65536, 54061)).ljust(128, b"\0") + table + content


def greys() -> Image.Image:
    image = Image.new("L", (96, 64))
    for place, level in zip(oddities.QUARTERS, GREY_LEVELS, strict=True):
        image.paste(level, (*place, place[0] + 48, place[1] + 32))
    return image


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_a_profile_of_grey_is_heeded_with_and_without_transparency(mode: str) -> None:
    expected = [(round(255 * display_srgb(level / 255)),) * 3 for level in GREY_LEVELS]
    assert far(encoded(greys().convert(mode), icc_profile=grey_profile()), expected) <= 2


def test_a_profile_of_colors_is_heeded_in_a_grey_picture() -> None:
    data = encoded(greys(), "JPEG", quality=100, icc_profile=oddities.profile(P3, 1.0))
    assert far(data, [(round(255 * display_srgb(level / 255)),) * 3 for level in GREY_LEVELS]) <= 3


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_grey_with_one_transparent_level_is_the_picture_on_white(depth: int) -> None:
    most = 2**depth - 1
    rows = []
    for y in range(64):
        levels = [(0 if y < 32 else most) if x < 48 else most // 2 for x in range(96)]
        if depth == 16:
            rows.append(struct.pack(">96H", *levels))
        else:
            bits = "".join(f"{level:0{depth}b}" for level in levels)
            rows.append(int(bits, 2).to_bytes(len(bits) // 8, "big"))
    clear = formats.chunk(b"tRNS", struct.pack(">H", most if depth > 1 else 0))
    data = formats.png_of_rows((96, 64), rows, depth=depth, color=formats.GREY, extra=clear)
    middle = round(255 * (most // 2) / most)
    if depth == 1:  # black is transparent, and nothing else is there
        assert far(data, [WHITE] * 4) == 0
    else:
        assert far(data, [(0, 0, 0), (middle,) * 3, WHITE, (middle,) * 3]) <= 1


def test_sixteen_bit_colors_with_a_transparent_one_are_the_picture_on_white() -> None:
    samples = quarters().tobytes()
    rows = [b"".join(bytes([value, value]) for value in samples[y * 288 : (y + 1) * 288]) for y in range(64)]
    clear = formats.chunk(b"tRNS", b"".join(bytes([value, value]) for value in BLUE))
    data = formats.png_of_rows((96, 64), rows, depth=16, color=formats.RGB, extra=clear)
    assert far(data, [RED, GREEN, WHITE, WHITE]) <= 1


def test_inks_are_read_alike_with_and_without_adobes_mark() -> None:
    assert far(oddities.inks(invert=True), [RED, GREEN, BLUE, WHITE]) < 12
    assert far(oddities.inks(invert=False), [RED, GREEN, BLUE, WHITE]) < 12


def noise(**options: object) -> bytes:
    return encoded(Image.effect_noise((203, 151), 80).convert("RGB"), "JPEG", quality=90, **options)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_rows": 1}])
def test_a_jpeg_without_its_end_marker_is_taken_as_it_is(options: dict[str, object]) -> None:
    data = noise(**options)
    for lacking in (1, 2):
        assert ImageChops.difference(read(data[:-lacking]), read(data)).getbbox() is None


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_whose_last_pixels_are_missing_is_refused(progressive: bool) -> None:
    data = noise(progressive=progressive)
    assert {code(data[:-lacking]) for lacking in (6, 9, 40, 400)} == {"photo-damaged"}


def test_a_progressive_jpeg_without_its_last_scans_is_refused() -> None:
    data = noise(progressive=True)
    scans = [at for at in range(len(data) - 1) if data[at : at + 2] == b"\xff\xda"]
    assert {code(data[:at]) for at in scans[1:]} == {"photo-damaged"}
    # Each but the first has a table before it, which is all that the file ends with then.
    assert len(scans) > 5


def test_a_png_with_a_wrong_checksum_beside_its_pixels_is_taken() -> None:
    before = with_bad_checksum(formats.with_chunks(PNG, TEXT), TEXT)
    after = with_bad_checksum(PNG[:-12] + TEXT + PNG[-12:], TEXT)
    without_end = PNG[:-12]
    with_half_a_text = PNG[:-12] + TEXT[:-6]
    for data in (before, after, without_end, with_half_a_text):
        assert ImageChops.difference(read(data), muted()).getbbox() is None


def test_a_png_whose_pixels_are_missing_is_refused() -> None:
    at = PNG.index(b"IDAT") + 4
    length = struct.unpack(">I", PNG[at - 8 : at - 4])[0]
    assert code(PNG[: at + length // 2]) == "photo-damaged"


@pytest.mark.parametrize(
    ("file_format", "options"),
    [
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ("TIFF", {"compression": "jpeg", "quality": 95}),
        ("BMP", {}),
        ("GIF", {}),
        ("JPEG2000", {}),
        ("JPEG2000", {"no_jp2": True}),
    ],
)
def test_other_formats_are_taken_with_their_colors(file_format: str, options: dict[str, object]) -> None:
    assert far(encoded(quarters(), file_format, **options), [RED, GREEN, BLUE, WHITE]) <= 4


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "CMYK", "P", "1", "I;16", "F"])
def test_a_tiff_of_any_kind_of_samples_is_taken(mode: str) -> None:
    grey = quarters().convert("L")
    image = {
        "I;16": Image.frombytes("I;16", grey.size, b"".join(bytes([level, level]) for level in grey.tobytes())),
        "F": grey.convert("F").point(lambda level: level * (1 / 255)),
        "P": quarters().quantize(8),
    }.get(mode) or quarters().convert(mode)
    expected = [RED, GREEN, BLUE, WHITE]
    if mode in {"L", "LA", "I;16", "F"}:
        expected = [(level,) * 3 for level in (grey.getpixel(place) for place in ((9, 9), (90, 9), (9, 60), (90, 60)))]  # type: ignore[misc]
    if mode == "1":
        data = encoded(image, "TIFF")
        assert corners(read(data))[3] == WHITE
    else:
        assert far(encoded(image, "TIFF"), expected) <= 2


def test_a_tiffs_profile_and_orientation_are_heeded() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(quarters().transpose(Image.Transpose.ROTATE_90), "TIFF", exif=exif)
    assert read(turned).size == (96, 64)
    assert far(turned, [RED, GREEN, BLUE, WHITE]) == 0
    assert far(encoded(muted(), "TIFF", icc_profile=oddities.profile(P3, None)), seen_through(P3, None)) <= 3


def test_the_first_frame_of_a_gif_is_taken() -> None:
    frames = [quarters(), Image.new("RGB", (96, 64), BLUE)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100)
    assert far(data, [RED, GREEN, BLUE, WHITE]) <= 4


@pytest.mark.parametrize("file_format", ["TIFF", "BMP", "GIF", "JPEG2000"])
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_other_formats_cut_off_are_refused(file_format: str, share: float) -> None:
    data = encoded(Image.effect_noise((200, 150), 80).convert("RGB"), file_format)
    assert code(data[: int(len(data) * share)]) in {"photo-damaged", "photo-wrong-type"}


def test_an_orientation_in_xmp_alone_is_passed_over_as_browsers_do() -> None:
    """They show the photo on the page before it is sent."""
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    data = encoded(quarters(), "JPEG", quality=95, subsampling=0, xmp=xmp)
    assert far(data, [RED, GREEN, BLUE, WHITE]) < 12


RAW = "camera's raw"
KINDS = {
    "JPEG XL": [b"\xff\x0a\xfa\x7f", b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl "],
    RAW: [
        b"II*\0\x10\0\0\0CR\2\0",
        b"IIRO\x08\0\0\0",
        b"IIU\0\x18\0\0\0",
        b"FUJIFILMCCD-RAW 0201",
        b"\0\0\0\x18ftypcrx \0\0\0\1",
        encoded(quarters(), "TIFF", tiffinfo={50706: b"\1\4\0\0"}),
        encoded(quarters(), "TIFF", tiffinfo={254: 1}),
        b"MM\0*\0\0\0\x08\0\0",
    ],
    "a video": [
        b"\0\0\0\x20ftypisom\0\0\2\0",
        b"\0\0\0\x14ftypqt  \0\0\0\0",
        b"\0\0\0\x1cftypM4V \0\0\0\1",
        b"\x1aE\xdf\xa3\x9fB\x86\x81",
        b"RIFF\x24\0\0\0AVI LIST",
    ],
    "an SVG": [
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        b'\xef\xbb\xbf \n<?xml version="1.0"?>\n<!-- drawn -->\n<svg/>',
        b'<?xml version="1.0"?><!DOCTYPE svg PUBLIC "a" "b">\n<svg:svg xmlns:svg="x"/>',
        "\ufeff<svg/>".encode("utf-16-le"),
    ],
    "a web page": [
        b"<!doctype HTML>",
        b"\xef\xbb\xbf\r\n\t<HTML lang=en>",
        b"<!-- saved from --><html>",
        b"<head><title>x</title>",
        "\ufeff<!DOCTYPE html>".encode("utf-16-be"),
    ],
    "a HEIC": [b"\0\0\0\x18ftypheix\0\0\0\0", b"\0\0\0\x18ftypmsf1\0\0\0\0"],
    "a PDF": [b"%PDF-1.7 ...", b"\n%PDF-1.4"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "data"), [(name, each) for name, all_of in KINDS.items() for each in all_of])
def test_what_cannot_be_read_is_named_with_what_to_do(name: str, data: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        read(data)
    assert caught.value.code == "photo-wrong-type"
    assert name in str(caught.value.values["what"])
    assert str(caught.value.values["advice"]).endswith(".")


def test_masks_are_read_on_black_and_grey_unless_they_have_colors() -> None:
    clear = Image.new("RGBA", (64, 64), (255, 255, 255, 0))
    assert read_mask(io.BytesIO(encoded(clear))).getextrema() == (0, 0)
    deep = Image.new("I;16", (64, 64), 0x4040)
    assert read_mask(io.BytesIO(encoded(deep))).getextrema() == (64, 64)
    assert read_mask(io.BytesIO(encoded(quarters()))).mode == "RGB"


def test_nothing_of_a_file_but_its_pixels_comes_out() -> None:
    for file_format, said in itertools.product(("TIFF", "JPEG2000", "PNG"), (b"SecretText",)):
        image = read(encoded(quarters(), file_format, comment=said, description=said.decode()))
        assert not image.info
        assert not image.getexif()
