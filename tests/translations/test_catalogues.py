"""The catalogues are in step with the code, whole, and fit its sentences."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from babel.messages.catalog import Message

from app.translation import Language, read_catalogue
from translations.catalogues import files, found, translated, updated

LANGUAGES = pytest.mark.parametrize("language", translated(), ids=lambda language: language.tag)
VALUES = re.compile(r"%\(\w+\)s|\{[^}]*\}|%%")
TAGS = re.compile(r"<[^>]*>")


def pairs(language: Language) -> list[tuple[str, str]]:
    """Every sentence with what it was translated to; of a plural each of its forms."""
    found = []
    for message in read_catalogue(language):
        if message.id:
            one, more = (message.id, message.id) if isinstance(message.id, str) else message.id[:2]
            for form, text in enumerate(strings(message)):
                found.append((one if form == 0 and len(strings(message)) > 1 else more, text))
    return found


def strings(message: Message) -> tuple[str, ...]:
    return (message.string or "",) if isinstance(message.string, str | None) else tuple(message.string)


@LANGUAGES
def test_a_catalogue_is_what_the_code_makes_it(language: Language) -> None:
    assert updated(language) == language.file.read_bytes(), "`make messages`, and translate what is new"


@LANGUAGES
def test_a_catalogue_is_whole(language: Language) -> None:
    assert [sentence for sentence, told in pairs(language) if not told.strip()] == []
    assert not any(message.fuzzy for message in read_catalogue(language) if message.id)


@LANGUAGES
def test_a_translation_has_the_same_values_and_markup(language: Language) -> None:
    """Values may be left out of the form that is for one."""
    for sentence, told in pairs(language):
        if told:
            assert set(VALUES.findall(told)) <= set(VALUES.findall(sentence)) | {"{count}", "%(count)s"}, told
            assert set(VALUES.findall(sentence)) - {"{count}", "%(count)s"} <= set(VALUES.findall(told)), told
            assert Counter(TAGS.findall(told)) == Counter(TAGS.findall(sentence)), told


@LANGUAGES
def test_a_translation_may_stand_in_markup(language: Language) -> None:
    """Pages put the sentences of templates into texts and attributes as they are."""
    for sentence, told in pairs(language):
        assert not re.search(r'["<>&]', TAGS.sub("", told)), (sentence, told)


@LANGUAGES
def test_a_translation_begins_and_ends_as_its_sentence(language: Language) -> None:
    for sentence, told in pairs(language):
        if told:
            assert told.startswith("{field}: ") == sentence.startswith("{field}: "), told
            assert (told[0] == " ", told[-1] == " ") == (sentence[0] == " ", sentence[-1] == " "), told
            assert "{paintings}" not in sentence or told.count("{paintings}") == 1, told


def test_every_kind_of_source_has_sentences() -> None:
    for ending, least in ((".py", 300), (".html", 200), (".js", 100)):
        assert sum(1 for path in files(ending) for _ in found(path)) > least, ending


def test_nothing_is_looked_up_that_is_put_together() -> None:
    """A message is one literal, or a name from a table; where it is a literal, it is found."""
    for ending in (".py", ".js", ".html"):
        for path in files(ending):
            source = path.read_text()
            marked = len(re.findall(r"(?<![\w.])(?:_|N_|many)\(\s*[\"']|\{% trans", source))
            assert marked == sum(1 for _ in found(path)), path
            assert not re.search(r"(?<![\w.])(?:_|N_|many)\(\s*(?:f[\"']|`)", source), path
