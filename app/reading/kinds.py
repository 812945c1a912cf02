"""Files that people take for photos and we cannot open: what each is, and what to do with it."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

from app.reading.errors import RefusedError


class Kind(NamedTuple):
    """A kind of file as a sentence calls it, and what turns it into a photo."""

    what: str
    advice: str = "Save it as a JPEG, PNG, WebP or AVIF photo and choose that."


RAW = Kind(
    "a camera's raw file", "Open it in the camera's program or a photo editor, save it as a JPEG and choose that."
)
VIDEO = Kind("a video", "Pause it at the moment that you like, take a picture of the screen and choose that.")
SVG = Kind("an SVG drawing", "Open it in a browser or a drawing program, save it as a PNG and choose that.")
WEB_PAGE = Kind("a web page", "Open it, save the picture itself from there (not the page) and choose that.")
HEIC = Kind(
    "a HEIC photo",
    "Send it as a JPEG; an iPhone takes JPEGs with Settings › Camera › Formats › Most Compatible.",
)
JPEG_XL = Kind("a JPEG XL photo", "Save it as a JPEG, PNG, WebP or AVIF in a photo editor and choose that.")
RARE_TIFF = Kind(
    "a camera's raw file or a rare kind of TIFF",
    "Open it in the camera's program or a photo editor, save it as a JPEG and choose that.",
)
PDF = Kind("a PDF")
# What the file begins with, at which place: (offset, bytes, kind). The first that fits counts.
OPENINGS: tuple[tuple[int, bytes, Kind], ...] = (
    (0, b"\xff\x0a", JPEG_XL),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", JPEG_XL),
    (8, b"CR\2", RAW),  # Canon's CR2, a TIFF
    (0, b"IIRO", RAW),  # Olympus
    (0, b"IIRS", RAW),
    (0, b"MMOR", RAW),
    (0, b"IIU\0", RAW),  # Panasonic's RW2
    (8, b"IIII", RAW),  # Phase One
    (0, b"FUJIFILMCCD-RAW", RAW),
    (0, b"\0MRM", RAW),  # Minolta
    (0, b"FOVb", RAW),  # Sigma
    (4, b"ftypcrx", RAW),  # Canon's CR3
    (0, b"II*\0", RARE_TIFF),
    (0, b"MM\0*", RARE_TIFF),
    (0, b"II+\0", RARE_TIFF),
    (0, b"MM\0+", RARE_TIFF),
    (0, b"%PDF", PDF),
    (0, b"8BPS", Kind("a Photoshop file")),
    (0, b"PK\3\4", Kind("a ZIP file or an office document", "Take the photo out of it and choose that.")),
    (4, b"ftyphei", HEIC),
    (4, b"ftyphev", HEIC),
    (4, b"ftypmif1", HEIC),
    (4, b"ftypmsf1", HEIC),
    *(
        (4, b"ftyp" + brand, VIDEO)
        for brand in (b"mp4", b"iso", b"qt", b"M4V", b"3g", b"avc", b"MSNV", b"dash", b"f4v")
    ),
    *((4, box, VIDEO) for box in (b"moov", b"mdat", b"wide")),  # QuickTime without a word of what it is
    (8, b"AVI ", VIDEO),
    (0, b"\x1aE\xdf\xa3", VIDEO),  # Matroska, WebM
    (0, b"\0\0\1\xba", VIDEO),  # MPEG
    (0, b"\0\0\1\xb3", VIDEO),
    (0, b"FLV\1", VIDEO),
    (0, b"0&\xb2u\x8ef\xcf\x11", VIDEO),  # Windows Media
)
# Of formats that we read: whoever begins like this and cannot be opened is damaged.
OURS: tuple[tuple[int, bytes], ...] = (
    (0, b"\xff\xd8\xff"),
    (0, b"\x89PNG\r\n\x1a\n"),
    (8, b"WEBP"),
    (4, b"ftypavi"),
    (0, b"GIF8"),
    (0, b"\0\0\0\x0cjP  "),
    (0, b"\xff\x4f\xff\x51"),
)
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# A confined process can load none of these any more.
for _mark, _name in MARKS:
    codecs.lookup(_name)
# A text is a web page if it begins with one of these, behind comments and declarations.
HTML = re.compile(r"<(!doctype\s+html|html|head|body|script|title|meta|table|div|p)\b", re.IGNORECASE)
BEFORE = re.compile(r"(\s|<\?xml.*?\?>|<!--.*?-->|<!doctype\s+svg[^\[>]*(\[.*?\])?\s*>)*", re.IGNORECASE | re.DOTALL)
SVG_ELEMENT = re.compile(r"<(\w+:)?svg\b", re.IGNORECASE)


def unidentified(head: bytes) -> RefusedError:
    """The refusal of a file that no reader of ours knows, by what it begins with."""
    if any(head.startswith(opening, offset) for offset, opening in OURS):
        return RefusedError("photo-damaged")
    kind = next((kind for offset, opening, kind in OPENINGS if head.startswith(opening, offset)), None) or of_text(head)
    return wrong_type(kind) if kind else RefusedError("photo-not-an-image")


def wrong_type(kind: Kind) -> RefusedError:
    return RefusedError("photo-wrong-type", what=kind.what, advice=kind.advice)


def of_text(head: bytes) -> Kind | None:
    """The kind of a file that begins as text, whatever mark and white space come first."""
    mark, encoding = next(((mark, name) for mark, name in MARKS if head.startswith(mark)), (b"", "utf-8"))
    text = head.removeprefix(mark).decode(encoding, "replace")
    rest = text[BEFORE.match(text).end() :]  # type: ignore[union-attr]
    if SVG_ELEMENT.match(rest):
        return SVG
    if HTML.match(rest):
        return WEB_PAGE
    if rest.startswith("%PDF"):
        return PDF
    return Kind("an XML file or another text") if text.lstrip().startswith("<?xml") else None
