"""The pages as a browser without scripts sends and gets them."""

from __future__ import annotations

import html
import re

import pytest
from starlette.testclient import TestClient

from app.jobs.models import PaintRequest
from app.services import Services
from tests.app import pictures
from tests.app.conftest import Paint

CARD = r'type="radio" name="style" value="([a-z_0-9]+)"'
# Options without a control, which the page carries where an address names them.
CARRIED = {"start_job", "variety", "fidelity"}


def beside(page: str, place: str) -> str:
    """The sentence that the page shows in the error place of an id, or nothing."""
    found = re.search(rf'id="{place}"([^>]*)>([^<]*)<', page)
    assert found, f"no {place} in the page"
    return "" if "hidden" in found[1] else found[2].strip()


def test_home_shows_every_painting_and_every_option(client: TestClient) -> None:
    page = client.get("/").text
    assert set(re.findall(CARD, page)) == client.app.state.services.gallery.by_id.keys()  # type: ignore[attr-defined]
    for name in {"photo", "style", "weight", *PaintRequest.model_fields} - {"styles", *CARRIED}:
        assert f'name="{name}"' in page, name
    assert "Dusk &amp; &lt;Dawn&gt;" in page
    assert "<Dawn>" not in page
    assert 'accept="image/jpeg,image/png,image/webp,image/avif,image/tiff,image/bmp,image/gif,image/jp2"' in page


def test_filter_works_as_a_form(client: TestClient) -> None:
    page = client.get("/", params={"mood": "gold", "q": "müller"}).text
    assert re.findall(CARD, page) == ["dusk"]
    slip = client.get("/", params={"q": "mullar"}).text
    assert re.findall(CARD, slip) == ["dusk"]
    assert "Nothing is called “mullar”. These are for “muller”." in slip
    nothing = client.get("/", params={"q": "no such thing"}).text
    assert re.findall(CARD, nothing) == []
    assert "No painting fits" in nothing
    assert re.search(r'href="/\?q=[^"]+#gallery" data-search=', nothing)


def test_the_empty_frame_shows_what_a_photo_becomes_and_a_photo_takes_its_place(
    client: TestClient, photo_id: str
) -> None:
    page = client.get("/").text
    first = re.search(r'href="(/\?style=([a-z_]+)#finish)"', page)
    assert first
    chosen = client.get(first[1]).text
    assert re.search(rf'name="style" value="{first[2]}"[^>]* checked', chosen)
    assert re.search(r'id="choice">After <cite>', chosen)
    assert "shown__one" not in client.get("/", params={"photo": photo_id}).text


def test_photo_and_painting_lead_to_the_easel(client: TestClient) -> None:
    answer = client.post(
        "/jobs", data={"style": "dusk", "size": "256"}, files={"photo": ("a.jpg", pictures.landscape())}
    )
    assert answer.status_code == 303
    page = client.get(answer.headers["location"])
    assert "On the easel" in page.text
    assert 'http-equiv="refresh"' in page.text
    assert "Next in line" in page.text or "next in line" in page.text
    assert page.headers["cache-control"] == "private, no-cache"


def test_both_things_that_are_missing_are_said_each_at_its_step(client: TestClient) -> None:
    page = client.post("/jobs", data={"size": "256"}).text
    assert "no photo yet" in beside(page, "photo-error")
    assert "painting" in beside(page, "style-error")


def test_empty_file_field_beside_a_sent_photo_is_what_browsers_send(client: TestClient, photo_id: str) -> None:
    answer = client.post("/jobs", data={"style": "dusk", "photo_id": photo_id}, files={"photo": ("", b"")})
    assert answer.status_code == 303


def test_what_is_chosen_stays_through_a_search(client: TestClient) -> None:
    page = client.get("/", params={"q": "no such thing", "style": "dusk", "strength": "2"}).text
    assert re.findall(CARD, page) == ["dusk"]
    assert re.search(r'name="strength" value="2" form="filter"', page)


