"""All pages in a language that nobody speaks: what people see is from the catalogues, and longer words have room."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2 as httpx
import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from app.jobs.storage import keys
from app.main import create_app
from app.services import Services
from app.settings import Settings
from tests.app import pictures
from tests.app.api.test_jobs import finish
from tests.browser.conftest import opened
from tests.patient import PATIENCE_S
from tests.proxies import free_port
from tests.translations import pseudo
from tests.waiting import until

# The same in every language: names, formats, units; and what is the paintings' own.
KNOWN = re.compile(
    r"Atelier|English|Deutsch|Français|Español|\b(JPEG|PNG|WebP|TIFF|AVIF|ZIP|px|dpi|MB|UTC|VGG-1[69]|L-BFGS|Adam|L2|Lanczos)\b"
    r"|\bChecks\b|relu\d_\d|Wasserstein-2|PytorchNeuralStyleTransfer|Crowson, style-transfer-pytorch"
    r"|Majumdar, Neural-Style-Transfer"
    r"|January|February|March|April|May|June|July|August|September|October|November|December"
)
# What people see of a page, in one text, and hear of its elements; without titles, artists and what is in English.
SEEN = """() => {
  const own = "cite, [lang=en], .label__artist, code, script, style, noscript, template, select[name=style] option";
  const isOwn = (element) => element.closest(own) !== null;
  const seen = [];
  const walk = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) seen.push(isOwn(node.parentElement) ? " " : node.data);
  const named = ["aria-label", "alt", "title", "placeholder"];
  const heard = [...document.querySelectorAll(named.map((name) => `[${name}]`).join())].flatMap((element) =>
    isOwn(element) ? [] : named.map((name) => element.getAttribute(name) ?? ""));
  return [seen.join(""), ...heard];
}"""


@dataclass
class Site:
    """A web server in the language, with something on every page of it."""

    url: str
    pages: dict[str, str]


@pytest.fixture(scope="module")
def site(redis_socket: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("languages")
    own = folder / "own"
    own.mkdir()
    pictures.quarters(200, 100).save(own / "checks.png")
    settings = Settings(
        data=folder / "data", styles=own, redis_url=redis_socket, write_rate="", read_rate="", client_jobs=0
    )
    with pytest.MonkeyPatch.context() as patch:
        pseudo.install(patch, folder / "translations")
        app = create_app(settings)
        port = free_port()
        server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
        thread = threading.Thread(target=server.run)
        thread.start()
        until(lambda: server.started, "the web server")
        url = f"http://127.0.0.1:{port}"
        yield Site(url, filled(url, app.state.services))
        server.should_exit = True
        thread.join()


def filled(url: str, services: Services) -> dict[str, str]:
    """Jobs of every kind, a series and a share: the pages' addresses by what they show."""
    with httpx.Client(base_url=url, headers={"Origin": url}, timeout=PATIENCE_S) as client:
        photo = upload(client)
        wish = {"photo": photo, "styles": [{"id": "checks"}], "size": 256}

        def job() -> str:
            return str(client.post("/api/v1/jobs", json=wish).json()["id"])

        finished, stopped, waiting, running, lost = (job() for _ in range(5))
        finish(services, finished, pictures.encoded(pictures.quarters(512, 384)))
        client.post(f"/api/v1/jobs/{stopped}/cancel")
        claimed = services.records.claim(running, 1000, "here:1", lambda _: True)
        assert claimed
        services.storage.put(
            keys.preview_key(claimed.id, claimed.fence, 1), pictures.encoded(pictures.quarters(), "WEBP")
        )
        services.records.heartbeat(claimed, 1000, {"preview": 1, "preview_fence": claimed.fence})
        share = client.post(f"/api/v1/jobs/{finished}/share").json()["share"]
        several = {"photos": [upload(client), upload(client)], "style": "checks"}
        series = client.post("/jobs", data=several, follow_redirects=False).headers["location"]
    return {
        "home": "/", "options": f"/?photo={photo}&style=checks&strength=2", "nothing found": "/?q=nothing",
        "refused": f"/?photo={'0' * 32}&style=nobody&iterations=-1", "draw": "/draw", "wall": "/artworks",
        "artwork": f"/jobs/{finished}", "stopped": f"/jobs/{stopped}", "waiting": f"/jobs/{waiting}",
        "running": f"/jobs/{running}", "next": f"/jobs/{lost}", "share": share, "series": series, "no page": "/nowhere",
        "no job": f"/jobs/{'0' * 32}",
    }  # fmt: skip


