"""What a file says of its colours, by a profile or by numbers → sRGB.

Numbers become an ICC profile, so that one library does all of it; but for a high dynamic range (hdr.py).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from typing import BinaryIO, NamedTuple

from PIL import Image, ImageCms

from app.reading import containers, hdr
from app.reading.errors import UNREADABLE

Point = tuple[float, float]
Rows = Sequence[Sequence[float]]
# Curves of ICC's parametricCurveType: its function's number, and the numbers it needs.
Curve = tuple[int, tuple[float, ...]]
SRGB_CURVE: Curve = (3, (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
D65: Point = (0.3127, 0.3290)
ILLUMINANT_C: Point = (0.310, 0.316)


class Primaries(NamedTuple):
    """Chromaticities (x, y)."""

    red: Point
    green: Point
    blue: Point
    white: Point = D65


SRGB_PRIMARIES = Primaries((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
UNSPECIFIED = 2
# ITU-T H.273, table 2.
PRIMARIES = {
    1: SRGB_PRIMARIES,
    UNSPECIFIED: SRGB_PRIMARIES,
    4: Primaries((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), ILLUMINANT_C),
    5: Primaries((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6: Primaries((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    7: Primaries((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    8: Primaries((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), ILLUMINANT_C),
    9: Primaries((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    11: Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    22: Primaries((0.630, 0.340), (0.295, 0.605), (0.155, 0.077)),
}
# ITU-T H.273, table 3. Television's curve (1, 6, 11, 14, 15) is a camera's; what it looks like on a screen is sRGB,
# and browsers show it so.
CURVES: dict[int, Curve] = {
    **dict.fromkeys((1, UNSPECIFIED, 6, 11, 13, 14, 15), SRGB_CURVE),
    4: (0, (2.2,)),
    5: (0, (2.8,)),
    8: (0, (1.0,)),
}
# A power of 1/2.2 is what PNG's specification tells writers of sRGB to say of it, so it is taken for sRGB's own curve.
SRGB_GAMMA, SRGB_GAMMA_ABOUT = 0.45455, 0.005
LEAST_GAMMA, MOST_GAMMA = 0.1, 10.0
# From XYZ to cone responses and back (Bradford), and the white of profiles (ICC.1:2010, D.1 and annex E).
BRADFORD: Rows = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
D50 = (0.9642, 1.0, 0.8249)
SRGB = ImageCms.createProfile("sRGB")
LAB = ImageCms.createProfile("LAB")
# What lcms and Pillow raise of profiles that are damaged, or fit no such picture.
MISFITS = (ImageCms.PyCMSError, *UNREADABLE)


class Meaning(NamedTuple):
    """What a file says: a profile, or primaries and transfer function of a high dynamic range.

    `is_narrow`: black is 16 and white 235, as in television.
    """

    profile: bytes | None = None
    signal: tuple[int, int] | None = None
    is_narrow: bool = False


def meaning(image: Image.Image, source: BinaryIO) -> Meaning:
    """What the file of an opened picture says of its colours; what makes no sense is not said."""
    profile = image.info.get("icc_profile")
    if image.format == "PNG":
        return meaning_of_png(profile, containers.before_pixels(source))
    if image.format == "JPEG2000":
        return Meaning(containers.restricted_profile(source))
    if image.format in {"AVIF", "HEIF"} and not profile:
        source.seek(0)
        numbers = containers.code_points(source.read(containers.BOXES_WITHIN_BYTES))
        return (of_numbers(*numbers) if numbers else None) or Meaning()
    return Meaning(profile)


def meaning_of_png(profile: bytes | None, chunks: dict[bytes, bytes]) -> Meaning:
    """By the order of PNG (third edition, 4.3): cICP, iCCP, sRGB, then gAMA and cHRM."""
    said = chunks.get(b"cICP", b"")
    # The third number, the matrix, is that of RGB in every PNG.
    meant = of_numbers(said[0], said[1]) if len(said) == 4 and said[2] == 0 and said[3] in (0, 1) else None
    if meant:
        return meant._replace(is_narrow=said[3] == 0)
    if profile or b"sRGB" in chunks:
        return Meaning(profile)
    return Meaning(of_chromaticities(chunks.get(b"gAMA", b""), chunks.get(b"cHRM", b"")))


def of_numbers(primaries: int, transfer: int) -> Meaning | None:
    """The meaning of H.273's numbers; None where one is not known."""
    if transfer in {hdr.PQ, hdr.HLG} and primaries in hdr.TO_SRGB:
        return Meaning(signal=(primaries, transfer))
    if primaries not in PRIMARIES or transfer not in CURVES:
        return None
    return Meaning(profile_unless_srgb(PRIMARIES[primaries], CURVES[transfer]))


def of_chromaticities(gamma: bytes, points: bytes) -> bytes | None:
    """The profile of what a PNG's chunks gAMA and cHRM say."""
    curve, primaries = SRGB_CURVE, SRGB_PRIMARIES
    if len(gamma) == 4:
        exponent = int.from_bytes(gamma, "big") / 100_000
        if LEAST_GAMMA <= exponent <= MOST_GAMMA and abs(exponent - SRGB_GAMMA) > SRGB_GAMMA_ABOUT:
            curve = (0, (1 / exponent,))
    if len(points) == 32:
        white, red, green, blue = ((x / 100_000, y / 100_000) for x, y in struct.iter_unpack(">II", points))
        primaries = Primaries(red, green, blue, white)
    return profile_unless_srgb(primaries, curve)