def test_options_reach_the_job(client: TestClient, paint: Paint) -> None:
    job_id = paint(
        style=["dusk", "checks", "", ""],
        weight=["0.8", "0.2", "0.5", "0.5"],
        size="768",
        strength="2",
        brush="0.5",
        quality="draft",
        keep_colors="0.75",
        preset="gatys-2016",
        iterations="30",
    )
    wish = client.get(f"/api/v1/jobs/{job_id}").json()["request"]
    everywhere = {"mask": None, "color": None, "part": None, "part_map": None}
    assert wish["styles"] == [
        {"id": "dusk", "weight": 0.8, **everywhere},
        {"id": "checks", "weight": 0.2, **everywhere},
    ]
    asked = {
        "size": 768,
        "strength": 2.0,
        "brush": 0.5,
        "quality": "draft",
        "keep_colors": 0.75,
        "preset": "gatys-2016",
        "iterations": 30,
    }
    assert {name: wish[name] for name in asked} == asked


def test_no_photo_is_said_beside_the_photo_with_the_input_kept(client: TestClient) -> None:
    answer = client.post(
        "/jobs", data={"style": "dusk", "size": "1024", "keep_colors": "1"}, files={"photo": ("", b"")}
    )
    assert answer.status_code == 422
    assert "no photo yet" in beside(answer.text, "photo-error")
    assert re.search(r'value="dusk"[^>]*checked', answer.text)
    assert re.search(r'value="1024"[^>]*checked', answer.text)
    assert re.search(r'name="keep_colors" value="1" checked', answer.text)


def test_bad_photo_is_said_beside_the_photo_and_leaves_nothing(client: TestClient) -> None:
    answer = client.post("/jobs", data={"style": "dusk"}, files={"photo": ("a.jpg", b"not a photo")})
    assert answer.status_code == 415
    assert beside(answer.text, "photo-error").startswith("This file is not a photo")
    assert re.search(r'value="dusk"[^>]*checked', answer.text)
    services: Services = client.app.state.services  # type: ignore[attr-defined]
    assert list(services.storage.list("photos/")) == []


def test_no_painting_is_said_beside_the_gallery_with_the_photo_kept(client: TestClient) -> None:
    answer = client.post("/jobs", files={"photo": ("a.jpg", pictures.landscape())})
    assert answer.status_code == 422
    assert "Choose a painting" in beside(answer.text, "style-error")
    photo_id = re.search(r'name="photo_id"[^>]*value="(\w{32})"', answer.text)[1]  # type: ignore[index]
    again = client.post("/jobs", data={"photo_id": photo_id, "style": "dusk"})
    assert again.status_code == 303


def test_options_that_do_not_fit_are_said_beside_their_controls(client: TestClient, photo_id: str) -> None:
    bad = {"size": "9999", "strength": "40", "iterations": "many", "style_layers": "<b>all"}
    answer = client.post("/jobs", data={"photo_id": photo_id, "style": "dusk", **bad})
    assert answer.status_code == 422
    for name, words in {
        "size": "at most 8192",
        "strength": "at most 10",
        "iterations": "“many” is not a number",
        "style_layers": "like this",
    }.items():
        assert words in html.unescape(beside(answer.text, f"{name}-error"))
        assert re.search(rf'aria-invalid="true" aria-describedby="{name}-error', answer.text)
    assert 'value="many"' in answer.text
    assert '"&lt;b&gt;all"' in answer.text
    assert re.search(r'name="size" value="9999" checked', answer.text)
    for fold in ("options", "more", "experts"):
        assert re.search(rf'<details[^>]* id="{fold}" open>', answer.text)


def test_address_that_does_not_fit_is_said_and_never_breaks(client: TestClient) -> None:
    page = client.get("/?style=nobody&strength=abc&size=1e300&weight=&photo=x&unheard_of=1&seed=9e999&keep=%00")
    assert page.status_code == 200
    assert "does not hang here" in beside(page.text, "style-error")
    assert "not a number" in beside(page.text, "strength-error")
    assert re.search(r'name="strength" value="1" checked', page.text)


