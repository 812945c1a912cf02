"""How paintings look at a glance, in the words of the page."""

from __future__ import annotations

from collections.abc import Sequence

from app.jobs.styles import Mood
from app.translation import _


def told_moods(moods: Sequence[Mood]) -> list[tuple[Mood, str]]:
    """Each of `moods` with what it is called, in their order."""
    words: dict[Mood, str] = {
        "blue": _("Blue"),
        "gold": _("Gold"),
        "red": _("Red"),
        "green": _("Green"),
        "dark": _("Dark"),
        "bright": _("Bright"),
        "bold": _("Bold"),
        "soft": _("Soft"),
        "print": _("Prints"),
        "portraits": _("For portraits"),
    }
    return [(mood, words[mood]) for mood in moods]
