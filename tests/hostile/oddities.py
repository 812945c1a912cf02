"""Inputs 34 to 65: unusual but legal. All must become the right picture."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Iterable

from PIL import Image, ImageCms, ImageDraw

from tests.app.pictures import BLUE, GREEN, RED, WHITE, encoded, quarters, swapped_profile
from tests.hostile import formats
from tests.hostile.cases import GREYS, Case, Color, Taken

# An arithmetic-coded JPEG of `quarters(48, 32)`, by libjpeg-turbo's cjpeg: Pillow reads them but writes none.
ARITHMETIC = base64.b85decode(
    "|JeWF01!$>Nk#wx0RR9200961|JwjV00RO70|EjA0|NsD0|NvF2n7WM1O*BQ2L=cX3JeSj3JVJj4iXRz4iOFu3lJ6%5fc;@6%`B*7Z?^4"
    "7!ni}6#v@*LjeN>1O)^I2?YfS6b%av6ciK`6ciK`6ciK`6ciK`6ciK`6ciK`6ciK`6ciK`6ciK`6ciK`6ciK`6ciK`6cqo-01*fPAOJ7}"
    "0TBQK5di}c0sqVZ3IGrg1pyEd1^?Or3<CiG0ucid06zf#0MYd4zuL*dRf>b7DreNy=llZSnXsfR3rfni-|`?53M}fMI_>9_XXp$3o`C<^"
)
# A HEIC of `quarters(64, 48)`, by libheif's encoder: what reads them here writes none.
HEIC = base64.b85decode(
    "0000SW^{RQXk}@500000ZE0pPXk}@5ZE0a<0004gZDn*}000000000XXk=`10000000000aA{+700000000000000000000B57=IV*mgE07O6l"
    "0RRC200001q5uH^00000007zm001LtX>Mi!000000RR916=`l}WdZ;I000310BCk&F#rGn01j|zbZr0t000010002~X>f9I0002qX>en20001Y"
    "Xm(>m0R#vD005pi000009`FGC|M>U-01pFT0096OKmiN^|NjIC00093o;Uyi0{{RXx&lC90096hLID8;2mk;B0G>Di00RI39*_hOAhO+Dl-D-_"
    "4F&`N00RJI000931R!Dn0RRX@0l{+^FbI$U000wXZ)|dIV{CW;0RRmE27mwn02FC+aAg1h0000006+i$06+i$04QT@VQ>Hd06+i$0096105AXm"
    "009610000000RI2|L_0+00IC201$9#cxeCt0009B2nYZG02pa-ZD9Za00000009621%Uzs1%v<q0OD<AVRQfh0M;l0uL<BII7k22A%FCv=zSiJ"
    "@m1fH-v7EVyT)z*;0=`dPiA&u%=!7-|HlP8VE+s{|N4Pt;BF>x5lBtUVXPd5G)dWowPi9!L1WS>XrBNGemQg;NPrGm*cSe0C^z2QGwCX;DUgx?"
    "E{Ta9LxV9);cZBF%)D!17XSbYge8Fyu5U?4VB{b^uSQq^0i%mPtlG-y?~=A4C~cm*1`hlW6->iMC`Hyok^}S@0T6@&!?&d6wN!qaRtVFpWwXBR"
    "VRvRn{M92X({`0;C*8Z3%4vNd"
)
# Columns of the matrix from RGB to XYZ under D50, of red, green and blue (from the profiles' published primaries).
P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
# From XYZ under D50 to linear sRGB (Lindbloom).
TO_SRGB = ((3.1338561, -1.6168667, -0.4906146), (-0.9787684, 1.9161415, 0.0334540), (0.0719453, -0.2289914, 1.4052427))
# From linear sRGB to linear BT.2020 (ITU-R BT.2087).
SRGB_TO_WIDE = ((0.6274, 0.3293, 0.0433), (0.0691, 0.9195, 0.0114), (0.0164, 0.0880, 0.8956))
QUARTERS = ((0, 0), (48, 0), (0, 32), (48, 32))
# Colours that are inside sRGB whichever of the profiles they are read with.
MUTED: tuple[Color, ...] = ((180, 110, 90), (100, 150, 90), (90, 100, 160), (200, 200, 200))
ADOBE_GAMMA = 563 / 256


def jpeg(image: Image.Image | None = None, **options: object) -> bytes:
    return encoded(image or quarters(), "JPEG", **{"quality": 95, "subsampling": 0, **options})


def turned(orientation: int) -> bytes:
    """A photo that this EXIF orientation turns upright: red, green, blue and white, as one reads."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = quarters() if orientation == 1 else quarters().transpose(undo[orientation])
    return oriented(image, orientation)


