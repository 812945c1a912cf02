"""The API's description as a page: programs that use it, its routes, its objects, its codes.

The usual viewers load scripts from elsewhere or need inline ones, which our content policy forbids.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import refusals
from app.refusals import Kind
from app.web.hosts import is_named
from app.web.origin import keep_visit

router = APIRouter(include_in_schema=False)

EXAMPLES = Path(__file__).parents[2] / "templates" / "examples"
WRITTEN_FOR = "http://127.0.0.1:8000"  # where the examples look for the service
PROGRAMS = ("paint.sh", "atelier.py", "paint.py", "series.py", "doodle.py")
REF = "#/components/schemas/"
REFUSED = 400  # statuses from here on are refusals
Schema = Mapping[str, Any]


class Text(NamedTuple):
    """A piece of a type's name, and the object that it names, if any."""

    text: str
    object: str = ""


@router.get("/docs")
def docs(request: Request) -> Response:
    schema = request.app.openapi()
    settings = request.app.state.settings
    # A name that anybody may have made up is not repeated.
    is_ours = is_named(request.headers.get("host", ""), settings)
    site = f"{request.url.scheme}://{request.url.netloc}{settings.root_path}" if is_ours else WRITTEN_FOR
    context = {
        "schema": schema,
        "groups": groups(schema),
        "objects": objects(schema),
        "codes": codes(),
        "examples": examples(site),
    }
    response: Response = request.app.state.templates.TemplateResponse(request, "docs.html", context)
    keep_visit(request, response)
    return response


def examples(site: str) -> list[dict[str, str]]:
    """The programs of the page, which ask this site: what each is for, its file's name, its text."""
    purposes = {
        "paint.sh": "A photo, in a shell with curl",
        "atelier.py": "What the programs below share, in Python without any package",
        "paint.py": "A photo, in Python",
        "series.py": "Several photos in one manner",
        "doodle.py": "A map of colours",
    }
    return [
        {
            "name": name,
            "purpose": purposes[name],
            "text": (EXAMPLES / name).read_text(encoding="utf-8").replace(WRITTEN_FOR, site).rstrip(),
        }
        for name in PROGRAMS
    ]


def groups(schema: Schema) -> list[dict[str, Any]]:
    """The operations of an OpenAPI document by what they are about, flat enough for a template."""
    titles = {
        "photos": "Photos and masks",
        "paintings": "People’s own paintings",
        "styles": "Paintings that hang here",
        "jobs": "Jobs and artworks",
        "series": "Several photos at once",
        "doodles": "Doodles",
        "limits": "What may be asked for",
        "": "Health",
    }
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in titles}
    for path, methods in schema["paths"].items():
        name = path.split("/")[3] if path.startswith("/api/") else ""
        found[name] += [operation(method, path, each, schema) for method, each in methods.items()]
    return [{"id": name or "health", "title": titles[name], "operations": each} for name, each in found.items()]


