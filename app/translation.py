"""What the service says, in its reader’s language: the catalogue of a request, and how sentences are looked up."""

from __future__ import annotations

from contextvars import ContextVar
from gettext import NullTranslations

# Of the request that is being answered; English, in which everything is written, needs no catalogue.
CATALOGUE: ContextVar[NullTranslations] = ContextVar("catalogue", default=NullTranslations())  # noqa: B039 (it holds no state)


def _(sentence: str) -> str:
    """A sentence of the code in the language of whoever asked. Values are put in afterwards, by `format`."""
    return CATALOGUE.get().gettext(sentence)


def many(one: str, more: str, count: int) -> str:
    """One of two sentences in the language of whoever asked, by its rule for `count`."""
    return CATALOGUE.get().ngettext(one, more, count)
