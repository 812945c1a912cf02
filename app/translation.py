"""What the service says, in its reader’s language: the languages there are, and how sentences are looked up.

English is what everything is written in; the others are gettext catalogues in translations/.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

from babel import Locale
from babel.dates import format_date, format_time
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

FOLDER = Path(__file__).parents[1] / "translations"


@dataclass(frozen=True)
class Language:
    """One language of the service.

    Attributes:
        tag: as BCP 47 and HTML's `lang` have it.
        name: what it is called in itself.
        locale: whose manner of telling days and numbers it has.
    """

    tag: str
    name: str
    locale: str

    @property
    def file(self) -> Path:
        """Its catalogue."""
        return FOLDER / self.tag.replace("-", "_") / "LC_MESSAGES" / "messages.po"


ENGLISH = Language("en", "English", "en_GB")
LANGUAGES = (
    ENGLISH,
    Language("de", "Deutsch", "de"),
    Language("fr", "Français", "fr"),
    Language("es", "Español", "es"),
    Language("zh-Hans", "简体中文", "zh_Hans"),
    Language("ja", "日本語", "ja"),
)
# Of the request that is being answered.
LANGUAGE: ContextVar[Language] = ContextVar("language", default=ENGLISH)


def _(sentence: str) -> str:
    """A sentence of the code in the language of whoever asked. Values are put in afterwards, by `format`."""
    return catalogue(LANGUAGE.get()).gettext(sentence) if sentence else ""  # to gettext, "" is the catalogue's head


def many(one: str, more: str, count: int) -> str:
    """One of two sentences in the language of whoever asked, by its rule for `count`."""
    return catalogue(LANGUAGE.get()).ngettext(one, more, count)


def N_(sentence: str) -> str:  # noqa: N802 (what gettext's tools and translators know it by)
    """Marks a sentence of a table for the catalogues; `_` looks it up when it is shown."""
    return sentence


def together(names: Iterable[str]) -> str:
    """Names in one phrase; nothing where there are none."""
    phrase = ""
    for name in names:
        phrase = _("{one} and {other}").format(one=phrase, other=name) if phrase else name
    return phrase


def decimal(value: float) -> str:
    """A number as the reader writes it, with at most one place after the point."""
    return format_decimal(value, "0.#", LANGUAGE.get().locale)


def moment(when: datetime) -> str:
    """A day and an hour of UTC."""
    locale = LANGUAGE.get().locale
    day, time = format_date(when, "long", locale), format_time(when, "HH:mm", locale=locale)
    return _("{day}, {time} UTC").format(day=day, time=time)


def initial(words: str) -> str:
    """The same with a capital at its beginning."""
    return words[:1].upper() + words[1:]


@cache
def catalogue(language: Language) -> NullTranslations:
    """What a language has been translated to; what is missing in it stays English."""
    if language == ENGLISH:
        return NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, read_catalogue(language))
    compiled.seek(0)
    return GNUTranslations(compiled)


def read_catalogue(language: Language) -> Catalog:
    """The catalogue of a language as its file has it."""
    with language.file.open("rb") as file:
        return read_po(file, Locale.parse(language.locale))


@cache
def of_scripts(language: Language) -> dict[str, str | list[str]]:
    """The sentences of static/js in a language; those with a plural have all of its forms in a list."""
    if language == ENGLISH:
        return {}
    found: dict[str, str | list[str]] = {}
    for message in read_catalogue(language):
        if not any(path.startswith("static/js/") for path, _line in message.locations):
            continue
        if isinstance(message.id, str) and message.string:
            found[message.id] = str(message.string)
        elif isinstance(message.string, tuple) and all(message.string):
            found[message.id[0]] = list(message.string)
    return found
