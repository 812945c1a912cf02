"""Ids: of photos, masks, people's own paintings, jobs, series and shares; and an own painting's id as a style."""

from __future__ import annotations

import re

ID = re.compile(r"[0-9a-f]{32}")
OWN_PREFIX = "own_"  # of a person's own painting, as a style
OWN = re.compile(f"{OWN_PREFIX}({ID.pattern})")


def checked(identifier: str) -> str:
    """The id itself.

    Raises:
        ValueError: it is none, so it may be anything that somebody has sent.
    """
    if not ID.fullmatch(identifier):
        raise ValueError(f"{identifier[:40]!r} is not an id")
    return identifier


def own_painting(style_id: str) -> str | None:
    """The id of a person's own painting that a style's id stands for; None for one of the gallery."""
    found = OWN.fullmatch(style_id)
    return found[1] if found else None


def own_style(painting_id: str) -> str:
    """The id that a person's own painting has as a style."""
    return OWN_PREFIX + checked(painting_id)
