"""The API's description as a page.

The usual viewers load scripts from elsewhere or need inline ones, which our content policy forbids.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.web.origin import keep_visit

router = APIRouter(include_in_schema=False)


@router.get("/docs")
def docs(request: Request) -> Response:
    schema = request.app.openapi()
    context = {"schema": schema, "operations": operations(schema)}
    response: Response = request.app.state.templates.TemplateResponse(request, "docs.html", context)
    keep_visit(request, response)
    return response


def operations(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The operations of an OpenAPI document, flat enough for a template."""
    return [
        {
            "id": operation["operationId"],
            "method": method.upper(),
            "path": path,
            "summary": operation.get("summary", ""),
            "description": operation.get("description", ""),
            "fields": fields(operation, schema),
            "answers": [
                {"status": status, "meaning": answer.get("description", "")}
                for status, answer in operation["responses"].items()
            ],
        }
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]


def fields(operation: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, str]]:
    """Parameters and body members with their types and meanings."""
    found = [
        row(each["name"], each["in"], each["schema"], each.get("description", ""))
        for each in operation.get("parameters", [])
    ]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        body = resolve(content["schema"], schema)
        required = body.get("required", [])
        for name, member in body.get("properties", {}).items():
            place = "body, required" if name in required else "body"
            found.append(row(name, place, member, member.get("description", "")))
    return found


def row(name: str, place: str, schema: dict[str, Any], meaning: str) -> dict[str, str]:
    notes = [meaning.rstrip(".")] if meaning else []
    notes += [each["description"] for each in schema.get("anyOf", []) if "description" in each]
    if "enum" in schema:
        notes.append("one of " + ", ".join(str(each) for each in schema["enum"]))
    if "minimum" in schema and "maximum" in schema:
        notes.append(f"{schema['minimum']:g} to {schema['maximum']:g}")
    if schema.get("default") is not None:
        notes.append(f"default {schema['default']}")
    return {"name": name, "place": place, "type": type_name(schema), "meaning": "; ".join(notes)}


def type_name(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " or ".join(type_name(each) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {type_name(schema.get('items', {}))}"
    return "file" if schema.get("format") == "binary" else str(schema.get("type", ""))


def resolve(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    name = str(schema["$ref"]).rsplit("/", 1)[-1]
    found: dict[str, Any] = document["components"]["schemas"][name]
    return found
