"""Requests of every kind, for properties that have to hold for all of them."""

from __future__ import annotations

from types import NoneType
from typing import Annotated, Any, get_args

from hypothesis import strategies as st

from app.jobs import options
from app.jobs.models import PaintRequest, StyleChoice

IDS = st.text("0123456789abcdef", min_size=32, max_size=32)
STYLES = ("great_wave", "the_scream", "starry_night", "dusk", "checks")
COMPACT_LAYERS: list[str] = [layer for layer in options.LAYERS if layer not in options.LACKING["compact"]]


def numbers(least: float, most: float) -> st.SearchStrategy[float]:
    return st.floats(least, most, allow_nan=False)


def layers() -> st.SearchStrategy[dict[str, float]]:
    weights = st.dictionaries(st.sampled_from(COMPACT_LAYERS), numbers(0, 1000), min_size=1)
    return weights.filter(lambda each: any(each.values()))


@st.composite
def choices_of_styles(draw: st.DrawFn) -> list[StyleChoice]:
    ids = draw(st.lists(st.sampled_from(STYLES), min_size=1, max_size=5, unique=True))
    found = []
    for style in ids:
        mask = draw(st.none() | IDS)
        color = draw(st.none() | st.from_regex(r"#[0-9a-f]{6}", fullmatch=True)) if mask else None
        weight = draw(st.just(1.0) | numbers(1e-6, 100))
        found.append(StyleChoice(id=style, weight=weight, mask=mask, color=color))
    return found


def whatever_fits(name: str) -> st.SearchStrategy[Any]:
    """Any value that the contract allows a field, other than none."""
    field = PaintRequest.model_fields[name]
    kind: Any = field.annotation
    if NoneType in get_args(kind):
        (kind,) = set(get_args(kind)) - {NoneType}
    if field.metadata:
        kind = Annotated[kind, *field.metadata]
    return st.from_type(kind)


# What goes with another field, and is drawn with it.
TOGETHER = {"photo", "styles", "color_when", "start_job"}
# Sizes that are soon painted, ids as they are given out, and layers that any extractor has.
NARROWER: dict[str, st.SearchStrategy[Any]] = {
    "size": st.integers(256, 2048),
    "output_size": st.integers(256, 4096),
    "keep": IDS,
    "color_mask": IDS,
    "extractor": st.sampled_from(["auto", "compact"]),
    "content_layers": layers(),
    "style_layers": layers(),
}
FIELDS = {name: whatever_fits(name) for name in PaintRequest.model_fields if name not in TOGETHER} | NARROWER


@st.composite
def wishes(draw: st.DrawFn) -> PaintRequest:
    """Any valid request; each option is left out about as often as it is given."""
    given = {name: draw(values) for name, values in FIELDS.items() if draw(st.booleans())}
    if given.get("color_method", "luminance") != "luminance":
        given["color_when"] = draw(st.sampled_from(["after", "before"]))
    if given.get("start") == "artwork":
        given["start_job"] = draw(IDS)
    bound = options.BOUND.get(given.get("style_loss", "relative-gram"))
    if bound and "style_layers" in given:
        some = st.lists(st.sampled_from(bound), min_size=1, unique=True)
        given["style_layers"] = {layer: draw(numbers(0.1, 10)) for layer in draw(some)}
    return PaintRequest(photo=draw(IDS), styles=draw(choices_of_styles()), **given)