def oriented(image: Image.Image, orientation: int) -> bytes:
    data = formats.exif([(0x0112, 3, 1, struct.pack(">Hxx", orientation))])
    return formats.with_segments(jpeg(image), formats.segment(0xE1, data))


def inks(invert: bool) -> bytes:
    """A CMYK JPEG; Adobe's programs write the inks inverted and mark the file, others neither."""
    data = jpeg(quarters().convert("CMYK"))
    if invert:
        return data
    parts = formats.segments(jpeg(Image.eval(quarters().convert("CMYK"), lambda value: 255 - value)))
    return formats.jpeg_of((marker, part) for marker, part in parts if marker != 0xEE)


def brightness_and_inks() -> bytes:
    """A YCCK JPEG: brightness and colour differences of inverted inks, and black."""
    opposite = Image.eval(quarters(), lambda value: 255 - value).convert("YCbCr")
    stored = [Image.eval(band, lambda value: 255 - value) for band in opposite.split()]
    parts = formats.segments(jpeg(Image.merge("CMYK", [*stored, Image.new("L", opposite.size)])))
    return formats.jpeg_of((marker, part[:-1] + b"\2" if marker == 0xEE else part) for marker, part in parts)


def deep(color: int) -> bytes:
    """A PNG of 16 bits a sample."""
    image = quarters().convert("L" if color == formats.GREY else "RGBA" if color == formats.RGBA else "RGB")
    samples = image.tobytes()
    width = len(samples) // image.height
    rows = (
        b"".join(bytes([value, value]) for value in samples[y * width : (y + 1) * width]) for y in range(image.height)
    )
    return formats.png_of_rows(image.size, rows, depth=16, color=color)


def palette_with_transparency() -> bytes:
    """A PNG whose palette's third colour is half transparent, and the fourth a hidden black."""
    colors = b"".join(bytes(color) for color in (RED, GREEN, BLUE, (0, 0, 0)))
    extra = formats.chunk(b"PLTE", colors) + formats.chunk(b"tRNS", bytes([255, 255, 128, 0]))
    rows = [bytes([0]) * 48 + bytes([1]) * 48] * 32 + [bytes([2]) * 48 + bytes([3]) * 48] * 32
    return formats.png_of_rows((96, 64), rows, color=formats.PALETTE, extra=extra)


def hidden_color() -> bytes:
    """Fully transparent, with a picture in the colours that nobody sees."""
    image = quarters().convert("RGBA")
    image.putalpha(0)
    return encoded(image, "PNG")


def muted() -> Image.Image:
    image = Image.new("RGB", (96, 64))
    for place, color in zip(QUARTERS, MUTED, strict=True):
        image.paste(color, (*place, place[0] + 48, place[1] + 32))
    return image


def profile(columns: tuple[tuple[float, float, float], ...], gamma: float | None) -> bytes:
    """An ICC profile with these primaries, and a plain power as its curve, or sRGB's own."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", data[128:132])[0]
    for at in range(132, 132 + 12 * count, 12):
        tag, place = bytes(data[at : at + 4]), struct.unpack(">I", data[at + 4 : at + 8])[0]
        if tag in {b"rXYZ", b"gXYZ", b"bXYZ"}:
            column = columns[b"rgb".index(tag[0])]
            data[place + 8 : place + 20] = struct.pack(">3i", *(round(value * 65536) for value in column))
        elif tag in {b"rTRC", b"gTRC", b"bTRC"} and gamma:
            data[at + 4 : at + 12] = struct.pack(">II", len(data), 16)
    if gamma:
        data += b"curv" + struct.pack(">IIH", 0, 1, round(gamma * 256)) + bytes(2)
    data[:4] = struct.pack(">I", len(data))
    return bytes(data)


def seen_through(columns: tuple[tuple[float, float, float], ...], gamma: float | None) -> list[Color]:
    """What MUTED looks like in sRGB if its numbers are meant in these primaries: the definition, in floating point."""
    found = []
    for color in MUTED:
        linear = [(value / 255) ** gamma if gamma else linear_srgb(value / 255) for value in color]
        xyz = [sum(columns[k][axis] * linear[k] for k in range(3)) for axis in range(3)]
        rgb = [sum(row[axis] * xyz[axis] for axis in range(3)) for row in TO_SRGB]
        found.append(tuple(round(255 * display_srgb(min(1.0, max(0.0, value)))) for value in rgb))
    return found  # type: ignore[return-value]


def linear_srgb(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def display_srgb(value: float) -> float:
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


def large_profile() -> bytes:
    """A profile of 10 MB that exchanges red and green, so that ignoring it shows."""
    data = bytearray(swapped_profile() + bytes(10_000_000))
    data[:4] = struct.pack(">I", len(data))
    return bytes(data)


def high_dynamic_range(transfer: int) -> bytes:
    """An AVIF of MUTED in BT.2020 with the PQ curve (16) or the HLG curve (18)."""
    image = Image.new("RGB", (96, 64))
    for place, color in zip(QUARTERS, MUTED, strict=True):
        linear = [linear_srgb(value / 255) for value in color]
        wide = [sum(row[k] * linear[k] for k in range(3)) for row in SRGB_TO_WIDE]
        signal = [pq_signal(value) for value in wide] if transfer == 16 else hlg_signal(wide)
        image.paste(tuple(round(255 * value) for value in signal), (*place, place[0] + 48, place[1] + 32))
    data = encoded(image, "AVIF", quality=100, subsampling="4:4:4")
    at = data.index(b"nclx")
    # Primaries and transfer; how brightness and colour are told apart stays as Pillow wrote it.
    return data[: at + 4] + struct.pack(">HH", 9, transfer) + data[at + 8 :]


def pq_signal(light: float) -> float:
    """SMPTE ST 2084 of light as a share of paper white, 203 candela per square metre."""
    power = (203 * light / 10_000) ** 0.1593017578125
    return float(((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375)


def hlg_signal(light: list[float]) -> list[float]:
    """ITU-R BT.2100's HLG of the same, for a screen of 1000 candela per square metre."""
    shown = [0.203 * value for value in light]
    brightness = 0.2627 * shown[0] + 0.6780 * shown[1] + 0.0593 * shown[2]
    scene = [value * brightness ** (1 / 1.2 - 1) for value in shown]
    return [
        math.sqrt(3 * value) if value <= 1 / 12 else 0.17883277 * math.log(12 * value - 0.28466892) + 0.55991073
        for value in scene
    ]


