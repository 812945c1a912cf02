"""Sentences in a language, and how days and numbers are told in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app import translation
from app.translation import (
    ENGLISH,
    LANGUAGE,
    LANGUAGES,
    Language,
    _,
    catalogue,
    decimal,
    many,
    moment,
    of_scripts,
    together,
)

FRENCH = """msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n > 1);\\n"

#: static/js/a.js
msgid "Paint it"
msgstr "Peindre"

#: app/a.py
msgid "Stop"
msgstr ""

#: static/js/a.js
msgid "{count} photo"
msgid_plural "{count} photos"
msgstr[0] "{count} photo à soi"
msgstr[1] "{count} photos à soi"
"""


@pytest.fixture
def french(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Language]:
    monkeypatch.setattr(translation, "FOLDER", tmp_path)
    language = Language("fr-x-test", "Français", "fr")
    language.file.parent.mkdir(parents=True)
    language.file.write_text(FRENCH)
    with speaking(language):
        yield language


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    before = LANGUAGE.set(language)
    yield
    LANGUAGE.reset(before)


def test_a_sentence_is_looked_up_and_what_is_missing_stays_english(french: Language) -> None:
    assert (_("Paint it"), _("Stop"), _("Never heard of"), _("")) == ("Peindre", "Stop", "Never heard of", "")
    assert [many("{count} photo", "{count} photos", count) for count in (0, 1, 2)] == [
        "{count} photo à soi",
        "{count} photo à soi",
        "{count} photos à soi",
    ]


def test_scripts_get_their_sentences_and_no_others(french: Language) -> None:
    assert of_scripts(french) == {
        "Paint it": "Peindre",
        "{count} photo": ["{count} photo à soi", "{count} photos à soi"],
    }
    assert of_scripts(ENGLISH) == {}


def test_days_and_numbers_are_told_in_the_manner_of_the_language(french: Language) -> None:
    when = datetime(2026, 3, 1, 9, 5, tzinfo=UTC)
    assert moment(when) == "1 mars 2026, 09:05 UTC"
    assert decimal(4.25) == "4,2"
    with speaking(ENGLISH):
        assert moment(when) == "1 March 2026, 09:05 UTC"
        assert (decimal(4.25), decimal(4.0)) == ("4.2", "4")


def test_names_are_put_together() -> None:
    assert [together(names) for names in ([], ["a"], ["a", "b"])] == ["", "a", "a and b"]


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)
def test_every_language_has_a_catalogue_that_can_be_read(language: Language) -> None:
    assert catalogue(language).ngettext("{count} day", "{count} days", 1)
