"""The product behind real proxies in a real browser: as documented, below a path, and where little gets through."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests import proxies
from tests.app import pictures
from tests.browser.conftest import hear_errors
from tests.browser.test_elsewhere import SLOW
from tests.browser.test_painting import PAINTED_MS, choose_painting, downloaded, open_options, stop
from tests.conftest import Product, address, close, launch
from tests.waiting import until

ROOT = "/atelier"
Visit = Callable[[str], Page]


@pytest.fixture(scope="module")
def below(tmp_path_factory: pytest.TempPathFactory, own_paintings: Path) -> Iterator[Product]:
    """The whole product, below a path."""
    data = tmp_path_factory.mktemp("below")
    settings = {"ATELIER_ROOT_PATH": ROOT, "ATELIER_TRUSTED_PROXIES": "127.0.0.1"}
    process = launch(data, ATELIER_STYLES=str(own_paintings), ATELIER_PREVIEW_S="0.3", **settings)
    yield Product(address(process), data, process)
    close(process)


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Opens a site; any request that leaves it, or that it does not answer, fails the test, as does a script error."""
    troubles: list[str] = []
    with ExitStack() as contexts:

        def opened(site: str) -> Page:
            context = browser.new_context(base_url=site, viewport={"width": 1280, "height": 800})
            contexts.callback(context.close)
            page = context.new_page()
            hear_errors(page, troubles)
            page.on("request", lambda request: note(request.url, site))
            page.on("response", lambda answer: troubles.append(answer.url) if answer.status == 404 else None)
            page.goto(f"{site}/")
            return page

        def note(address: str, site: str) -> None:
            if not address.startswith((f"{site}/", "blob:")):
                troubles.append(f"leaves the site: {address}")

        yield opened
    assert troubles == []


def upstream(product: Product) -> str:
    return product.url.removeprefix("http://").removesuffix(ROOT)


def noise(path: Path, side: int) -> Path:
    """A photo that no encoder makes smaller: three bytes a pixel."""
    picture = Image.frombytes("RGB", (side, side), random.Random(1).randbytes(3 * side * side))
    picture.save(path, "PNG", compress_level=0)
    return path


@pytest.mark.parametrize("name", ["nginx", "caddy"])
@pytest.mark.parametrize("root", ["", ROOT])
def test_everything_works_behind_the_documented_block(
    atelier: Product, below: Product, visit: Visit, tmp_path: Path, name: str, root: str
) -> None:
    product = below if root else atelier
    with proxies.as_documented(name, tmp_path, upstream(product), root) as proxy:
        site = f"http://127.0.0.1:{proxy.port}{root}"
        page = visit(site)
        photo = noise(tmp_path / "large.png", 3200)
        assert 30_000_000 < photo.stat().st_size < 40_000_000
        page.set_input_files("#photo", photo)
        expect(page.locator("#photo-id")).not_to_have_value("", timeout=60_000)
        choose_painting(page)
        open_options(page)
        page.get_by_role("radio", name="256 px").check()
        page.get_by_role("radio", name="Draft").check()
        page.get_by_role("button", name="Paint it").click()
        page.wait_for_url(f"{site}/jobs/*", timeout=60_000)
        expect(page.get_by_role("heading", name="Download")).to_be_visible(timeout=PAINTED_MS)
        easel = page.url
        for link, kind in (("JPEG", "JPEG"), ("PNG", "PNG"), ("WebP", "WEBP")):
            with page.expect_download() as download:
                page.get_by_role("link", name=link).click()
            assert downloaded(download).format == kind
        with page.expect_download() as download:
            page.get_by_role("button", name="TIFF for print").click()
        assert downloaded(download).format == "TIFF"
        page.get_by_role("button", name="Make an address to share").click()
        shared = page.get_by_label("Address of the shared artwork").input_value()
        assert re.fullmatch(rf"{site}/s/[0-9a-f]{{32}}", shared)
        page.goto(shared)
        expect(page.get_by_text("A shared artwork")).to_be_visible()
        page.get_by_role("link", name="Your wall").click()
        page.locator(f'a[href="{root}/jobs/{easel.rpartition("/")[2].partition("#")[0]}"]').click()
        page.get_by_role("link", name="For programs").click()
        expect(page.get_by_text(f"{root}/api/v1/jobs", exact=True).first).to_be_visible()
        page.get_by_role("link", name="Paint", exact=True).click()
        page.get_by_role("button", name="Use our sample photo").click()
        expect(page.locator("#photo-id")).not_to_have_value("")
        page.locator("#own-painting").set_input_files(
            {"name": "own.jpg", "mimeType": "image/jpeg", "buffer": pictures.landscape()}
        )
        expect(page.locator("[data-mine]")).to_have_count(1)
        page.locator(".card--mine .card__remove").press("Enter")
        expect(page.locator("[data-mine]")).to_have_count(0)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (413, "This photo is larger than the proxy in front of this site lets through."),
        (502, "The studio does not answer just now. Try again in a moment."),
        (503, "The studio has too much to do, or is out of reach just now. Try again in a moment."),
        (504, "The studio took too long to answer. Try again in a moment."),
    ],
)
def test_proxy_that_lets_no_photo_through_is_explained_and_the_photo_is_sent_once_it_does(
    atelier: Product, visit: Visit, tmp_path: Path, status: int, sentence: str
) -> None:
    refusal = "" if status == 413 else f"location = /api/v1/photos {{ return {status}; }}"  # 413 is nginx's own default
    inside = f"{refusal} location / {{ proxy_pass http://{upstream(atelier)}; proxy_set_header Host $http_host; }}"
    with proxies.nginx(tmp_path, inside) as proxy:
        page = visit(f"http://127.0.0.1:{proxy.port}")
        choose_painting(page)
        page.set_input_files("#photo", noise(tmp_path / "photo.png", 820 if status == 413 else 200))
        expect(page.locator("#photo-error")).to_contain_text(sentence)
        expect(page.get_by_alt_text("Your photo")).to_be_visible()
        proxy.replace(inside, f"client_max_body_size 400m; {inside.removeprefix(refusal)}")
        until(lambda: page.request.get("/api/v1/photos").status == 405, "nginx's new configuration")
        page.get_by_role("button", name="Paint it").click()
        page.wait_for_url("**/jobs/*")
        stop(page)


def test_easel_says_why_it_hears_nothing_and_goes_on_when_it_does(
    atelier: Product, visit: Visit, photo: Path, tmp_path: Path
) -> None:
    inside = f"location / {{ proxy_pass http://{upstream(atelier)}; proxy_set_header Host $http_host; }}"
    with proxies.nginx(tmp_path, inside) as proxy:
        page = visit(f"http://127.0.0.1:{proxy.port}")
        page.goto(f"{page.url}?{SLOW}")
        page.set_input_files("#photo", photo)
        page.get_by_role("button", name="Paint it").click()
        page.wait_for_url("**/jobs/*")
        closed = f"location /api/ {{ return 502; }} {inside}"
        proxy.replace(inside, closed)
        expect(page.get_by_text("The studio does not answer just now. The painting goes on")).to_be_visible(
            timeout=20_000
        )
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_text("The studio does not answer just now. Press Stop once more.")).to_be_visible()
        proxy.replace(closed, inside)
        expect(page.locator("#connection")).to_be_hidden(timeout=20_000)
        stop(page)
