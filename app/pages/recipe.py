"""What an artwork was made with, in the words of the page that asked for it."""

from __future__ import annotations

from app.gallery import Gallery
from app.jobs.models import PaintRequest
from app.pages import choices
from app.pages.choices import Choices, Scale, as_number, number
from app.pages.form import DEFAULTS, text_of

SCALES = (choices.STRENGTH, choices.BRUSH, choices.COLORS, choices.SMOOTHING)
# Told even where they are as the page starts with them.
ALWAYS = {"strength", "brush", "keep_colors", "preset", "size", "quality", "seed"}
NAMED: dict[str, tuple[str, Choices]] = {
    "preset": ("Way of painting", [*((way.id, way.title) for way in choices.WAYS), ("doodle", "Doodle")]),
    "quality": ("Quality", choices.QUALITIES),
    "color_method": ("How colours are kept", choices.COLOR_METHODS),
    "color_when": ("When colours are kept", choices.COLOR_WHENS),
    "start": ("First canvas", [*choices.STARTS, choices.FROM_ARTWORK]),
    "guides": ("Masks in the layers", choices.GUIDES),
    "content_scaling": ("Content loss", choices.CONTENT_SCALINGS),
    "style_loss": ("Style loss", choices.STYLE_LOSSES),
    "pooling": ("Pooling", choices.POOLINGS),
    "optimizer": ("Optimiser", choices.OPTIMIZERS),
    "resample": ("Resampling", choices.RESAMPLES),
    "extractor": ("Network", choices.EXTRACTORS),
}
PLAIN = {
    "seed": ("Hand", "{}"),
    "size": ("Size", "{} pixels"),
    "output_size": ("Finished size", "{} pixels"),
    "iterations": ("Evaluations", "{}"),
    "min_improvement": ("Least improvement", "{} %"),
    "content_layers": ("Content layers", "{}"),
    "style_layers": ("Style layers", "{}"),
    "feather": ("Soft edges", "{} of the longer side"),
}
# Told without their values: the first two are ids, which mean nothing to a person and are nobody else's business.
KEPT = {
    "keep": ("Part of the photo", "kept as it was"),
    "color_mask": ("Colours", "kept in a part of the photo"),
    "keep_transparency": ("Transparency", "the photo’s"),
}


def ingredients(wish: PaintRequest, gallery: Gallery) -> list[tuple[str, str]]:
    """Name and words of each option: the main ones, and those that are not as the page starts with them."""
    whole = sum(style.weight for style in wish.styles)
    shares = [f"{gallery.titles([each.id])} {round(100 * each.weight / whole)} %" for each in wish.styles]
    found = (
        [("Paintings", ", ".join(shares))] if len(shares) > 1 else [("Painting", gallery.titles([wish.styles[0].id]))]
    )
    texts = {name: text_of(getattr(wish, name)) for name in DEFAULTS}
    told = {name: text for name, text in texts.items() if name in ALWAYS or text != DEFAULTS[name]}
    found += [(scale.legend, scale_words(scale, told[scale.name])) for scale in SCALES if scale.name in told]
    found += [
        (label, dict(offered).get(told[name], told[name])) for name, (label, offered) in NAMED.items() if name in told
    ]
    found += [(label, words.format(told[name])) for name, (label, words) in PLAIN.items() if name in told]
    return found + [words for name, words in KEPT.items() if name in told]


def scale_words(scale: Scale, text: str) -> str:
    """The nearest stop's words; the number too, where it is between two stops."""
    value = as_number(text) or 0.0
    stop, words = min(scale.stops, key=lambda each: abs((as_number(each[0]) or 0.0) - value))
    return words if as_number(stop) == value else f"{words} ({number(value)})"