def with_gain_map() -> bytes:
    """An Ultra HDR JPEG: the picture, and a second one behind it that says where screens may shine."""
    gain = jpeg(Image.new("L", (24, 16), 200))
    xmp = (
        b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF "
        b"xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description "
        b"xmlns:hdrgm='http://ns.adobe.com/hdr-gain-map/1.0/' hdrgm:Version='1.0'/></rdf:RDF></x:xmpmeta>"
    )
    return formats.with_segments(jpeg(), formats.segment(0xE1, xmp)) + gain


def several_pictures() -> bytes:
    """An MPO, as phones and stereo cameras write them."""
    return encoded(quarters(), "MPO", save_all=True, append_images=[Image.new("RGB", (96, 64), BLUE)], quality=95)


def animated(file_format: str) -> bytes:
    frames = [quarters(), Image.new("RGB", (96, 64), BLUE)]
    return encoded(frames[0], file_format, save_all=True, append_images=frames[1:], duration=100, quality=95)


def with_thumbnail() -> bytes:
    """EXIF with a place and a thumbnail that shows something else: what a photographer cropped away."""
    exif = Image.Exif()
    exif.get_ifd(0x8825)[2] = (48.0, 51.0, 30.0)
    block = exif.tobytes()
    thumbnail = jpeg(Image.new("RGB", (96, 64), BLUE), comment=b"SecretThumbnail")
    return formats.with_segments(jpeg(), formats.segment(0xE1, block + thumbnail))