def upload(client: httpx.Client) -> str:
    return str(client.post("/api/v1/photos", files={"photo": ("a.jpg", pictures.landscape())}).json()["id"])


PAGES = (
    "home", "options", "nothing found", "refused", "draw", "wall", "artwork", "stopped", "waiting", "running", "next",
    "share", "series", "no page", "no job",
)  # fmt: skip


@pytest.fixture(scope="module")
def narrow(browser: Browser, site: Site) -> Iterator[Page]:
    with opened(browser, site.url) as new:
        yield new(viewport={"width": 390, "height": 844}, locale="qps")


def unspoken(texts: list[str]) -> set[str]:
    """What is left of texts without all that is in the language, in whatever it stands."""
    left = set()
    for text in texts:
        while (shorter := re.sub(r"⟦[^⟦⟧]*⟧", " ", text)) != text:
            text = shorter
        text = KNOWN.sub(" ", text)
        left |= set(re.findall(r"[A-Za-z][\w’ ,.;:]*[A-Za-z]{2}[\w’ .]*", text))
    return left


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_everything_in_the_readers_language(site: Site, narrow: Page, name: str) -> None:
    narrow.goto(site.pages[name])
    for fold in narrow.locator("details").all():
        fold.evaluate("(fold) => { fold.open = true; }")
    assert narrow.locator("html").get_attribute("lang") == "qps"
    assert unspoken(narrow.evaluate(SEEN)) == set()


@pytest.mark.parametrize("name", PAGES)
def test_longer_words_do_not_make_a_page_scroll_sideways(site: Site, narrow: Page, name: str) -> None:
    narrow.goto(site.pages[name])
    for fold in narrow.locator("details").all():
        fold.evaluate("(fold) => { fold.open = true; }")
    wide = narrow.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0


def test_what_scripts_say_is_in_the_readers_language(site: Site, narrow: Page, tmp_path: Path) -> None:
    narrow.goto("/")
    narrow.fill("#filter-text", "night")
    assert narrow.locator("#filter-count").text_content().startswith("⟦")  # type: ignore[union-attr]
    narrow.fill("#filter-text", "")
    narrow.locator(".card__radio").first.check(force=True)
    assert narrow.locator("#choice").text_content().startswith("⟦")  # type: ignore[union-attr]
    narrow.evaluate("document.getElementById('studio').requestSubmit()")
    assert narrow.locator("#photo-error").text_content().startswith("⟦")  # type: ignore[union-attr]
    wrong = tmp_path / "a.jpg"
    wrong.write_bytes(b"%PDF-1.4")
    with narrow.expect_response("**/api/v1/photos"):
        narrow.set_input_files("#photo", wrong)
    expect(narrow.locator("#photo-error")).to_have_text(re.compile(".{20}"))
    assert unspoken([str(narrow.locator("#photo-error").text_content())]) == set()


def test_a_painting_of_ones_own_has_its_parts_in_the_readers_language(site: Site, narrow: Page, tmp_path: Path) -> None:
    narrow.goto("/draw")
    own = tmp_path / "own.jpg"
    own.write_bytes(pictures.landscape())
    narrow.set_input_files("#own-painting", own)
    narrow.wait_for_selector("form[data-own] #hues button:not([lang])")
    assert all(name.startswith("⟦") for name in narrow.locator("#hues button").all_inner_texts())
    assert unspoken(narrow.evaluate(SEEN)) == set()


def test_the_switch_changes_the_language_and_stays_on_the_page(site: Site, narrow: Page) -> None:
    narrow.goto("/artworks")
    narrow.get_by_role("button", name="Deutsch").click()
    narrow.wait_for_url("**/artworks")
    assert narrow.locator("html").get_attribute("lang") == "de"
    assert narrow.locator("footer [aria-current]").text_content() == "Deutsch"
    narrow.locator("footer button[value=qps]").click()
    narrow.wait_for_url("**/artworks")
    assert narrow.locator("html").get_attribute("lang") == "qps"
