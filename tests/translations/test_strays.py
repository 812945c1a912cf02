"""Whatever people read comes from the catalogues, wherever it is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import Environment

from app.main import create_app
from app.settings import Settings
from tests.bench import ROOT
from tests.translations.strays import in_code, in_script, in_template

# Where nobody's language is known, which app/retelling.py knows of; where programs and owners read; what only decodes
# or searches, for whose museums have one name in every language.
NOT_SAID = {
    "jobs",
    "reading",
    "darkroom",
    "api",
    "server",
    "settings.py",
    "main.py",
    "logs.py",
    "process.py",
    "search.py",
}
# Written in English for programs: the page says so of itself.
FOR_PROGRAMS = {"docs.html", "_operation.html", "docs.py"}
CODE = [
    path
    for path in sorted((ROOT / "app").rglob("*.py"))
    if path.relative_to(ROOT / "app").parts[0] not in NOT_SAID and path.name not in FOR_PROGRAMS
]
TEMPLATES = [path for path in sorted((ROOT / "templates").glob("*.html")) if path.name not in FOR_PROGRAMS]
SCRIPTS = sorted((ROOT / "static" / "js").rglob("*.js"))
# What reads like words and is none, or is said as it is in every language.
KNOWN = {
    # of templates: classes of a page, attributes, an address
    "dim", "has-tray", 'aria-invalid="true"', 'aria-describedby="', "/preview.webp",
    # headers, cookies, keys
    "private, no-cache", "private, no-store", "noindex, nofollow", "Cookie", "series of", "atelier.draw.", "canvas is-",
    "# Every answer says that it is not to be listed.\nUser-agent: *\nDisallow:\n",
    # names of languages, algorithms, programs
    "Atelier", "English", "Deutsch", "Adam", "Lanczos", "Crowson, style-transfer-pytorch",
    # parts of sentences that app/retelling.py tells
    "Value error, ", "target map", "style map", "The photo and its map",
    # why an option has no control, for those who read the code
    "stands above the options", "are the cards of the gallery, and the rows of the blend",
    "is brought by an artwork's page, and then stands below the photo", "stands on the page to draw on",
    # errors that no person sees
    "There is no canvas of this size", " is no  of this page", "Not wanted any more",
}  # fmt: skip


@pytest.fixture(scope="module")
def environment() -> Environment:
    found: Environment = create_app(Settings()).state.templates.env
    return found


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_says_nothing_outside_of_messages(environment: Environment, path: Path) -> None:
    assert set(in_template(environment, path.read_text())) - KNOWN == set()


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_code_says_nothing_outside_of_messages(path: Path) -> None:
    assert set(in_code(path.read_text())) - KNOWN == set()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT / "static" / "js")))
def test_a_script_says_nothing_outside_of_messages(path: Path) -> None:
    assert set(in_script(path.read_text())) - KNOWN == set()


def test_a_stray_is_found_wherever_it_hides(environment: Environment) -> None:
    page = '<p>A stray</p><img alt="A cat"><b>{{ "Stop it" if x else _("Go") }}</b>'
    page += "{% trans %}Known{% endtrans %} {{ x }} MB left"
    assert in_template(environment, page) == ["A stray", "A cat", "MB left", "Stop it"]
    code = 'def f():\n    """Said to nobody."""\n    return _("Known") + f"{x} is lost." + "Try again" + "kind"\n'
    assert in_code(code) == ["… is lost.", "Try again"]
    script = (
        'import { a } from "./some where.js";\nsay(_("Known to all"));\nsay("Try this again");\nsay(`${n} is lost.`);'
    )
    assert in_script(script) == ["Try this again", " is lost."]
