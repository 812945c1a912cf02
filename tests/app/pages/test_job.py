"""The page of a finished artwork: what it was made with, and ways to go on from there."""

from __future__ import annotations

import html
import io
import re
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from app.jobs.options import ENLARGED_BY
from app.jobs.storage import keys
from app.jobs.work import work_of
from app.services import Services
from app.words import about
from tests.app import pictures
from tests.app.api.test_jobs import finish
from tests.app.conftest import Paint
from tests.app.pages.test_pages import beside


@pytest.fixture
def finished(client: TestClient, paint: Paint) -> str:
    """A job with an artwork, which asked for a few things."""
    job_id = paint(style=["dusk", "checks"], weight=["0.7", "0.3"], strength="1.9", keep_colors="0.5", optimizer="adam")
    finish(client.app.state.services, job_id, pictures.encoded(pictures.quarters(512, 384)))  # type: ignore[attr-defined]
    return job_id


def test_something_can_be_changed_with_all_the_rest_kept(client: TestClient, finished: str) -> None:
    page = client.get(f"/jobs/{finished}").text
    address = html.unescape(re.search(r'href="([^"]+)">Change something', page)[1])  # type: ignore[index]
    for field in ("style=dusk&weight=0.7", "style=checks&weight=0.3", "strength=1.9", "optimizer=adam"):
        assert field in address
    assert address.endswith("#chosen")
    form = client.get(address).text
    assert re.search(r'<details class="options" id="options" open', form)
    assert re.search(r'<li class="card" id="chosen"[^>]*>\s*<label[^>]*>\s*<input[^>]* value="dusk"', form)
    assert re.search(r'name="strength" value="1.9" checked', form)
    assert re.search(r'<option value="adam" selected', form)
    assert re.search(r'name="photo_id"[^>]*value="\w{32}"', form)


def test_recipe_says_it_in_words_and_names_nobody(client: TestClient, finished: str) -> None:
    page = html.unescape(client.get(f"/jobs/{finished}").text)
    recipe = dict(re.findall(r"<dt>([^<]+)</dt><dd>(.+?)</dd>", page))
    assert recipe["Paintings"] == "Dusk & <Dawn> 70 %, Checks 30 %"
    assert recipe["Strength"] == "Bolder (1.9)"
    assert recipe["Colours"] == "Half of each"
    assert recipe["Way of painting"] == "Our studio’s"
    assert recipe["Optimiser"] == "Adam"
    assert "Pooling" not in recipe
    assert not re.search(r"[0-9a-f]{32}", " ".join(recipe.values()))


def test_transparency_is_told_and_kept_on_all_ways_on(client: TestClient, services: Services, paint: Paint) -> None:
    job_id = paint(keep_transparency="true")
    finish(services, job_id, pictures.encoded(pictures.quarters(512, 384)))
    page = html.unescape(client.get(f"/jobs/{job_id}").text)
    assert dict(re.findall(r"<dt>([^<]+)</dt><dd>(.+?)</dd>", page))["Transparency"] == "the photo’s"
    for words in ("Change something", "Another painting", "Paint over this one"):
        address = re.search(rf'href="([^"]+)">{words}', page)[1]  # type: ignore[index]
        assert re.search(r'name="keep_transparency" value="true" checked', client.get(address).text)
    again = client.post(f"/jobs/{job_id}/again", data={"how": "bolder"}).headers["location"]
    job = services.records.get(job_id)
    services.storage.put(keys.canvas_key(job_id, job.fence), pictures.encoded(pictures.quarters(512, 384)))
    recolored = client.post(f"/api/v1/jobs/{job_id}/recolor", json={}).json()
    for request in (client.get(f"/api/v1{again}").json()["request"], recolored["request"]):
        assert request["keep_transparency"] is True


def test_colours_are_changed_in_a_job_of_its_own(client: TestClient, finished: str) -> None:
    services: Services = client.app.state.services  # type: ignore[attr-defined]
    job = services.records.get(finished)
    services.storage.put(keys.canvas_key(finished, job.fence), pictures.encoded(pictures.quarters(512, 384)))
    answer = client.post(f"/jobs/{finished}/recolor", data={"keep_colors": "1", "color_method": "histogram"})
    assert answer.status_code == 303
    new = client.get(f"/api/v1{answer.headers['location']}").json()
    assert new["recolor_of"] == finished
    assert (new["request"]["keep_colors"], new["request"]["color_method"]) == (1, "histogram")
    assert new["request"]["strength"] == 1.9


def test_colours_that_can_not_be_changed_are_said_beside_the_form(client: TestClient, finished: str) -> None:
    gone = client.post(f"/jobs/{finished}/recolor", data={"keep_colors": "1"})
    assert gone.status_code == 409
    assert "was not kept" in beside(gone.text, "recolor-error")
    bad = client.post(f"/jobs/{finished}/recolor", data={"keep_colors": "7", "color_method": "spray"})
    assert bad.status_code == 422
    assert "at most 1" in beside(bad.text, "keep_colors-error")
    assert "not one of the choices" in beside(bad.text, "color_method-error")


