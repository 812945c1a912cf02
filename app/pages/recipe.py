"""What an artwork was made with, in the words of the page that asked for it."""

from __future__ import annotations

from app.gallery import Gallery
from app.jobs.models import PaintRequest
from app.pages.controls import CONTROLS, DRAWN, Control, told
from app.pages.values import DEFAULTS, as_number, number, text_of
from app.translation import _


def told_recipe(wish: PaintRequest, gallery: Gallery) -> list[tuple[str, str]]:
    """Name and words of each option: the main ones, and those that are not as the page starts with them."""
    rows = CONTROLS | DRAWN
    texts = {name: text_of(getattr(wish, name)) for name in rows}
    return [paintings(wish, gallery)] + [
        (_(control.told or control.words), words_of(control, texts[name]))
        for name, control in rows.items()
        if control.is_always_told or texts[name] != DEFAULTS[name]
    ]


def paintings(wish: PaintRequest, gallery: Gallery) -> tuple[str, str]:
    """The painting, with those of its parts that were drawn with; or those of a blend with their shares."""
    if len({each.id for each in wish.styles}) == 1:
        parts = ", ".join(dict.fromkeys(each.part for each in wish.styles if each.part))
        return _("Painting"), gallery.titles([wish.styles[0].id]) + (f" ({parts})" if parts else "")
    whole = sum(style.weight for style in wish.styles)
    shares = (f"{gallery.titles([each.id])} {round(100 * each.weight / whole)} %" for each in wish.styles)
    return _("Paintings"), ", ".join(shares)


def words_of(control: Control, text: str) -> str:
    """A value in words: as its row tells it, or as its choice is called."""
    if control.telling:
        return told(text, control.telling)
    if control.kind == "scale":
        return scale_words(control, text)
    words = dict([*control.choices, *control.unoffered])
    return told(text, words[text]) if text in words else text


def scale_words(scale: Control, text: str) -> str:
    """The nearest stop's words; the number too, where it is between two stops."""
    value = as_number(text) or 0.0
    stop, words = min(scale.choices, key=lambda each: abs((as_number(each[0]) or 0.0) - value))
    words = told(stop, words)
    return words if as_number(stop) == value else f"{words} ({number(value)})"
