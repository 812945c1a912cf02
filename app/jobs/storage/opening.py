"""Which storage an installation has: the one place that decides."""

from __future__ import annotations

from app.jobs.storage.local import LocalStorage
from app.jobs.storage.protocol import Storage
from app.settings import Settings


def open_storage(settings: Settings) -> Storage:
    """The storage that the settings name. Nothing is read or made before it is used."""
    return LocalStorage(settings.data)