def test_it_is_enlarged_for_print_in_a_job_of_its_own(client: TestClient, finished: str) -> None:
    services: Services = client.app.state.services  # type: ignore[attr-defined]
    job = services.records.get(finished)
    page = client.get(f"/jobs/{finished}").text
    assert "640 × 480 pixels" in page
    gone = client.post(f"/jobs/{finished}/enlarge")
    assert gone.status_code == 409
    assert "was not kept" in beside(gone.text, "enlarge-error")
    assert '<details class="fold" id="recolor">' in gone.text
    services.storage.put(keys.canvas_key(finished, job.fence), pictures.encoded(pictures.quarters(512, 384)))
    answer = client.post(f"/jobs/{finished}/enlarge")
    assert answer.status_code == 303
    new = client.get(f"/api/v1{answer.headers['location']}").json()
    assert new["recolor_of"] == finished
    assert (new["request"]["output_size"], new["request"]["resample"]) == (640, ENLARGED_BY)
    assert (new["request"]["keep_colors"], new["request"]["strength"]) == (0.5, 1.9)


def test_what_is_as_large_as_can_be_has_no_button_for_more(client: TestClient, finished: str) -> None:
    services: Services = client.app.state.services  # type: ignore[attr-defined]
    services.records.note(services.records.get(finished), {"artwork_width": 4608, "artwork_height": 3456})
    assert "for print, twice the size" not in client.get(f"/jobs/{finished}").text
    answer = client.post(f"/jobs/{finished}/enlarge")
    assert answer.status_code == 422
    assert "9216 pixels" in beside(answer.text, "enlarge-error")


def test_it_can_be_painted_over(client: TestClient, finished: str) -> None:
    page = client.get(f"/jobs/{finished}").text
    address = html.unescape(re.search(r'href="([^"]+)">Paint over this one', page)[1])  # type: ignore[index]
    form = client.get(address).text
    assert re.search(rf'type="checkbox" name="start_job"[^>]* value="{finished}" checked', form)
    assert re.search(r'class="start__picture" src="[^"]+"[^>]* alt="The artwork after Dusk', form)
    photo_id = re.search(r'name="photo_id"[^>]*value="(\w{32})"', form)[1]  # type: ignore[index]
    answer = client.post("/jobs", data={"photo_id": photo_id, "style": "checks", "start": "", "start_job": finished})
    wish = client.get(f"/api/v1{answer.headers['location']}").json()["request"]
    assert (wish["start"], wish["start_job"]) == ("artwork", finished)


def test_artwork_to_start_from_that_is_gone_is_said_beside_it(client: TestClient, photo_id: str) -> None:
    words = "This painting has no artwork, or was taken down. Start from another one, or from the photo."
    page = client.get("/", params={"photo": photo_id, "start_job": "0" * 32}).text
    assert beside(page, "start_job-error") == words
    assert "start__picture" not in page
    data = {"photo_id": photo_id, "style": "dusk", "start_job": "0" * 32}
    assert beside(client.post("/jobs", data=data).text, "start_job-error") == words


@pytest.fixture
def label(request: pytest.FixtureRequest, own_styles: Path) -> None:
    """What is written of the painting "checks"."""
    (own_styles / "checks.toml").write_text(request.param)


def labels(client: TestClient, job_id: str) -> list[str]:
    """The lines about the paintings as a person reads them."""
    page = client.get(f"/jobs/{job_id}").text
    return [
        html.unescape(re.sub("<.+?>", "", line)) for line in re.findall(r'<p class="label__artist">(.*?)</p>', page)
    ]


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ('artist = "Jan"\nborn = 1870\ndied = 1955\nyear = "1913"\nmuseum = "Hall"', ["Jan (1870–1955), 1913. Hall"]),
        ('artist = "Jan"\ndied = 1955\nyear = "1913"', ["Jan (died 1955), 1913"]),
        ('artist = "Jan"\nyear = "1913"\nmuseum = "Hall"', ["Jan, 1913. Hall"]),
        ('artist = "Jan"\nmuseum = "Hall"', ["Jan. Hall"]),
        ('year = "1913"', ["1913"]),
        ('museum = "Hall"', ["Hall"]),
        ("", []),
    ],
    indirect=["label"],
)
@pytest.mark.usefixtures("label")
def test_label_reads_well_without_what_is_not_known(
    client: TestClient, services: Services, paint: Paint, said: list[str]
) -> None:
    job_id = paint(style="checks")
    finish(services, job_id, pictures.encoded(pictures.quarters(512, 384)))
    assert labels(client, job_id) == said