def test_same_again_carries_everything_into_the_form(client: TestClient, paint: Paint) -> None:
    job_id = paint(
        style=["dusk", "checks"], weight=["3", "1"], strength="1.7", seed="12", smoothing="2", optimizer="adam"
    )
    page = client.get("/", params={"again": job_id}).text
    assert re.search(r'value="dusk"[^>]*checked', page)
    assert re.search(r'<option value="checks" selected', page)
    assert re.findall(r'class="blend__share">(\d+) %', page)[:2] == ["75", "25"]
    assert re.search(r'name="strength" value="1.7" checked', page)
    assert re.search(r'name="photo_id"[^>]*value="\w{32}"', page)
    assert re.search(r'<option value="adam" selected', page)
    assert re.search(r'id="more" open', page)
    assert re.search(r'id="experts" open', page)
    assert client.get("/", params={"again": "0" * 32}).status_code == 404


def test_unknown_painting_is_said_beside_the_gallery(client: TestClient, photo_id: str) -> None:
    answer = client.post("/jobs", data={"photo_id": photo_id, "style": "<b>nobody"})
    assert answer.status_code == 422
    assert "does not hang here" in beside(answer.text, "style-error")
    assert "<b>nobody" not in answer.text


def test_sample_photo_needs_no_script(client: TestClient) -> None:
    answer = client.post("/photos/sample", data={"style": "dusk"}, files={"photo": ("", b"")})
    assert answer.status_code == 200
    photo_id = re.search(r'name="photo_id"[^>]*value="(\w{32})"', answer.text)[1]  # type: ignore[index]
    assert client.get(f"/photos/{photo_id}/thumb.webp").headers["content-type"] == "image/webp"
    assert re.search(r'value="dusk"[^>]*checked', answer.text)


def test_address_with_a_photo_that_is_gone_says_so(client: TestClient) -> None:
    assert "no longer" in beside(client.get("/", params={"photo": "0" * 32}).text, "photo-error")


def test_stop_before_the_first_stroke_keeps_the_photo_one_click_away(client: TestClient, paint: Paint) -> None:
    job_id = paint()
    assert client.post(f"/jobs/{job_id}/cancel").headers["location"] == f"/jobs/{job_id}"
    page = client.get(f"/jobs/{job_id}").text
    assert "Stopped before the first stroke" in page
    again = client.post(f"/jobs/{job_id}/retry")
    assert again.status_code == 303
    assert again.headers["location"] != f"/jobs/{job_id}"


def test_wall_shows_this_browsers_jobs_newest_first(client: TestClient, paint: Paint) -> None:
    assert "Nothing hangs here yet" in client.get("/artworks").text
    ids = [paint() for _ in range(3)]
    shown = re.findall(r'data-job="(\w{32})"', client.get("/artworks").text)
    assert shown == ids[::-1]
    client.cookies.clear()
    assert not re.search(r'data-job="', client.get("/artworks").text)


def test_wall_cookie_is_closed_to_scripts_and_other_sites(client: TestClient, photo_id: str) -> None:
    cookie = client.post("/jobs", data={"photo_id": photo_id, "style": "dusk"}).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def test_wall_keeps_to_the_size_of_a_cookie(client: TestClient, photo_id: str) -> None:
    for _ in range(62):
        answer = client.post("/jobs", data={"photo_id": photo_id, "style": "dusk"})
    assert len(answer.headers["set-cookie"]) < 4000
    assert len(re.findall(r'data-job="', client.get("/artworks").text)) == 60


@pytest.mark.parametrize(
    "address", ["/nothing", f"/jobs/{'0' * 32}", "/jobs/x", "/photos/x/thumb.webp", "/styles/x/swatch.webp"]
)
def test_what_is_not_there_has_a_friendly_page(client: TestClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "Back to the gallery" in answer.text


def test_every_control_has_a_name(client: TestClient) -> None:
    page = client.get("/").text
    for control in re.findall(r"<(?:input|select)[^>]*>", page):
        if 'type="hidden"' in control or 'form="filter"' in control:
            continue
        labelled = "aria-label=" in control or re.search(r'id="([^"]+)"', control)
        inside = re.search(r"<label[^>]*>(?:(?!</label>).)*" + re.escape(control), page, re.DOTALL)
        assert labelled or inside, control
