"""Where a form may come from, as Chromium says it over plain http: what is taken, shown once more, or not done."""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.app import pictures
from tests.browser.conftest import NewPage
from tests.browser.test_elsewhere import SLOW
from tests.browser.test_painting import difference, opened, stop
from tests.conftest import Product
from tests.elsewhere import Place

# With it a browser says `Origin: null`, as old ones did with every form of a page without referrers.
NO_REFERRER = """document.head.insertAdjacentHTML("beforeend", '<meta name="referrer" content="no-referrer">')"""
FORM = (
    "<form action='{url}' method='post'><input name='how' value='x'></form><script>document.forms[0].submit()</script>"
)
FETCH = "<script>fetch('{url}', {{method: '{method}', mode: '{mode}', credentials: 'include'}})</script>"
PAGES = ("{}", '<meta name="referrer" content="no-referrer">{}')


def fill_in(page: Page, photo: Path) -> None:
    """Chooses everything in a page whose forms say nothing of where they come from."""
    page.goto(f"/?{SLOW}&seed=77")
    page.evaluate(NO_REFERRER)
    page.set_input_files("#photo", photo)
    if page.locator(".needs-script").first.is_visible():
        expect(page.locator("#photo-id")).not_to_have_value("")


def test_form_that_says_nothing_is_taken_with_its_token(far_page: Page, photo: Path) -> None:
    fill_in(far_page, photo)
    with far_page.expect_request("**/jobs?token=*") as sent:
        far_page.get_by_role("button", name="Paint it").click()
    assert sent.value.all_headers()["origin"] == "null"
    far_page.wait_for_url("**/jobs/*")
    stop(far_page)


def test_refused_form_keeps_photo_painting_and_options(far_page: Page, far: Product, photo: Path) -> None:
    fill_in(far_page, photo)
    far_page.context.clear_cookies()  # The page is from before the browser was closed.
    far_page.get_by_role("button", name="Paint it").click()

    expect(far_page.get_by_role("heading", name="Once more, please")).to_be_visible()
    for width in (1280, 390):
        far_page.set_viewport_size({"width": width, "height": 800})
        assert far_page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    jobs = set(far.data.glob("jobs/*"))
    far_page.evaluate(NO_REFERRER)
    far_page.get_by_role("button", name="Paint it").click()

    far_page.wait_for_url("**/jobs/*")
    (job,) = set(far.data.glob("jobs/*")) - jobs
    wish = far_page.request.get(f"/api/v1/jobs/{job.name}").json()["request"]
    assert (wish["seed"], wish["size"], wish["styles"][0]["id"]) == (77, 2048, "strokes")
    with Image.open(far.data / "photos" / wish["photo"] / "photo.jpg") as kept:
        assert difference(kept, opened(photo)) < 2
    stop(far_page)


def test_refused_form_keeps_the_accessibility_rules(new_far_page: NewPage, photo: Path) -> None:
    page = new_far_page()  # with scripts: the rules are looked at by one
    fill_in(page, photo)
    page.context.clear_cookies()
    page.get_by_role("button", name="Paint it").click()
    expect(page.get_by_role("heading", name="Once more, please")).to_be_visible()
    found = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []


@dataclass(frozen=True)
class Attacker:
    """Somebody else's web server: where it answers, and the folder of its pages."""

    url: str
    pages: Path

    def lure(self, page: Page, content: str) -> None:
        """Sends a tab to a page of that content, without waiting for it: it may lead on at once."""
        name = f"{len(list(self.pages.iterdir()))}.html"
        (self.pages / name).write_text(content)
        page.evaluate("address => { setTimeout(() => { location.href = address; }); }", f"{self.url}/{name}")


@pytest.fixture(params=["another site", "another port"])
def attacker(request: pytest.FixtureRequest, place: Place, tmp_path: Path) -> Iterator[Attacker]:
    """On another machine, or on the same: browsers do not keep cookies apart by port."""
    within, host = ((), "127.0.0.1") if request.param == "another site" else (place.within, place.address)
    command = [*within, sys.executable, "-u", "-m", "http.server", "--bind", host, "--directory", str(tmp_path), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout
        port = server.stdout.readline().split(" port ")[1].split()[0]
        yield Attacker(f"http://{host}:{port}", tmp_path)
        server.kill()


def test_pages_of_other_origins_can_do_nothing(browser: Browser, far: Product, attacker: Attacker) -> None:
    context = browser.new_context(base_url=far.url)
    api = context.request
    context.new_page().goto("/")
    assert [each["name"] for each in context.cookies()] == ["atelier_form"]
    sent = api.post(
        "/api/v1/photos",
        multipart={"photo": {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": pictures.landscape()}},
    )
    photo = sent.json()["id"]
    wish = {"photo": photo, "styles": [{"id": "strokes"}], "size": 2048, "quality": "best"}
    job = f"/jobs/{api.post('/api/v1/jobs', data=wish).json()['id']}"
    with urllib.request.urlopen(far.url) as answer:  # Anybody gets a token, for a cookie of their own.
        token = re.findall(r"\?token=[0-9a-f]+", answer.read().decode())[0]

    attacks = [FORM.format(url=f"{far.url}{job}/delete{how}") for how in ("", token)]
    for method, mode, address in (
        ("POST", "no-cors", f"/api/v1{job}/cancel"),
        ("DELETE", "cors", f"/api/v1/photos/{photo}"),
    ):
        attacks.append(FETCH.format(url=f"{far.url}{address}", method=method, mode=mode))
    for attack, around in product(attacks, PAGES):
        page = context.new_page()
        with page.expect_request(lambda request: request.url.startswith(far.url)):
            attacker.lure(page, around.format(attack))
        page.wait_for_load_state("networkidle")
    assert api.get(f"/api/v1{job}").json()["cancel_requested"] is False
    api.post(f"/api/v1{job}/cancel")
    context.close()
