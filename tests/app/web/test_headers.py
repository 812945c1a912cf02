"""Headers on every answer, and pages that need nothing of other sites."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from starlette.testclient import TestClient

from tests.bench import ROOT

ADDRESSES = [
    "/",
    "/artworks",
    "/docs",
    "/openapi.json",
    "/healthz",
    "/api/v1/styles",
    "/nothing",
    "/api/v1/jobs/nothing",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_answer_carries_the_headers(client: TestClient, address: str) -> None:
    headers = client.get(address).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=(self)" in headers["permissions-policy"]


class Inline(HTMLParser):
    """Finds what a strict policy would block."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in names):
            self.found.append(tag)
        self.found += [name for name in names if name == "style" or name.startswith("on")]
        # Only links that a person follows may lead elsewhere.
        links = [names.get(name) or "" for name in ("src", "action", "formaction")]
        if tag == "link":
            links.append(names.get("href") or "")
        self.outside += [link for link in links if re.match(r"(https?:)?//", link)]


@pytest.mark.parametrize("address", ["/", "/artworks", "/docs", "/nothing"])
def test_no_page_needs_inline_script_or_another_site(client: TestClient, address: str) -> None:
    page = Inline()
    page.feed(client.get(address).text)
    assert page.found == []
    assert page.outside == []


def test_scripts_and_styles_name_no_other_site() -> None:
    for path in (ROOT / "static").rglob("*"):
        if path.suffix in {".js", ".css"}:
            assert not re.search(r"https?://|//cdn", path.read_text()), path


def test_https_alone_is_told_what_browsers_believe_there_only(client: TestClient) -> None:
    plain, secure = client.get("/").headers, client.get("https://testserver/").headers
    assert not {"strict-transport-security", "cross-origin-opener-policy"} & plain.keys()
    assert secure["strict-transport-security"] == "max-age=31536000"
    assert secure["cross-origin-opener-policy"] == "same-origin"
