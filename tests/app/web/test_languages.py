"""Which language an answer is in, and the switch."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.web.languages import accepted, nearest
from tests.translations import pseudo

PSEUDO = {"Accept-Language": "qps"}


@pytest.fixture
def _pseudo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pseudo.install(monkeypatch, tmp_path / "translations")


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", ["de-AT", "de", "en"]),
        ("en;q=0.2, fr;q=0.7, ja", ["ja", "fr", "en"]),
        ("fr;q=0, es", ["es"]),
        ("de;q=x, fr", ["fr"]),
        ("", [""]),
        ("fr;q=0.1," + "es;q=0.2," * 19 + "ja", ["es"] * 19 + ["fr"]),
    ],
)
def test_the_most_wanted_language_comes_first(header: str, tags: list[str]) -> None:
    assert list(accepted(header)) == tags


@pytest.mark.parametrize(
    ("tag", "ours"),
    [
        ("de-AT", "de"),
        ("ZH", "zh-Hans"),
        ("zh-CN", "zh-Hans"),
        ("zh-Hant-TW", "zh-Hans"),
        ("ja", "ja"),
        ("en-US", "en"),
    ],
)
def test_a_language_is_known_by_its_first_part(tag: str, ours: str) -> None:
    found = nearest(tag)
    assert found
    assert found.tag == ours


@pytest.mark.parametrize("tag", ["", "*", "it", "deu", "d"])
def test_a_language_that_is_not_here_is_none(tag: str) -> None:
    assert nearest(tag) is None


@pytest.mark.parametrize("header", ["de", "de-CH, en;q=0.5", "it, de"])
def test_a_page_is_in_the_language_that_the_browser_asks_for(client: TestClient, header: str) -> None:
    page = client.get("/", headers={"Accept-Language": header})
    assert '<html lang="de"' in page.text
    assert page.headers["content-language"] == "de"
    assert {"Accept-Language", "Cookie"} <= {each.strip() for each in page.headers["vary"].split(",")}


def test_who_asks_for_nothing_gets_english(client: TestClient) -> None:
    page = client.get("/")
    assert '<html lang="en"' in page.text
    assert 'id="words"' not in page.text
    assert page.headers["content-language"] == "en"


def test_the_switch_is_remembered_and_leads_back(client: TestClient) -> None:
    answer = client.post("/language", data={"language": "ja"}, headers={"Referer": "http://testserver/artworks?a=b"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/artworks?a=b")
    cookie = answer.headers["set-cookie"]
    assert "Max-Age=31536000" in cookie
    assert "SameSite=lax" in cookie
    page = client.get("/artworks", headers={"Accept-Language": "de"})
    assert '<html lang="ja"' in page.text
    assert 'value="ja" lang="ja" aria-current="true"' in page.text


@pytest.mark.parametrize(
    "referer", ["http://elsewhere/artworks", "", "http://testserver", "http://testserver//elsewhere/"]
)
def test_the_switch_leads_nowhere_else(client: TestClient, referer: str) -> None:
    answer = client.post("/language", data={"language": "de"}, headers={"Referer": referer})
    assert answer.headers["location"] in {"/", "/elsewhere/"}


def test_a_language_that_is_not_here_changes_nothing(client: TestClient) -> None:
    answer = client.post("/language", data={"language": "xx"})
    assert answer.status_code == 303
    assert "set-cookie" not in answer.headers


@pytest.mark.usefixtures("_pseudo")
def test_refusals_are_told_in_the_language_and_keep_their_codes(client: TestClient) -> None:
    answer = client.post("/api/v1/photos", files={"photo": ("a.pdf", b"%PDF-1.4")}, headers=PSEUDO).json()
    assert answer["code"] == "photo-wrong-type"
    assert answer["title"].startswith("⟦")
    assert answer["detail"].count("⟦") == 3  # the sentence, what the file is, and what to do
    page = client.get("/nothing", headers=PSEUDO)
    assert "⟦Ñöţĥîñĝ ĥåñĝš ĥéŕé" in page.text
    assert client.get("/nothing").text.count("⟦") == 0


@pytest.mark.usefixtures("_pseudo")
def test_a_failure_of_ours_is_told_in_the_language(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(client.app.state.services.gallery, "search", broken)  # type: ignore[attr-defined]
    page = client.get("/", headers=PSEUDO)
    assert page.status_code == 500
    assert "⟦Šöméţĥîñĝ ƀŕöķé" in page.text.replace("b", "ƀ")
    assert page.headers["content-language"] == "qps"


@pytest.mark.usefixtures("_pseudo")
def test_what_threads_answer_is_in_the_language_of_their_request(client: TestClient, photo_id: str) -> None:
    """Routes run in threads, and forms are taken in between threads and the event loop."""
    sent = {"photo_id": photo_id, "style": "nobody", "iterations": "-1"}
    told = client.post("/jobs", data=sent, headers=PSEUDO).text
    plain = client.post("/jobs", data=sent).text
    assert "Ţĥé þåîñţîñĝ" in told.replace("p", "þ")
    assert "⟦" not in plain
