"""Why there is no job to answer with, or none was accepted."""

from __future__ import annotations

from app.jobs.records import quota


class JobNotFoundError(Exception):
    """No job has this id."""


class LeaseLostError(Exception):
    """Another worker holds this job now, or it has ended: what was being painted must be dropped."""


class NotAcceptedError(Exception):
    """A job was not accepted, and nothing of it is left behind."""


class QueueFullError(NotAcceptedError):
    """As many jobs wait as may wait."""


class ClientBusyError(NotAcceptedError):
    """This client has as many jobs under way as one client may have."""


class PhotoGoneError(NotAcceptedError):
    """The photo is being deleted, or was."""


class PaintingGoneError(NotAcceptedError):
    """A person's own painting is being deleted, or was."""


# By what the script STORE answers.
REFUSED: dict[str, type[Exception]] = {
    **quota.REFUSED,
    "queue": QueueFullError,
    "client": ClientBusyError,
    "gone": PhotoGoneError,
    "unhung": PaintingGoneError,
}