def operation(method: str, path: str, described: Schema, schema: Schema) -> dict[str, Any]:
    """One operation: its parameters, its answers, the statuses of its refusals."""
    responses = described["responses"].items()
    return {
        "id": described["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": described.get("summary", ""),
        "description": flowing(described.get("description", "")),
        "fields": fields(described, schema),
        "answers": [
            {"status": status, "meaning": answer.get("description", ""), "type": answered(answer)}
            for status, answer in responses
            if int(status) < REFUSED
        ],
        "refused": [status for status, _answer in responses if int(status) >= REFUSED],
    }


def answered(answer: Schema) -> list[Text]:
    """The type of an answer's body; nothing for one that has none, or is a file."""
    for content in answer.get("content", {}).values():
        if content.get("schema"):
            return type_of(content["schema"])
    return []


def fields(described: Schema, schema: Schema) -> list[dict[str, Any]]:
    """Parameters and body members with their types and meanings."""
    found = [
        row(each["name"], each["in"], each["schema"], each.get("description", ""))
        for each in described.get("parameters", [])
    ]
    for content in described.get("requestBody", {}).get("content", {}).values():
        body = resolve(content["schema"], schema)
        required = body.get("required", [])
        for name, member in body.get("properties", {}).items():
            place = "body, required" if name in required else "body"
            found.append(row(name, place, member, member.get("description", "")))
    return found


def objects(schema: Schema) -> list[dict[str, Any]]:
    """All objects that answers and requests hold, with their members. A body that has its own table is none of them."""
    schemas = schema["components"]["schemas"]
    named = {text.object for group in groups(schema) for each in group["operations"] for text in types_in(each)}
    left = list(named)
    while left:
        members = schemas[left.pop()].get("properties", {}).values()
        new = {text.object for member in members for text in type_of(member) if text.object} - named
        named |= new
        left += new
    return [
        {
            "name": name,
            "description": flowing(described.get("description", "")),
            "fields": [
                row(each, "", member, member.get("description", ""))
                for each, member in described.get("properties", {}).items()
            ],
        }
        for name, described in sorted(schemas.items())
        if name in named | {"Problem"}
    ]


def types_in(described: Mapping[str, Any]) -> Iterator[Text]:
    """The objects that an operation's tables name."""
    for each in (*described["fields"], *described["answers"]):
        yield from (text for text in each["type"] if text.object)


def codes() -> list[dict[str, Any]]:
    """Every code that a refusal may have, by status; two refusals that share one have the same meaning."""
    found: dict[str, Kind] = {}
    for value in vars(refusals).values():
        for kind in value.values() if isinstance(value, Mapping) else [value]:
            if isinstance(kind, Kind):
                found.setdefault(kind.code, kind)
    kinds = sorted(found.values(), key=lambda kind: (kind.status, kind.code))
    return [{"code": kind.code, "status": kind.status, "meaning": told(kind.sentence)} for kind in kinds]


def told(sentence: str) -> str:
    """A refusal's sentence, with dots where a request's own words and numbers will stand."""
    return re.sub(r"\{[^}]*\}", "…", sentence.removeprefix("{field}: "))


def row(name: str, place: str, schema: Schema, meaning: str) -> dict[str, Any]:
    """A parameter, or a member of an object."""
    notes = [meaning.rstrip(".")] if meaning else []
    notes += [each["description"] for each in schema.get("anyOf", []) if "description" in each]
    if "enum" in schema:
        notes.append("one of " + ", ".join(str(each) for each in schema["enum"]))
    if "minimum" in schema and "maximum" in schema:
        notes.append(f"{schema['minimum']:g} to {schema['maximum']:g}")
    if schema.get("default") is not None:
        notes.append(f"default {schema['default']}")
    return {"name": name, "place": place, "type": type_of(schema), "meaning": "; ".join(notes)}


def type_of(schema: Schema) -> list[Text]:
    """What a value is, in words."""
    if "$ref" in schema:
        name = str(schema["$ref"]).removeprefix(REF)
        return [Text(name, name)]
    if "anyOf" in schema:
        pieces = [type_of(each) for each in schema["anyOf"]]
        return [text for piece in pieces for text in (Text(" or "), *piece)][1:]
    if schema.get("type") == "array":
        members = schema.get("prefixItems")
        if members:
            return [Text("pair of "), *type_of(members[0])]
        return [Text("list of "), *type_of(schema.get("items", {}))]
    if isinstance(schema.get("additionalProperties"), Mapping):
        return [Text("object of "), *type_of(schema["additionalProperties"])]
    if schema.get("format") == "binary":
        return [Text("file")]
    return [Text(str(schema.get("format") or schema.get("type", "")))]


def flowing(text: str) -> str:
    """A text without the ends of its lines in the code; its paragraphs stay."""
    return re.sub(r"(?<!\n)\n(?!\n)", " ", text)


def resolve(schema: Schema, document: Schema) -> Schema:
    """The schema that another one refers to, or itself."""
    if "$ref" not in schema:
        return schema
    found: Schema = document["components"]["schemas"][str(schema["$ref"]).removeprefix(REF)]
    return found
