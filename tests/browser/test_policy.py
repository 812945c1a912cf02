"""The content policy in a real browser: no page of ours needs what it forbids, and it forbids."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.conftest import Product

LISTEN = """
window.violations = [];
window.violated = new Promise((resolve) => {
  document.addEventListener("securitypolicyviolation", (event) => {
    window.violations.push(event.effectiveDirective);
    resolve(event.effectiveDirective);
  });
});
"""
PAGES = [
    "/",
    "/?style=starry_night",
    "/?photo=nothing",
    "/?q=nothing",
    "/?style=starry_night&weight=0.7&style=the_scream&weight=0.3&strength=3.3&keep_colors=0.4",
    "/?style=nobody&strength=99&iterations=lots",
    "/artworks",
    "/docs",
    "/offline",
    "/nothing",
    f"/jobs/{'0' * 32}",
]


@pytest.fixture
def watched(browser: Browser, atelier: Product) -> Iterator[Page]:
    """A page that notes what the policy blocked, from before its first byte."""
    context = browser.new_context(base_url=atelier.url)
    context.add_init_script(LISTEN)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("address", PAGES)
def test_policy_blocks_nothing_of_ours(watched: Page, address: str) -> None:
    watched.goto(address, wait_until="networkidle")
    watched.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert watched.evaluate("violations") == []


@pytest.mark.parametrize(
    ("tag", "members", "directive"),
    [
        ("script", {"textContent": "1"}, "script-src-elem"),
        ("script", {"src": "https://elsewhere.example/x.js"}, "script-src-elem"),
        ("style", {"textContent": "p {}"}, "style-src-elem"),
        ("img", {"src": "https://elsewhere.example/x.png"}, "img-src"),
        ("iframe", {"src": "/"}, "frame-src"),
        ("object", {"data": "/"}, "object-src"),
        ("base", {"href": "https://elsewhere.example/"}, "base-uri"),
    ],
)
@pytest.mark.parametrize("address", ["/", "/docs"])
def test_policy_blocks_what_a_stranger_would_add(
    watched: Page, address: str, tag: str, members: dict[str, str], directive: str
) -> None:
    watched.goto(address)
    watched.evaluate(
        "([tag, members]) => document.body.append(Object.assign(document.createElement(tag), members))", [tag, members]
    )
    # Not wait_for_function: where it has to wait, it evaluates a string in the page, which the policy forbids too.
    assert watched.evaluate("violated") == directive
