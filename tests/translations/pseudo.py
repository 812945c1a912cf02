"""A language that nobody speaks, made from every sentence of the catalogues: what is not in it was never looked up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel import Locale
from babel.messages.catalog import Catalog

from app import translation
from app.translation import Language
from app.web import languages, templates
from translations.catalogues import template, translated, written

PSEUDO = Language("qps", "Ƥšéûðö", "en_GB")
ACCENTS = str.maketrans("AEIOUYaeiouyCcDdGgHhKkLlNnRrSsTtWwZz", "ÅÉÎÖÛÝåéîöûýÇçÐðĜĝĤĥĶķĻļÑñŔŕŠšŢţŴŵŽž")
KEPT = re.compile(r"(<[^>]*>|%\(\w+\)s|%%|\{[^}]*\})")  # markup and places of values


def spoken(sentence: str) -> str:
    """A sentence in that language: a third longer, with its markup and places as they were."""
    parts = (part if KEPT.fullmatch(part) else part.translate(ACCENTS) for part in KEPT.split(sentence))
    words = "".join(parts)
    # What a page needs in front to find its field again stays there.
    head, rest = ("{field}: ", words.removeprefix("{field}: ")) if words.startswith("{field}: ") else ("", words)
    return f"{head}⟦{rest}{'·' * (len(re.sub(KEPT, '', sentence)) // 3)}⟧"


def catalogue() -> Catalog:
    """All sentences, in that language."""
    found = Catalog(Locale.parse(PSEUDO.locale))
    for message in template():
        if message.id:
            told = spoken(message.id) if isinstance(message.id, str) else tuple(map(spoken, message.id))
            found.add(message.id, told, message.locations)
    return found


def install(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Make that language one of the service's for the time of a test."""
    for language in translated():
        there = folder / language.file.relative_to(translation.FOLDER).parts[0]
        folder.mkdir(parents=True, exist_ok=True)
        there.symlink_to(language.file.parents[1])
    monkeypatch.setattr(translation, "FOLDER", folder)
    PSEUDO.file.parent.mkdir(parents=True)
    PSEUDO.file.write_bytes(written(catalogue()))
    for module in (languages, templates):
        monkeypatch.setattr(module, "LANGUAGES", (*translation.LANGUAGES, PSEUDO))