def test_labels_of_two_paintings_name_them(client: TestClient, finished: str) -> None:
    assert labels(client, finished) == ["Dusk & <Dawn>, Zoë Müller (1901–1980), 1931. Town Hall", "Checks"]


@pytest.mark.parametrize("label", ['artist = "Zoë Müller"'], indirect=True)
@pytest.mark.usefixtures("label")
def test_artist_of_both_paintings_is_named_once(client: TestClient, finished: str) -> None:
    page = html.unescape(client.get(f"/jobs/{finished}").text)
    assert "painted after Dusk & <Dawn> and Checks by Zoë Müller" in page
    assert "Zoë Müller and" not in page


def test_it_is_painted_large_with_all_the_rest_kept(client: TestClient, services: Services, finished: str) -> None:
    page = client.get(f"/jobs/{finished}").text
    assert re.findall(r'type="radio" name="size" value="(\d+)"( checked)?', page) == [
        ("2048", " checked"), ("4096", ""), ("8192", ""),
    ]  # fmt: skip
    assert re.findall(r'button--accent">([^<]+)', page) == ["Paint it large"]
    answer = client.post(f"/jobs/{finished}/larger", data={"size": "4096"})
    assert answer.status_code == 303
    before, new = services.records.get(finished).request, client.get(f"/api/v1{answer.headers['location']}").json()
    assert new["request"] == before.model_dump(mode="json") | {"size": 4096, "output_size": None}


def test_time_of_a_large_one_is_what_it_takes_here(client: TestClient, services: Services, finished: str) -> None:
    wish, speed = services.records.get(finished).request, 0.5
    photo = client.get(f"/photos/{wish.photo}/thumb.webp").content
    services.records.workers.measured("compact", speed)
    page = html.unescape(client.get(f"/jobs/{finished}").text)
    with Image.open(io.BytesIO(photo)) as image:
        for size in (2048, 4096):
            seconds = speed * work_of(image.size, wish.model_copy(update={"size": size}))
            assert re.search(rf'{size} px, [^<]+</span> <span class="hint">{about(seconds)}</span>', page)


def test_no_size_is_offered_that_no_machine_here_can_hold(
    client: TestClient, services: Services, finished: str
) -> None:
    services.records.workers.saw("small", 1_100_000_000)
    page = client.get(f"/jobs/{finished}").text
    assert re.findall(r'name="size" value="(\d+)"', page) == ["2048"]
    answer = client.post(f"/jobs/{finished}/larger", data={"size": "8192"})
    assert answer.status_code == 422
    assert "8192 pixels" in beside(answer.text, "larger-error")
    assert '<details class="fold" id="recolor">' in answer.text
    assert client.post(f"/jobs/{finished}/larger", data={"size": "9000"}).status_code == 422


@pytest.mark.parametrize(
    ("languages", "size"),
    [
        ("en-US,en;q=0.9", "1.1 × 0.8 in"), ("en-us", "1.1 × 0.8 in"), ("de-DE,en-US;q=0.5", "2,7 × 2 cm"),
        ("", "2.7 × 2 cm"), (";,-", "2.7 × 2 cm"),
    ],
)  # fmt: skip
def test_print_is_in_inches_where_those_are_used(client: TestClient, finished: str, languages: str, size: str) -> None:
    page = client.get(f"/jobs/{finished}", headers={"Accept-Language": languages}).text
    assert f" {size}" in page


def test_shared_page_has_a_card_with_the_artwork_alone(client: TestClient, services: Services, finished: str) -> None:
    job = services.records.note(services.records.get(finished), {"preview": 3, "preview_fence": 1})
    preview = pictures.encoded(pictures.quarters(), "WEBP")
    services.storage.put(keys.preview_key(finished, 1, 3), preview)
    path = client.post(f"/api/v1/jobs/{finished}/share").json()["share"]
    page = html.unescape(client.get(path).text)
    card = dict(re.findall(r'<meta (?:property|name)="((?:og|twitter):[^"]+)" content="([^"]*)">', page))
    assert card["og:title"] == "After Dusk & <Dawn> and Checks"
    assert card["og:url"] == f"http://testserver{path}"
    assert client.get(card["og:image"]).content == preview
    assert finished not in str(card)
    assert job.request.photo not in str(card)
    client.delete(f"/api/v1/jobs/{finished}/share")
    assert client.get(card["og:image"]).status_code == 404


def test_shared_page_and_its_owner_are_told_until_when_it_is_there(client: TestClient, finished: str) -> None:
    path = client.post(f"/api/v1/jobs/{finished}/share").json()["share"]
    ends = client.get(f"/api/v1/jobs/{finished}").json()["expires_at"]
    for page in (client.get(path).text, client.get(f"/jobs/{finished}").text):
        (time,) = set(re.findall(r'<time datetime="([^"]+)">[^<]+ UTC</time>', page))
        assert abs((datetime.fromisoformat(time) - datetime.fromisoformat(ends)).total_seconds()) <= 1
