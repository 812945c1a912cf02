"""What a doodle's colours mean: which part of a painting each colour of a drawn map stands for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from app.jobs.masks import COMMON_SHARE, NEAR, NOISE, distance

# The least share of a map that has one of its main colours: of photos it is less.
LEAST_FLAT = 0.85
# How much longer one picture may be than another that it is stretched over.
MOST_STRETCHED = 1.6


class DoodleError(ValueError):
    """Something is no map, or means nothing; the message says what, and what to do."""


class Meaning(NamedTuple):
    """The parts by the map's colours that mean them, and a sentence for each colour that means none exactly."""

    parts: dict[str, str]
    notes: list[str]


def check_flat(flat: float, what: str) -> None:
    """Make sure that a map, called `what`, is drawn in a few colours.

    Raises:
        DoodleError: it is not.
    """
    if flat < LEAST_FLAT:
        raise DoodleError(
            f"The {what} has too many colours: it should be drawn in a few plain ones, each of which means a part, "
            "and be no photo."
        )


def check_parts(colors: Mapping[str, float], flat: float, what: str) -> None:
    """Make sure that a map of a painting, called `what`, tells parts from each other.

    Raises:
        DoodleError: it is drawn in too many colours, or in one.
    """
    check_flat(flat, what)
    if sum(share >= COMMON_SHARE for share in colors.values()) < 2:
        raise DoodleError(
            f"The {what} has one colour only, so it tells no parts from each other. "
            "Draw each part in a colour of its own."
        )


def check_shape(map_size: tuple[int, int], other: tuple[int, int], what: str) -> None:
    """Make sure that a map can be stretched over another picture without harm; sizes are (width, height).

    Raises:
        DoodleError: their shapes differ too much; `what` is the sentence's subject.
    """
    ratio = map_size[0] * other[1] / (map_size[1] * other[0])
    if max(ratio, 1 / ratio) > MOST_STRETCHED:
        raise DoodleError(f"{what} differ too much in shape: {_size(map_size)} and {_size(other)} pixels.")


def common_colors(colors: Mapping[str, float], others: Mapping[str, float]) -> list[str]:
    """The colours of one map that are labels: the common ones, and rare ones that the other map has as well."""
    return [
        color
        for color, share in colors.items()
        if share >= COMMON_SHARE or any(distance(color, other) < NOISE for other in others)
    ]


def meaning(drawn: Mapping[str, float], parts: Mapping[str, str], title: str) -> Meaning:
    """What the colours of a map, with their shares, mean of a painting whose parts' names are given by their colours.

    Rare colours are edges that were smoothed, unless they are a part's own.

    Raises:
        DoodleError: nothing is drawn, or none of the colours is like any part's: it is a map for another painting.
    """
    labels = common_colors(drawn, dict.fromkeys(parts, 1.0))
    if not labels:
        raise DoodleError("Nothing is drawn in the target map.")
    found = {color: min(parts, key=lambda part: distance(part, color)) for color in labels}
    strangers = [color for color, part in found.items() if distance(part, color) >= NEAR]
    if len(strangers) == len(found):
        offered = ", ".join(name if name == color else f"{name} ({color})" for color, name in parts.items())
        raise DoodleError(
            f"No colour of the target map means a part of “{title}”; perhaps it is a map for another painting. "
            f"Its parts are {offered}."
        )
    notes = [f"{color} means no part of “{title}”, and is painted as {parts[found[color]]}." for color in strangers]
    return Meaning({color: parts[part] for color, part in found.items()}, notes)


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]}"
