"""The pages' templates, and the answers that they become."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi.responses import Response
from markupsafe import Markup
from starlette.requests import Request
from starlette.templating import Jinja2Templates

from app import words
from app.translation import ENGLISH, LANGUAGE, LANGUAGES, _, many, of_scripts
from app.web.assets import Assets
from app.web.origin import form_action, keep_visit

TEMPLATES = Path(__file__).parents[2] / "templates"


def templates(assets: Assets, root: str, *, is_offline_kept: bool = True) -> Jinja2Templates:
    """The Jinja2 environment of all pages; autoescaping is on. `root` goes before every address within the site;
    `is_offline_kept` is whether browsers may keep anything to show without a network.
    """
    found = Jinja2Templates(TEMPLATES)
    found.env.add_extension("jinja2.ext.i18n")
    found.env.install_gettext_callables(_, many, newstyle=True)  # type: ignore[attr-defined]
    found.env.trim_blocks = found.env.lstrip_blocks = True
    found.env.globals["root"] = root
    found.env.globals["is_offline_kept"] = is_offline_kept
    found.env.globals["asset"] = lambda path: root + assets.url(path)
    found.env.globals["form_action"] = lambda request, path: root + form_action(request, path)
    found.env.globals["language"] = LANGUAGE.get
    found.env.globals["languages"] = LANGUAGES
    found.env.globals["script_words"] = lambda: of_scripts(LANGUAGE.get())
    found.env.globals["in_english"] = in_english
    for each in (words.about, words.moment, words.timestamp):
        found.env.filters[each.__name__] = each
    return found


def in_english() -> Markup:
    """The attribute of what is written in English on a page in another language."""
    return Markup("") if LANGUAGE.get() == ENGLISH else Markup(' lang="en"')


def template(request: Request, name: str, context: dict[str, Any], status: int = 200) -> Response:
    """A page that browsers ask for anew each time, because jobs and options change."""
    environment = request.app.state.templates
    headers = {"Cache-Control": "private, no-cache"}
    response: Response = environment.TemplateResponse(request, name, context, status_code=status, headers=headers)
    keep_visit(request, response)
    return response