def with_xmp_script() -> bytes:
    return jpeg(xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><script>alert('SecretScript')</script></x:xmpmeta>")


def with_exif(entries: Iterable[tuple[int, int, int, bytes]], next_directory: int = 0) -> bytes:
    return formats.with_segments(jpeg(), formats.segment(0xE1, formats.exif([*entries], next_directory)))


def screen_noise() -> bytes:
    noise = [Image.effect_noise((400, 300), 250) for _ in range(3)]
    return encoded(Image.merge("RGB", noise), "PNG")


def written(text: str) -> Image.Image:
    """A photo with something to read in it."""
    image = Image.new("RGB", (320, 160), WHITE)
    ImageDraw.Draw(image).text((20, 50), text, (0, 0, 0), font_size=40)
    return image


def density(horizontal: int, vertical: int) -> bytes:
    """A JPEG whose pixels are said to be twice as high as wide."""
    data = jpeg(dpi=(72, 72))
    at = data.index(b"JFIF\0") + 8
    return data[:at] + struct.pack(">HH", horizontal, vertical) + data[at + 4 :]


WHITES = (WHITE,) * 4
HALF_BLUE: Color = (142, 147, 227)  # BLUE at 128/255 on white
SWAPPED = Taken(corners=None)
CASES = [
    *(Case(33 + turn, f"EXIF orientation {turn}", lambda turn=turn: turned(turn), Taken()) for turn in range(1, 9)),  # type: ignore[misc]
    *(
        Case(42, f"EXIF orientation {turn}", lambda turn=turn: oriented(quarters(), turn), Taken())  # type: ignore[misc]
        for turn in (0, 9, 65535)
    ),
    Case(43, "CMYK as Adobe writes it", lambda: inks(invert=True), Taken()),
    Case(43, "CMYK as others write it", lambda: inks(invert=False), Taken()),
    Case(44, "YCCK", brightness_and_inks, Taken()),
    Case(45, "grey JPEG", lambda: jpeg(quarters().convert("L")), Taken(corners=GREYS)),
    Case(45, "grey PNG", lambda: encoded(quarters().convert("L")), Taken(corners=GREYS)),
    Case(46, "grey with transparency", lambda: encoded(quarters().convert("LA")), Taken(corners=GREYS)),
    Case(47, "16-bit grey PNG", lambda: deep(formats.GREY), Taken(corners=GREYS)),
    Case(47, "16-bit PNG", lambda: deep(formats.RGB), Taken()),
    Case(47, "16-bit PNG with transparency", lambda: deep(formats.RGBA), Taken()),
    Case(
        48,
        "1-bit PNG",
        lambda: encoded(quarters().convert("L").point(lambda value: 255 * (value > 200), "1")),
        Taken(corners=((0, 0, 0),) * 3 + (WHITE,)),
    ),
    Case(
        49,
        "palette with transparency",
        palette_with_transparency,
        Taken(corners=(RED, GREEN, HALF_BLUE, WHITE), opacity=(255, 255, 128, 0)),
    ),
    Case(50, "transparent with hidden colours", hidden_color, Taken(corners=WHITES, tolerance=0, opacity=(0, 0, 0, 0))),
    Case(
        51,
        "Display P3",
        lambda: encoded(muted(), icc_profile=profile(P3, None)),
        Taken(corners=seen_through(P3, None), tolerance=4),
    ),
    Case(
        51,
        "Adobe RGB",
        lambda: encoded(muted(), icc_profile=profile(ADOBE, ADOBE_GAMMA)),
        Taken(corners=seen_through(ADOBE, ADOBE_GAMMA), tolerance=4),
    ),
    Case(52, "corrupt profile", lambda: jpeg(icc_profile=swapped_profile()[:200] + bytes(1000)), Taken()),
    Case(52, "profile of 10 MB in a JPEG", lambda: jpeg(muted(), icc_profile=large_profile()), SWAPPED),
    Case(52, "profile of 10 MB in a PNG", lambda: encoded(muted(), icc_profile=large_profile()), SWAPPED),
    # Of eight bits of PQ one step is four steps of sRGB, and the encoder is off by one.
    Case(53, "HDR AVIF (PQ)", lambda: high_dynamic_range(16), Taken(corners=MUTED, tolerance=10)),
    Case(53, "HDR AVIF (HLG)", lambda: high_dynamic_range(18), Taken(corners=MUTED, tolerance=6)),
    Case(54, "JPEG with a gain map", with_gain_map, Taken()),
    Case(55, "MPO", several_pictures, Taken()),
    Case(
        56,
        "interlaced PNG",
        lambda: formats.interlaced_png(quarters()),
        Taken(tolerance=4),
    ),
    Case(57, "arithmetic-coded JPEG", lambda: ARITHMETIC, Taken((48, 32))),
    Case(58, "lossless WebP", lambda: encoded(quarters(), "WEBP", lossless=True), Taken(tolerance=4)),
    *(
        Case(59, f"animated {name}", lambda name=name: animated(name), Taken())  # type: ignore[misc]
        for name in ("PNG", "WEBP", "AVIF", "GIF", "TIFF")
    ),
    Case(60, "EXIF with a place and a thumbnail", with_thumbnail, Taken()),
    Case(61, "XMP with a script", with_xmp_script, Taken()),
    Case(
        62,
        "EXIF that claims 4 billion values",
        lambda: with_exif([(0x0112, 3, 2**32 - 1, bytes(4)), (0x010F, 2, 2**31, struct.pack(">I", 2**31))]),
        Taken(),
    ),
    Case(
        62,
        "EXIF whose directories lead to themselves",
        lambda: with_exif([(0x8769, 4, 1, struct.pack(">I", 8)), (0x8825, 4, 1, struct.pack(">I", 8))], 8),
        Taken(),
    ),
    Case(62, "EXIF of 65 000 bytes of tags", lambda: with_exif([(0x9C9B, 7, 1, bytes(4))] * 5000), Taken()),
    Case(63, "all black", lambda: jpeg(Image.new("RGB", (96, 64))), Taken(corners=((0, 0, 0),) * 4)),
    Case(63, "all white", lambda: jpeg(Image.new("RGB", (96, 64), WHITE)), Taken(corners=WHITES)),
    Case(64, "noise", screen_noise, Taken((400, 300), None)),
    Case(65, "PNG of oblong pixels", lambda: encoded(quarters(), dpi=(72, 144)), Taken()),
    Case(65, "JPEG of oblong pixels", lambda: density(1, 2), Taken()),
]
