"""The API's description: every route, every object that one of them names, every code; and where it leads."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from app import refusals
from app.jobs.models import StyleChoice
from app.main import create_app
from app.pages.docs import WRITTEN_FOR
from app.settings import Settings
from tests.app.pages.test_receiving import FROM_THE_MENU
from tests.bench import ROOT


@pytest.fixture
def page(client: TestClient) -> str:
    answer = client.get("/docs", headers=FROM_THE_MENU)
    assert answer.status_code == 200
    return answer.text


def section(page: str, identifier: str) -> str:
    """The part of the page that an address leads to, as text with its tags."""
    start = page.index(f'id="{identifier}"')
    return page[start : page.index("</section>", start)]


def test_every_link_of_the_page_leads_to_one_place(page: str) -> None:
    places = re.findall(r' id="([^"]+)"', page)
    assert len(places) == len(set(places))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(places)


def test_every_route_is_described_once(client: TestClient, page: str) -> None:
    described = client.get("/openapi.json").json()["paths"]
    wanted = [(method.upper(), path) for path, methods in described.items() for method in methods]
    shown = re.findall(r'operation__method">([A-Z]+)</span> <code>([^<]+)</code>', page)
    assert sorted(shown) == sorted(wanted)


def referred(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            if name == "$ref":
                yield str(each).rpartition("/")[2]
            else:
                yield from referred(each)
    elif isinstance(value, list):
        for each in value:
            yield from referred(each)


def test_objects_that_answers_hold_are_described_with_all_their_members(client: TestClient, page: str) -> None:
    """From each answer on, as the OpenAPI document refers to them."""
    document = client.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    wanted: set[str] = set()
    left = [
        name
        for methods in document["paths"].values()
        for operation in methods.values()
        for name in referred(operation["responses"])
    ]
    while left:
        name = left.pop()
        if name not in wanted:
            wanted.add(name)
            left += referred(schemas[name])
    assert {"JobAnswer", "AttemptAnswer", "StyleChoice", "Problem", "SeriesJob"} <= wanted
    for name in wanted:
        for member in schemas[name].get("properties", {}):
            assert f'<th scope="row"><code>{member}</code></th>' in section(page, name), (name, member)


def test_a_list_of_objects_leads_to_what_they_are(page: str) -> None:
    assert 'list of <a href="#StyleChoice">StyleChoice</a>' in section(page, "PaintRequest")
    for member in StyleChoice.model_fields:
        assert f"<code>{member}</code>" in section(page, "StyleChoice")


def test_every_code_is_told_with_its_status(page: str) -> None:
    """As they are written in the module, whatever the page makes of it."""
    rows = dict(re.findall(r"<code>([a-z-]+)</code></th><td>(\d+)</td>", section(page, "codes")))
    source = (ROOT / "app" / "refusals.py").read_text()
    assert len(rows) > 70
    assert rows.keys() <= set(re.findall(r'"([a-z]+(?:-[a-z]+)*)"', source))
    for kind in (refusals.JOB_EXPIRED, refusals.QUEUE_FULL, *refusals.WRONG_TYPE.values(), refusals.CLIENT_BUSY):
        assert rows[kind.code] == str(kind.status)


def test_no_sentence_of_a_code_shows_a_blank(page: str) -> None:
    told = html.unescape(section(page, "codes"))
    assert "{" not in told
    assert "You have … paintings under way already." in told


def test_refusals_are_explained_once(page: str) -> None:
    """An operation lists their statuses in one line."""
    for operation in re.findall(r'<ul class="operation__answers">(.*?)</ul>', page, re.DOTALL):
        assert operation.count("Refused, with a code and a sentence.") <= 1


def test_examples_ask_the_site_that_shows_them(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"root_path": "/atelier", "hosts": "testserver"}))
    with TestClient(app) as client:
        page = client.get("/atelier/docs").text
    assert page.count("http://testserver/atelier") >= 2
    assert "127.0.0.1" not in page


def test_examples_name_no_site_that_its_owner_has_not_named(settings: Settings) -> None:
    with TestClient(create_app(settings)) as client:
        page = client.get("/docs").text
    assert "testserver" not in page
    assert page.count(WRITTEN_FOR) >= 2