def profile_unless_srgb(primaries: Primaries, curve: Curve) -> bytes | None:
    """The profile of such colours; None for sRGB's own, and for points that are no colours."""
    is_srgb = curve == SRGB_CURVE and all(
        abs(a - b) < 0.001
        for one, other in zip(primaries, SRGB_PRIMARIES, strict=True)
        for a, b in zip(one, other, strict=True)
    )
    try:
        return None if is_srgb else profile_of(primaries, curve)
    except (ZeroDivisionError, struct.error):
        return None


def profile_of(primaries: Primaries, curve: Curve) -> bytes:
    """An ICC profile, as short as one may be.

    Source: ICC.1:2010 (version 4.3): sections 7.2 and 7.3 (header, tags), 8.3.3 (what a matrix profile needs), annex E
    (adaptation to D50, by Bradford's matrix).
    """
    columns = zip(*adapted(primaries), strict=True)
    tags = {b"wtpt": b"XYZ \0\0\0\0" + fixed(D50)}
    tags |= {
        name: b"XYZ \0\0\0\0" + fixed(column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)
    }
    function, numbers = curve
    bent = b"para\0\0\0\0" + struct.pack(">HH", function, 0) + fixed(numbers)
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), bent)
    at = 128 + 4 + 12 * len(tags)
    table, content = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += struct.pack(">4sII", name, at + len(content), len(data))
        content += data
    head = struct.pack(">I4xI4s4s4s12x4s28x", at + len(content), 0x04300000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    return (head + fixed(D50)).ljust(128, b"\0") + table + content


def fixed(numbers: Sequence[float]) -> bytes:
    """Numbers as ICC's s15Fixed16."""
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))


def adapted(primaries: Primaries) -> Rows:
    """The matrix from linear RGB of these primaries to XYZ, with their white adapted to D50."""
    white = to_xyz(primaries.white)
    columns = [to_xyz(point) for point in primaries[:3]]
    # How much of each primary makes white.
    shares = product(inverse(transposed(columns)), transposed([white]))
    own = [[column[axis] * share[0] for column, share in zip(columns, shares, strict=True)] for axis in range(3)]
    before, after = (product(BRADFORD, transposed([each])) for each in (white, D50))
    gains = [[after[row][0] / before[row][0] if row == column else 0.0 for column in range(3)] for row in range(3)]
    return product(product(product(inverse(BRADFORD), gains), BRADFORD), own)


def to_xyz(point: Point) -> tuple[float, float, float]:
    """XYZ of a chromaticity at brightness 1."""
    x, y = point
    return x / y, 1.0, (1 - x - y) / y


def transposed(rows: Rows) -> Rows:
    return list(zip(*rows, strict=True))


def product(one: Rows, other: Rows) -> Rows:
    return [
        [sum(a * b for a, b in zip(row, column, strict=True)) for column in zip(*other, strict=True)] for row in one
    ]


def inverse(matrix: Rows) -> Rows:
    """The inverse of a 3 × 3 matrix, by its cofactors."""
    (a, b, c), (d, e, f), (g, h, i) = matrix
    cofactors = (
        (e * i - f * h, c * h - b * i, b * f - c * e),
        (f * g - d * i, a * i - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )
    determinant = a * cofactors[0][0] + b * cofactors[1][0] + c * cofactors[2][0]
    return [[value / determinant for value in row] for row in cofactors]


def to_srgb(image: Image.Image, meant: Meaning) -> Image.Image:
    """The colours of a picture (L, LA, RGB, RGBA, CMYK, LAB) in sRGB; what does not fit it is not meant."""
    if meant.is_narrow:
        image = widened(image)
    if meant.signal:
        return hdr.to_standard_range(image.convert("RGBA" if image.mode.endswith("A") else "RGB"), *meant.signal)
    if not meant.profile and image.mode != "LAB":
        return image
    alpha = image.getchannel("A") if image.mode in {"LA", "RGBA"} else None
    opaque = image.convert(image.mode.removesuffix("A")) if alpha else image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(meant.profile) if meant.profile else LAB)
        if opaque.mode == "L" and source.profile.xcolor_space == "RGB ":
            opaque = opaque.convert("RGB")
        converted = ImageCms.profileToProfile(opaque, source, SRGB, outputMode="RGB")
    except MISFITS:
        return image
    if converted is None:
        return image
    if alpha:
        converted.putalpha(alpha)
    return converted


def widened(image: Image.Image) -> Image.Image:
    """A picture whose black is 16 and white 235 with black and white as 0 and 255; transparency has all its range."""
    curve = [min(255, max(0, round((value - 16) * 255 / 219))) for value in range(256)]
    return image.point([level for band in image.getbands() for level in (range(256) if band == "A" else curve)])
