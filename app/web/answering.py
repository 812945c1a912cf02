"""How a refusal is answered: by a page for people, by problem+json for programs; and what becomes of every failure."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import Request

from app import refusals
from app.jobs.storage.protocol import is_full
from app.refusals import INTERNAL, METHOD_NOT_ALLOWED, NOT_FOUND, NOT_STARTED, Kind, RefusalError
from app.translation import LANGUAGE, N_, _
from app.web import addresses
from app.web.headers import HEADERS
from app.web.origin import keep_visit

log = logging.getLogger(__name__)

CODE = "atelier.refusal"  # of a request's scope: the code of how it was refused, for the log
# What a request asked for and did not get, for sentences about what may strike any: by its method and its path's end.
UNDONE = {
    ("POST", "cancel"): N_("nothing was stopped"),
    ("POST", "share"): N_("nothing has changed in who may see it"),
    ("DELETE", "share"): N_("nothing has changed in who may see it"),
    ("POST", "delete"): N_("nothing was deleted"),
    ("POST", "remove"): N_("nothing was deleted"),
    ("POST", "photos"): N_("your photo was not kept"),
    ("POST", "masks"): N_("your mask was not kept"),
    ("POST", "maps"): N_("your map was not kept"),
    ("POST", "paintings"): N_("your painting was not kept"),
    ("POST", "tries"): N_("your photo was not tried on"),
    ("DELETE", "tries"): N_("nothing was stopped"),
}
UNDONE_BY_METHOD = {"POST": NOT_STARTED, "DELETE": N_("nothing was deleted")}
MOST_MISFITS = 20  # of a request's errors are told; who sends more of them has not read what fits
LONGEST_NAME = 80  # of a field that somebody else has named
BY_STATUS = {kind.status: kind for kind in (NOT_FOUND, METHOD_NOT_ALLOWED, INTERNAL)}


def on_refusal(request: Request, error: Exception) -> Response:
    """A refusal that a route raised."""
    assert isinstance(error, RefusalError)
    return answer(request, error.kind, error.sentence, headers=error.headers)


def on_invalid_request(request: Request, error: Exception) -> Response:
    """A request that does not fit its route's types."""
    assert isinstance(error, RequestValidationError)
    found: list[dict[str, Any]] = list(error.errors())[:MOST_MISFITS]
    misfits = [{"where": where(each), "message": each["msg"]} for each in found]
    return answer(request, refusals.OPTIONS_INVALID, what_does_not_fit(found), errors=misfits)


def on_http_error(request: Request, error: Exception) -> Response:
    """What the framework refuses by itself: unknown paths and methods."""
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, RefusalError):  # whatever is raised while it reads a body, the framework calls 400
        return on_refusal(request, error.__cause__)
    if error.status_code == 404 and (redirect := addresses.without_slash(request)):
        return redirect
    kind = BY_STATUS.get(error.status_code)
    if kind is None:
        kind = refusals.Kind("http-error", error.status_code, N_("That did not work"), str(error.detail))
    return answer(request, kind, headers=dict(error.headers or {}))


def on_redis_away(request: Request, error: Exception) -> Response:
    """Redis can't be reached, or takes nothing more."""
    log.error("Redis is away: %s", error)
    sentence = _(refusals.QUEUE_DOWN.sentence).format(undone=undone(request))
    return answer(request, refusals.QUEUE_DOWN, sentence, headers={"Retry-After": "10"})


def on_storage_failure(request: Request, error: Exception) -> Response:
    """The storage takes nothing more; any other failure of the system is a fault of ours."""
    assert isinstance(error, OSError)
    if not is_full(error):
        return on_failure(request, error)
    log.error("The storage takes nothing more: %s", error)
    sentence = _(refusals.DISK_FULL.sentence).format(undone=undone(request))
    return answer(request, refusals.DISK_FULL, sentence)


def on_failure(request: Request, error: Exception) -> Response:
    """A fault of ours: the cause goes to the log, never to the visitor."""
    log.error("%s %s failed", request.method, quote(request.scope["path"]), exc_info=error)
    # This answer is made outside of the middleware that puts the headers on all others.
    return answer(request, refusals.INTERNAL, headers=HEADERS | {"Content-Language": LANGUAGE.get().tag})


def answer(
    request: Request, kind: Kind, sentence: str = "", *, headers: dict[str, str] | None = None, **members: Any
) -> Response:
    """A refusal in the form that the request's path asks for; programs are told of `members` as well."""
    sentence = sentence or _(kind.sentence)
    request.scope[CODE] = kind.code
    if wants_json(request):
        return problem(kind, sentence, headers=headers, **members)
    return page(request, kind, sentence, headers=headers)


def problem(kind: Kind, sentence: str, *, headers: dict[str, str] | None = None, **members: Any) -> JSONResponse:
    """A refusal as problem+json (RFC 9457); `code` is the stable name to program against."""
    body = {"type": "about:blank", "title": _(kind.title), "status": kind.status, "code": kind.code, "detail": sentence}
    if kind.field:
        body["field"] = kind.field
    return JSONResponse(
        jsonable_encoder(body | members), kind.status, headers=headers, media_type="application/problem+json"
    )


def page(request: Request, kind: Kind, sentence: str, *, headers: dict[str, str] | None = None) -> Response:
    """A refusal as a page, for a person who has no form in front of them."""
    response: Response = request.app.state.templates.TemplateResponse(
        request,
        "error.html",
        {"kind": kind, "title": _(kind.title), "sentence": sentence},
        status_code=kind.status,
        headers=headers,
    )
    keep_visit(request, response)
    return response


def wants_json(request: Request) -> bool:
    """Whether a refusal of this request is read by a program: everything below /api/, and the probes."""
    return request.url.path.startswith("/api/") or request.url.path in {"/healthz", "/readyz"}


def undone(request: Request) -> str:
    """What this request asked for and did not get, as a part of a sentence."""
    end = request.url.path.rstrip("/").rpartition("/")[2]
    by_method = UNDONE_BY_METHOD.get(request.method, N_("this can't be shown"))
    return _(UNDONE.get((request.method, end), by_method))


def what_does_not_fit(errors: Sequence[Mapping[str, Any]]) -> str:
    """One sentence for the first of pydantic's errors, naming the field as the request spells it."""
    first = errors[0]
    names = [str(part) for part in where(first) if part not in {"body", "query", "path", "[key]"}]
    message = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
    name = ".".join(names)
    return f"{name}: {message}." if name else f"{message}."


def where(error: Mapping[str, Any]) -> list[int | str]:
    """Pydantic's path to a value, in which whoever sent it may have named a field anything, at any length."""
    return [part if isinstance(part, int) else str(part)[:LONGEST_NAME] for part in error["loc"]]
