"""What an option's values are as text, in the form and in an address."""

from __future__ import annotations

import math
from collections.abc import Mapping

from app.jobs.models import PaintRequest

# Every option has a field of its own name; photo and paintings are chosen in other ways.
OPTIONS = tuple(name for name in PaintRequest.model_fields if name not in {"photo", "styles"})


def number(value: float) -> str:
    """A number as the form and the address write it: no more digits than give the same number back, and no ".0"."""
    return repr(value).removesuffix(".0")


def as_number(text: str) -> float | None:
    """The finite number that a text says, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def text_of(value: object) -> str:
    """An option as the form and the address write it; empty for what is left to the preset."""
    if isinstance(value, Mapping):
        return ", ".join(f"{layer} {number(weight)}" for layer, weight in value.items())
    if isinstance(value, bool):
        return "true" if value else ""
    if isinstance(value, int | float):
        return number(value)
    return "" if value is None else str(value)


DEFAULTS = {name: text_of(PaintRequest.model_fields[name].default) for name in OPTIONS}
