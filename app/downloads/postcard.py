"""The artwork on a postcard, with what a museum would write beside it."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from app.downloads.keepsakes import Keepsake, artwork_within
from app.gallery import Card
from app.jobs.files.encoding import DPI
from app.jobs.models import Job
from app.services import Services
from app.translation import ENGLISH, LANGUAGE, _, day

CardFormat = Literal["jpg", "png"]
TYPES: dict[CardFormat, str] = {"jpg": "image/jpeg", "png": "image/png"}
SIZE = (1748, 1240)  # 148 × 105 mm at 300 dpi
MARGIN, GUTTER = 92, 64
BESIDE = 440  # the least width for words beside the artwork; with less, they stand below it
BELOW = 236  # the height that they get there
PAPER, INK, SOFT = (255, 251, 243), (35, 31, 26), (99, 90, 78)
SHADOW, BLUR, DROP = (60, 40, 20), 18, 14
COARSE = 4  # pixels of the card to one of the shadow, which is soft anyway
TITLE, LEAST_TITLE, TEXT, SMALL = 66, 44, 36, 30
LEADING = 1.24
SPACE = 12
MOST_LINES = 3  # of the title, before its letters are made smaller
FONTS = Path(__file__).parents[2] / "fonts" / "eb-garamond"
REGULAR, ITALIC = FONTS / "EBGaramond-Regular.ttf", FONTS / "EBGaramond-Italic.ttf"
UNKNOWN = "\U0010ffff"  # no font has it


@dataclass(frozen=True)
class Label:
    """The words on a postcard: the title, what is known of the paintings, how it was made and when."""

    title: str
    known: tuple[str, ...]
    made: str
    day: str


def label_of(services: Services, job: Job) -> Label:
    """The words of a job's postcard, in the language of whoever asks, or in English where the font can't write that; a
    line about a painting that it can't write is left out.
    """
    label = written(services, job)
    if not (label.title and label.made and label.day):
        asked = LANGUAGE.set(ENGLISH)
        label = written(services, job)
        label = replace(label, title=label.title or _("After a painting"))
        LANGUAGE.reset(asked)
    return label


def written(services: Services, job: Job) -> Label:
    """The same in the language that is set, with nothing where the font lacks a letter."""
    ids = dict.fromkeys(each.id for each in job.request.styles)
    cards = [services.gallery.by_id[each] for each in ids if each in services.gallery.by_id]
    titles = services.gallery.titles(ids, own=_("a painting of my own"))
    lines = lines_of_one(cards[0]) if len(cards) == 1 else [line_of_many(card) for card in cards]
    when = datetime.fromtimestamp(job.finished_at or job.created_at, UTC)
    return Label(
        title=writable(_("After {after}").format(after=titles), ITALIC),
        known=tuple(filter(None, (writable(line, REGULAR) for line in lines))),
        made=writable(_("A photo, painted with Atelier"), REGULAR),
        day=writable(day(when), REGULAR),
    )


def lines_of_one(card: Card) -> list[str]:
    hand = " ".join(filter(None, [card.artist, card.life]))
    return [", ".join(filter(None, [hand, card.year])), card.museum]


def line_of_many(card: Card) -> str:
    return ", ".join(filter(None, [card.title, card.artist, card.year]))


def postcard_of(services: Services, job: Job, extension: CardFormat) -> Keepsake:
    """The postcard of a job in a format."""
    label = label_of(services, job)
    made = partial(postcard, label=label, extension=extension)
    says = (label.title, *label.known, label.made, label.day)
    return Keepsake(f"postcard.{extension}", TYPES[extension], made, says)


def postcard(services: Services, job: Job, label: Label, extension: CardFormat) -> bytes:
    """The postcard as a file that says its size in print.

    Raises:
        RefusalError: the artwork is gone.
        OSError: it is damaged.
    """
    card = laid_out(artwork_within(services, job, *SIZE), label)
    buffer = io.BytesIO()
    if extension == "jpg":
        card.save(buffer, "JPEG", quality=93, subsampling=0, dpi=(DPI, DPI))
    else:
        card.save(buffer, "PNG", dpi=(DPI, DPI))
    return buffer.getvalue()


def laid_out(artwork: Image.Image, label: Label) -> Image.Image:
    """The artwork hung on paper, with its label beside it, or below it where it is too broad for that."""
    card = Image.new("RGB", SIZE, PAPER)
    width, height = SIZE[0] - 2 * MARGIN, SIZE[1] - 2 * MARGIN
    size = enlarged_to(artwork.size, (width - GUTTER - BESIDE, height))
    if size[1] < height:
        size = enlarged_to(artwork.size, (width, height - BELOW))
        left = (SIZE[0] - size[0]) // 2
        hang(card, artwork, (left, MARGIN), size)
        write_below(card, label, left, left + size[0], MARGIN + size[1])
    else:
        hang(card, artwork, (MARGIN, MARGIN), size)
        write_beside(card, label, MARGIN + size[0] + GUTTER)
    return card


def enlarged_to(size: tuple[int, int], room: tuple[int, int]) -> tuple[int, int]:
    """The largest size of this shape in a room; also of a small artwork, which is to fill its place."""
    scale = min(room[0] / size[0], room[1] / size[1])
    return max(1, round(scale * size[0])), max(1, round(scale * size[1]))


def hang(card: Image.Image, artwork: Image.Image, place: tuple[int, int], size: tuple[int, int]) -> None:
    """Put the artwork there, with the shadow of something that hangs a little off the wall."""
    x, y = place
    shade = Image.new("L", (card.width // COARSE, card.height // COARSE))
    corners = (x, y + DROP, x + size[0], y + size[1] + DROP)
    ImageDraw.Draw(shade).rectangle([each / COARSE for each in corners], fill=105)
    soft = shade.filter(ImageFilter.GaussianBlur(BLUR / COARSE)).resize(card.size, Image.Resampling.BILINEAR)
    card.paste(SHADOW, (0, 0), soft)
    card.paste(artwork.resize(size, Image.Resampling.LANCZOS), place)


def write_below(card: Image.Image, label: Label, left: int, right: int, top: int) -> None:
    """The title and what is known at the left, how and when at the right, in the space below the artwork."""
    draw = ImageDraw.Draw(card)
    small = ImageFont.truetype(REGULAR, SMALL)
    aside = max(small.getlength(label.made), small.getlength(label.day))
    room = SIZE[1] - top - MARGIN - DROP
    lines = composed(label, round(right - left - aside - GUTTER), room, most=1)
    base = min(top + (SIZE[1] - top - height_of(lines)) / 2 + DROP, SIZE[1] - MARGIN - height_of(lines))
    write(draw, lines, left, base)
    bottom = base + height_of(lines)
    for step, words in enumerate((label.day, label.made)):
        draw.text((right, bottom - step * SMALL * LEADING), words, SOFT, small, anchor="rd")


def write_beside(card: Image.Image, label: Label, left: int) -> None:
    """All of it one below the other, from the middle of the card on; how and when at its foot."""
    draw = ImageDraw.Draw(card)
    small = ImageFont.truetype(REGULAR, SMALL)
    width = SIZE[0] - MARGIN - left
    foot = [*wrapped(label.made, small, width), label.day]
    top = SIZE[1] - MARGIN - len(foot) * SMALL * LEADING
    room = top - MARGIN - GUTTER
    lines = composed(label, width, room, most=MOST_LINES)
    write(draw, lines, left, MARGIN + (room - height_of(lines)) / 2)
    for row, words in enumerate(foot):
        draw.text((left, top + row * SMALL * LEADING), words, SOFT, small)


@dataclass(frozen=True)
class Line:
    """Words of a label, and how they are set."""

    words: str
    font: ImageFont.FreeTypeFont
    color: tuple[int, int, int]
    space: float = 0.0  # below it

    @property
    def height(self) -> float:
        return float(self.font.size) * LEADING + self.space


def composed(label: Label, width: int, height: float, most: int) -> list[Line]:
    """The title in italics, as large as it can be in `most` lines, and below it what is known; as much as has room."""
    for size in range(TITLE, LEAST_TITLE - 1, -2):
        italic = ImageFont.truetype(ITALIC, size)
        titles = wrapped(label.title, italic, width)
        if len(titles) <= most:
            break
    regular = ImageFont.truetype(REGULAR, TEXT)
    known = [row for text in label.known for row in wrapped(text, regular, width)]
    lines = [Line(row, italic, INK) for row in titles]
    lines = [*lines[:-1], replace(lines[-1], space=SPACE), *(Line(row, regular, SOFT) for row in known)]
    while len(lines) > 1 and height_of(lines) > height:
        lines.pop()
    if len(lines) < len(titles):
        lines[-1] = replace(lines[-1], words=f"{lines[-1].words}…")
    return lines


def height_of(lines: Sequence[Line]) -> float:
    return sum(line.height for line in lines)


def write(draw: ImageDraw.ImageDraw, lines: Sequence[Line], left: float, top: float) -> None:
    for line in lines:
        draw.text((left, top), line.words, line.color, line.font)
        top += line.height


def wrapped(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """The text in rows of at most this width; a word that is longer is cut off, with dots."""
    rows = [""]
    for word in text.split():
        longer = f"{rows[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            rows[-1] = longer
        else:
            rows.append(cut(word, font, width))
    return list(filter(None, rows))


def cut(word: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    if font.getlength(word) <= width:
        return word
    while word and font.getlength(f"{word}…") > width:
        word = word[:-1]
    return f"{word}…"


def writable(text: str, path: Path) -> str:
    """The text with letters that a font has, where need be without their accents; empty if it lacks any other."""
    font = ImageFont.truetype(path, TEXT, layout_engine=ImageFont.Layout.BASIC)
    lacking = bytes(font.getmask(UNKNOWN))

    def has(letter: str) -> bool:
        return letter.isspace() or bytes(font.getmask(letter)) != lacking

    plain = "".join(
        letter if has(letter) else unicodedata.normalize("NFKD", letter)[0]
        for letter in unicodedata.normalize("NFC", text)
    )
    return plain if all(map(has, plain)) else ""
