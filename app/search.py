"""How paintings are found by what is typed: words by their beginnings, museums by short names, slips forgiven.

`static/js/lib/search.js` does the same while one types; `tests/browser/test_finding.py` holds both to one table.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.jobs.styles import Style

WORD = re.compile(r"\w+")
# What people call a museum, by what its name begins with.
SHORT_NAMES = {
    "Museum of Modern Art": "MoMA",
    "San Francisco Museum of Modern Art": "SFMOMA",
    "Metropolitan Museum": "Met",
    "Rijksmuseum": "Rijks",
    "Art Institute of Chicago": "AIC",
    "Kunsthistorisches Museum": "KHM",
    "National Gallery, London": "NG",
    "National Gallery of Art": "NGA",
    "Solomon R. Guggenheim": "Guggenheim",
    "J. Paul Getty": "Getty",
}
SHORT_WORD, LEAST_WORD = 5, 3  # letters: up to the first, one slip is forgiven, above two; below the second none


@dataclass(frozen=True)
class Wanted:
    """What is searched for: words that all have to be found, and, where nothing had them, what was typed."""

    words: Sequence[str]
    instead_of: str = ""

    @property
    def text(self) -> str:
        return " ".join(self.words)


def plain(text: str) -> str:
    """Lower case without accents, so that "hebuterne" finds "Hébuterne"."""
    letters = unicodedata.normalize("NFD", text)
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).lower()


def words_of(text: str) -> list[str]:
    """The words of a text in plain letters."""
    return WORD.findall(plain(text))


def label_words(style: Style) -> str:
    """All that a painting is found by, in plain letters, a blank between words; its title and artist come first."""
    short = [name for beginning, name in SHORT_NAMES.items() if style.museum.startswith(beginning)]
    about = [style.title, style.artist, *style.moods, style.year, style.museum, *short, style.movement]
    return " ".join(words_of(" ".join([*about, style.description])))


def holds(label: str, words: Iterable[str]) -> bool:
    """Whether each of `words` begins a word of a label."""
    return all(f" {word}" in f" {label}" for word in words)


def wanted(text: str, labels: Sequence[str]) -> Wanted:
    """What `text` asks for. Where no label has all of its words, those that none has are taken for slips of the words
    that are nearest to them.
    """
    words = words_of(text)
    if any(holds(label, words) for label in labels):
        return Wanted(words)
    known = list(dict.fromkeys(word for label in labels for word in label.split()))
    mended = [word if any(holds(label, [word]) for label in labels) else nearest(word, known) for word in words]
    return Wanted(mended, text.strip()) if mended != words else Wanted(words)


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that `word` may be a slip of, the first of several; `word` itself where there is none."""
    if len(word) < LEAST_WORD:
        return word
    most = 1 if len(word) <= SHORT_WORD else 2
    near = [each for each in known if len(each) >= LEAST_WORD and each[0] == word[0]]
    best = min(near, key=lambda each: slips(word, each), default=word)
    return best if slips(word, best) <= most else word


def slips(one: str, other: str) -> int:
    """How many letters are missing, too many, wrong or swapped with their neighbour.

    *Source*: the restricted distance of Damerau (1964), by Wagner and Fischer's table of three rows.
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        above, before, row = before, row, [i]
        for j, against in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != against))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == against:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
    return row[-1]
