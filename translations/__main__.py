"""`make messages`: puts every sentence of the code into every catalogue, and tells what is left to translate."""

from __future__ import annotations

from app.translation import read_catalogue
from translations.catalogues import translated, updated

for language in translated():
    language.file.parent.mkdir(parents=True, exist_ok=True)
    language.file.write_bytes(updated(language))
    catalogue = read_catalogue(language)
    missing = sum(
        not (message.string if isinstance(message.string, str) else all(message.string or ()))
        for message in catalogue
        if message.id
    )
    print(f"{language.name}: {missing} of {len(catalogue)} sentences are not translated yet.")
