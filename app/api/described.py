"""What the API's description says of a route that its signature does not: what it is for, what else it may answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypedDict

from fastapi import Response
from pydantic import BaseModel

Answers = dict[int | str, dict[str, Any]]

# The refusals of routes that do the same.
STARTING = (400, 403, 410, 413, 422, 429, 503, 507)
STARTING_ANEW = (400, 403, 404, 409, 410, 413, 422, 429, 503, 507)
STOPPING = (403, 404, 410, 422, 429, 503)
SHARING = (403, 404, 410, 422, 429, 503, 507)
DELETING = (403, 404, 422, 429, 503, 507)


class Problem(BaseModel):
    """A refusal (RFC 9457). `code` is stable, `detail` is a sentence for a person."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    field: str | None = None


class Described(TypedDict):
    """A route that answers JSON, or nothing."""

    summary: str
    status_code: int
    response_description: str
    responses: Answers


class FileDescribed(TypedDict):
    """A route that answers a file."""

    summary: str
    response_class: type[Response]
    responses: Answers


def described(summary: str, status: int, answer: str, *others: int) -> Described:
    """A route that answers `status`, which means `answer`, or one of the others."""
    return {"summary": summary, "status_code": status, "response_description": answer, "responses": answers(*others)}


def file_described(summary: str, answer: str, kinds: Iterable[str], *others: int) -> FileDescribed:
    """A route that answers a file of one of these media types, or one of the other statuses."""
    file: Answers = {200: {"content": {kind: {} for kind in kinds}, "description": answer}}
    return {"summary": summary, "response_class": Response, "responses": file | answers(*others)}


def answers(*statuses: int) -> Answers:
    """That nothing changed (304), and refusals."""
    return {status: _unchanged() if status == 304 else _refused() for status in statuses}


def _unchanged() -> dict[str, Any]:
    return {"description": "Nothing changed since the ETag in If-None-Match."}


def _refused() -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": "Refused, with a code and a sentence.", "content": content}
