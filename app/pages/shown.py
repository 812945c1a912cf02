"""What the empty frame shows: one photo beside what it becomes, after a few of the paintings that hang here."""

from __future__ import annotations

from collections.abc import Sequence

from app.gallery import Card, Gallery

# Each has its picture in static/pictures/shown, made by `python -m training.shown`. The first is seen first.
SHOWN = ("starry_night", "great_wave", "composition_vii", "the_scream", "large_blue_horses")


def shown(gallery: Gallery) -> Sequence[Card]:
    """The paintings whose pictures are shown; not those in whose place an owner has hung another."""
    cards = [gallery.by_id[each] for each in SHOWN if each in gallery.by_id]
    return [card for card in cards if card.folder]
