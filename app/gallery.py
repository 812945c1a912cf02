"""The paintings that hang here: the built-in styles and the owner's own, with what a museum label says about each."""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import get_args

from PIL import ImageOps

from app.jobs.ids import own_painting
from app.jobs.models import Manner
from app.jobs.styles import Mood, Style, find_styles
from app.jobs.work import passed_work, suits_network, work_of
from app.reading.errors import RefusedError
from app.reading.normal import Side
from app.reading.picture import read_photo
from app.search import holds, label_words, plain, wanted
from app.translation import N_, _, together

SWATCH_SIDE = 384
SWATCH_OF = Side(4 * SWATCH_SIDE, 2 * SWATCH_SIDE)  # enough for a square of a painting twice as long as high
OWN_TITLE = N_("your own painting")  # within a sentence
# Of each style, where there is such a picture: a card, photos painted after it, the card for the page (smaller, and in
# a third of the bytes), and a drawing of its parts to begin with.
PICTURES = ("swatch.webp", "example.webp", "swatch.avif", "doodle.png")
MOODS = get_args(Mood)
MOST_HINTS = 4
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """The cards that a search found.

    Attributes:
        cards: in the gallery's order.
        meant: what was searched for instead of what was typed, because nothing had that; else empty.
    """

    cards: Sequence[Card]
    meant: str = ""


class Card(Style):
    """One style as the pages show it: with its pictures' addresses, each empty where there is no such picture."""

    swatch_url: str
    example_url: str
    small_url: str
    doodle_url: str

    @classmethod
    def of(cls, style: Style) -> Card:
        """The card of a style."""
        swatch, example, small, doodle = (picture_url(style, name) for name in PICTURES)
        return cls(**dict(style), swatch_url=swatch, example_url=example, small_url=small, doodle_url=doodle)

    def keeps(self, address: str) -> bool:
        """Whether an address names one of its pictures by the content that it has now."""
        return address in {self.swatch_url, self.example_url, self.small_url, self.doodle_url}

    @property
    def life(self) -> str:
        """The artist's years in brackets, or nothing where they are not known."""
        born, died = self.born, self.died
        if born and died:
            return f"({born}–{died})"
        return f"(born {born})" if born else f"(died {died})" if died else ""

    @cached_property
    def words(self) -> str:
        """What the free-text filter searches, in plain letters."""
        return label_words(self)


class Gallery:
    """All styles, read once at start: the owner's by title, then those that ship in `order`."""

    def __init__(self, styles: Iterable[Style], order: Sequence[str] = ()) -> None:
        cards = [Card.of(style) for style in styles]
        places = {style_id: place for place, style_id in enumerate(order, 1)}
        self.cards = sorted(
            cards,
            key=lambda card: (places.get(card.id, 0), plain(card.title).removeprefix("the ").removeprefix("a ")),
        )
        self.by_id = {card.id: card for card in self.cards}
        self.moods = [mood for mood in MOODS if any(mood in card.moods for card in cards)]

    def search(self, text: str, mood: str) -> Found:
        """The cards of a mood (all, where empty) that hold every word of `text`, or what is nearest to it."""
        ask = wanted(text, [card.words for card in self.cards])
        cards = [card for card in self.cards if (not mood or mood in card.moods) and holds(card.words, ask.words)]
        return Found(cards, ask.text if cards and ask.instead_of else "")

    @property
    def hints(self) -> Sequence[str]:
        """Artists to search for where nothing was found."""
        return list(dict.fromkeys(card.artist for card in self.cards if card.artist))[:MOST_HINTS]

    def titles(self, ids: Iterable[str], own: str = OWN_TITLE) -> str:
        """The titles of styles in one phrase, a person's own painting's as `own`; a style that no longer hangs here is
        named by its id.
        """
        return together(dict.fromkeys(self.title(each, own) for each in ids))

    def title(self, style_id: str, own: str = OWN_TITLE) -> str:
        """The title of one style, as in `titles`."""
        if own_painting(style_id):
            return _(own)
        return self.by_id[style_id].title if style_id in self.by_id else style_id

    def work_of(self, photo_size: tuple[int, int], wish: Manner) -> float:
        """Megapixel-evaluations of painting a photo of (width, height) pixels after what hangs here, as it is asked."""
        first = self.by_id.get(wish.styles[0].id)
        if first and first.network and suits_network(wish):
            return passed_work(photo_size, wish.size)
        return work_of(photo_size, wish)


def load_gallery(builtin: Path, own: Path | None) -> Gallery:
    """Read the built-in styles and the owner's folder; a built-in list has the order in which they show best."""
    order = builtin / "order.txt"
    return Gallery(find_styles(builtin, own), order.read_text(encoding="utf-8").split() if order.is_file() else ())


def picture_path(style: Style, name: str) -> Path | None:
    """The file of one of a style's pictures. An owner's painting is its own swatch and has no example."""
    path = style.folder / name if style.folder else None
    if path and path.is_file():
        return path
    return style.image if name == "swatch.webp" else None


def picture_url(style: Style, name: str) -> str:
    """The picture's address, with a hash of the file so that it may be kept for good; empty where there is none."""
    path = picture_path(style, name)
    if path is None:
        return ""
    return f"/styles/{style.id}/{name}?v={hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"


def picture(style: Style, name: str) -> bytes | None:
    """The bytes of one of a style's pictures; None where there is none, or it cannot be read."""
    path = picture_path(style, name)
    if path is None:
        return None
    try:
        return small_picture(path) if path == style.image else path.read_bytes()
    except RefusedError as refused:
        log.warning("%s cannot be read: %s", path, refused)
        return None


@lru_cache(maxsize=256)
def small_picture(path: Path) -> bytes:
    """The owner's painting, upright and cut to a square of SWATCH_SIDE pixels.

    Raises:
        RefusedError: it cannot be read.
    """
    painting = read_photo(io.BytesIO(path.read_bytes()), side=SWATCH_OF)
    buffer = io.BytesIO()
    ImageOps.fit(painting, (SWATCH_SIDE, SWATCH_SIDE)).save(buffer, "WEBP", quality=82)
    return buffer.getvalue()
