"""Every sentence of the service, found in the code, and the catalogues that are kept in step with it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import write_po

from app.translation import ENGLISH, LANGUAGES, Language, read_catalogue

ROOT = Path(__file__).parents[1]
# By what their names end with: where such files lie, what reads them, and how.
SOURCES: dict[str, tuple[str, str, dict[str, Any]]] = {
    ".py": ("app", "python", {}),
    ".html": (
        "templates",
        "jinja2",
        {"newstyle_gettext": "true", "trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"},
    ),
    ".js": ("static/js", "javascript", {"parse_template_string": True}),
}
# What a sentence is given to: alone, or with its plural.
KEYWORDS = {"_": None, "N_": None, "gettext": None, "many": (1, 2), "ngettext": (1, 2)}
PAGE_WIDTH = 120


def files(ending: str) -> list[Path]:
    """The files of a kind, in the order of their names."""
    return sorted((ROOT / SOURCES[ending][0]).rglob(f"*{ending}"))


def found(path: Path) -> Iterator[tuple[int, str | tuple[str, ...]]]:
    """The sentences of a file: line, and the sentence, or both where it has a plural."""
    _folder, method, options = SOURCES[path.suffix]
    for line, sentence, _comments, _context in extract_from_file(method, path, KEYWORDS, (), options):
        yield line, sentence


def template() -> Catalog:
    """All sentences, with the files that have them; without lines, which change with every line above."""
    catalogue = Catalog(project="Atelier", charset="utf-8")
    for ending in SOURCES:
        for path in files(ending):
            for _line, sentence in found(path):
                catalogue.add(sentence, locations=[(path.relative_to(ROOT).as_posix(), 0)])
    return catalogue


def updated(language: Language) -> bytes:
    """What the file of a language becomes: the sentences that there are now, with what they were translated to."""
    if language.file.is_file():
        catalogue = read_catalogue(language)
    else:
        catalogue = Catalog(Locale.parse(language.locale), project="Atelier", charset="utf-8")
    # Nothing is guessed from what is like it: a sentence that has changed is translated anew.
    catalogue.update(template(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    catalogue.fuzzy = False
    return written(catalogue)


def written(catalogue: Catalog) -> bytes:
    """A catalogue as its file has it, with a head of what is needed to read it."""
    file = io.BytesIO()
    write_po(file, catalogue, width=PAGE_WIDTH, include_lineno=False, omit_header=True, ignore_obsolete=True)
    head = f'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n"Language: {catalogue.locale}\\n"\n'
    plural = f'"Plural-Forms: {catalogue.plural_forms}\\n"\n\n' if catalogue.locale else "\n"
    return (head + plural).encode() + file.getvalue().rstrip(b"\n") + b"\n"


def translated() -> list[Language]:
    """The languages that have catalogues."""
    return [each for each in LANGUAGES if each != ENGLISH]
