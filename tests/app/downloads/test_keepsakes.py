"""What is made of an artwork to keep and to show: postcard, time-lapse, photo and painting."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from app.downloads import postcard, timelapse
from app.downloads.postcard import ITALIC, REGULAR, Label, laid_out, writable
from app.jobs.housekeeping import retention
from app.jobs.models import JobState
from app.jobs.storage import keys
from app.services import Services
from app.translation import LANGUAGE, LANGUAGES
from tests.app import pictures
from tests.app.conftest import Paint
from tests.test_docs import DOCUMENTS

TYPES = {
    "timelapse.webp": "image/webp", "postcard.jpg": "image/jpeg", "postcard.png": "image/png",
    "beside-photo.jpg": "image/jpeg",
}  # fmt: skip
NAMES = pytest.mark.parametrize("name", TYPES)
SOLID = {"red": (200, 20, 20), "blue": (20, 20, 200), "green": (20, 160, 20)}
Finish = Callable[..., str]


def solid(color: str, size: tuple[int, int] = (400, 300)) -> Image.Image:
    return Image.new("RGB", size, SOLID[color])


@pytest.fixture
def finish(services: Services, paint: Paint) -> Finish:
    """Ends a new job with this artwork, after canvases of these colours; its id."""

    def end(artwork: Image.Image, *canvases: str, **fields: str) -> str:
        job = services.records.claim(paint(**fields), 30, "test", lambda _: True)
        assert job
        for number, color in enumerate(canvases, 1):
            preview = pictures.encoded(solid(color, (128, 96)), "WEBP", lossless=True)
            services.storage.put(keys.preview_key(job.id, job.fence, number), preview)
        services.storage.put(keys.artwork_key(job.id, job.fence), pictures.encoded(artwork))
        size = {"artwork_width": artwork.width, "artwork_height": artwork.height, "keeps": True}
        services.records.end(job, JobState.FINISHED, size)
        return job.id

    return end


def got(client: TestClient, job_id: str, name: str) -> Image.Image:
    answer = client.get(f"/api/v1/jobs/{job_id}/{name}")
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


def frames(moving: Image.Image) -> list[tuple[np.ndarray, int]]:
    """The mean colour of each frame, and how long it is shown."""
    found = []
    for number in range(moving.n_frames):  # type: ignore[attr-defined]
        moving.seek(number)
        moving.load()
        found.append((np.asarray(moving.convert("RGB")).mean((0, 1)), moving.info["duration"]))
    return found


@NAMES
def test_it_is_a_private_download_that_knows_whether_it_changed(
    client: TestClient, services: Services, finish: Finish, name: str
) -> None:
    job_id = finish(solid("red"))
    address = f"/api/v1/jobs/{job_id}/{name}"
    answer = client.get(address)
    assert answer.headers["content-type"] == TYPES[name]
    assert answer.headers["content-disposition"] == f'attachment; filename="atelier-dusk-{job_id[:6]}-{name}"'
    assert answer.headers["cache-control"] == "private, no-cache"
    head = client.head(address)
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", answer.headers["etag"])
    assert int(head.headers["content-length"]) == len(answer.content)
    known = {"If-None-Match": answer.headers["etag"]}
    assert client.get(address, headers=known).status_code == 304
    retention.delete_photo(services.records, services.records.get(job_id).request.photo)
    gone = client.get(address, headers=known)
    assert (gone.status_code, gone.json()["code"]) == (410, "job-expired")


@NAMES
def test_there_is_none_of_what_is_not_painted_yet_nor_of_nothing(client: TestClient, paint: Paint, name: str) -> None:
    waiting = client.get(f"/api/v1/jobs/{paint()}/{name}")
    assert (waiting.status_code, waiting.json()["code"]) == (404, "artwork-not-found")
    assert client.get(f"/api/v1/jobs/{'0' * 32}/{name}").status_code == 404


@NAMES
def test_a_shared_address_has_none(client: TestClient, finish: Finish, name: str) -> None:
    share = client.post(f"/api/v1/jobs/{finish(solid('red'))}/share").json()["share"]
    assert client.get(f"{share}/{name}").status_code == 404


@NAMES
def test_making_it_leaves_nothing_on_the_disk(
    client: TestClient, services: Services, finish: Finish, name: str
) -> None:
    job_id = finish(solid("red"), "blue")
    files = sorted(services.settings.data.rglob("*"))
    got(client, job_id, name)
    assert sorted(services.settings.data.rglob("*")) == files


class TestTimelapse:
    def test_it_goes_from_the_photo_by_the_canvases_to_the_artwork(self, client: TestClient, finish: Finish) -> None:
        moving = got(client, finish(solid("red"), "green", "blue"), "timelapse.webp")
        shown = frames(moving)
        assert (moving.format, moving.size, moving.info["loop"]) == ("WEBP", (400, 300), 0)
        assert 4000 < sum(duration for _, duration in shown) <= 5000
        photo = np.asarray(Image.open(io.BytesIO(pictures.landscape())).convert("RGB")).mean((0, 1))
        assert np.abs(shown[0][0] - photo).max() < 6
        assert np.abs(shown[-1][0] - SOLID["red"]).max() < 6
        assert shown[-1][1] > shown[0][1] > shown[1][1]
        means = np.array([mean for mean, _ in shown])
        greenest, bluest = (int(np.abs(means - SOLID[color]).sum(1).argmin()) for color in ("green", "blue"))
        assert 0 < greenest < bluest < len(shown) - 1

    def test_without_canvases_the_photo_becomes_the_artwork(self, client: TestClient, finish: Finish) -> None:
        shown = frames(got(client, finish(solid("red")), "timelapse.webp"))
        # The way from one to the other has no leap and no way back.
        away = [float(np.abs(mean - shown[-1][0]).mean()) for mean, _ in shown]
        steps = -np.diff(away)
        assert steps.min() > -1
        assert steps.max() < 0.1 * away[0] + 1
        assert 4000 < sum(duration for _, duration in shown) <= 5000

    def test_canvases_of_all_attempts_are_shown_in_the_order_of_painting(
        self, client: TestClient, services: Services, finish: Finish
    ) -> None:
        job_id = finish(solid("red"), "green")
        job = services.records.get(job_id)
        later = pictures.encoded(solid("blue"), "WEBP", lossless=True)
        services.storage.put(keys.preview_key(job_id, job.fence + 1, 2), later)
        stills = list(timelapse.canvases(services, job, (40, 30)))
        assert [still.getpixel((20, 15)) for still in stills] == [SOLID["green"], SOLID["blue"]]

    def test_however_restless_it_stays_below_two_megabytes(self, client: TestClient, finish: Finish) -> None:
        rng = np.random.default_rng(3)
        noise = [Image.fromarray(rng.integers(0, 256, (512, 512, 3), np.uint8)) for _ in range(6)]
        durations = [100] * len(noise)
        assert len(timelapse.animated(noise * 4, durations * 4, 80)) > timelapse.MOST_BYTES, "the test is one"
        job_id = finish(noise[0], "green", "blue")
        answer = client.get(f"/api/v1/jobs/{job_id}/timelapse.webp")
        assert len(answer.content) <= timelapse.MOST_BYTES

    @pytest.mark.parametrize("count", [0, 1, 2, 7, 20])
    def test_there_are_about_as_many_steps_for_any_number_of_canvases(self, count: int) -> None:
        stills = [Image.new("RGB", (4, 4))] * (count + 2)
        assert 17 <= len(list(timelapse.between(stills))) <= timelapse.STEPS

    @pytest.mark.parametrize("count", [1, 20, 21, 97])
    def test_canvases_are_taken_evenly_with_first_and_last(self, count: int) -> None:
        found = timelapse.spread([(number, 1) for number in range(count)], 20)
        numbers = [number for number, _ in found]
        assert (numbers[0], numbers[-1], len(numbers)) == (0, count - 1, min(count, 20))
        gaps = np.diff(numbers)
        assert not gaps.size or gaps.max() - gaps.min() <= 1


class TestBesidePhoto:
    def test_photo_and_artwork_have_their_places_on_one_mat(self, client: TestClient, finish: Finish) -> None:
        both = np.asarray(got(client, finish(pictures.quarters(400, 300)), "beside-photo.jpg")).astype(int)
        height, width, _ = both.shape
        assert (width, height) == (2 * 400 + 3 * 12, 300 + 2 * 12)
        photo = np.asarray(Image.open(io.BytesIO(pictures.landscape())).convert("RGB").resize((400, 300))).astype(int)
        assert np.abs(both[12:-12, 12:412] - photo).mean() < 3
        assert np.abs(both[12:-12, 424:-12] - np.asarray(pictures.quarters(400, 300))).mean() < 3
        assert (both[:6] > 235).all()

    def test_what_is_broad_lies_above_each_other(self, client: TestClient, finish: Finish) -> None:
        width, height = got(client, finish(solid("red", (400, 100))), "beside-photo.jpg").size
        assert (width, height) == (400 + 2 * 12, 2 * 100 + 3 * 12)

    def test_large_ones_are_reduced(self, client: TestClient, finish: Finish) -> None:
        width, _ = got(client, finish(solid("red", (5000, 4000))), "beside-photo.jpg").size
        assert width <= 2 * 2048 + 3 * 62


class TestPostcard:
    @pytest.mark.parametrize("name", ["postcard.jpg", "postcard.png"])
    def test_it_is_a_postcard_in_print_and_shows_the_artwork(
        self, client: TestClient, finish: Finish, name: str
    ) -> None:
        card = got(client, finish(pictures.quarters(400, 300)), name)
        assert card.size == (1748, 1240)
        assert [round(side / dpi * 25.4) for side, dpi in zip(card.size, card.info["dpi"], strict=True)] == [148, 105]
        left, right, below = inked(card)
        assert right - left == pytest.approx(4 / 3 * (below - 92), rel=0.02)

    def test_transparency_does_not_turn_up_as_black(self, client: TestClient, finish: Finish) -> None:
        clear = pictures.quarters(400, 300).convert("RGBA")
        clear.putalpha(0)
        card = got(client, finish(clear), "postcard.png").convert("RGB")
        assert pictures.pixel(card, (500, 300)) == pytest.approx(pictures.RED, abs=3)

    def test_it_tells_painting_artist_and_place_and_of_an_own_painting_nothing(
        self, client: TestClient, services: Services, finish: Finish
    ) -> None:
        label = postcard.label_of(services, services.records.get(finish(solid("red"))))
        assert label.title == "After Dusk & <Dawn>"
        assert label.known == ("Zoë Müller (1901–1980), 1931", "Town Hall")
        assert "Atelier" in label.made
        both = finish(solid("red"), style=["dusk", "checks"], weight=["0.5", "0.5"])
        label = postcard.label_of(services, services.records.get(both))
        assert label.title == "After Dusk & <Dawn> and Checks"
        assert label.known == ("Dusk & <Dawn>, Zoë Müller, 1931", "Checks")
        files = {"painting": ("a.jpg", pictures.landscape())}
        own = client.post("/api/v1/paintings", files=files).json()["id"]
        label = postcard.label_of(services, services.records.get(finish(solid("red"), style=own)))
        assert (label.title, label.known) == ("After a painting of my own", ())

    def test_another_text_is_another_file(self, client: TestClient, services: Services, finish: Finish) -> None:
        job = services.records.get(finish(solid("red")))
        etags = {client.get(f"/api/v1/jobs/{job.id}/postcard.{each}").headers["etag"] for each in ("jpg", "png")}
        assert len(etags) == 2
        says = postcard.postcard_of(services, job, "jpg").says
        assert "After Dusk & <Dawn>" in says

    @pytest.mark.parametrize("size", [(400, 300), (300, 400), (900, 200), (1, 900)])
    @pytest.mark.parametrize("lines", [0, 1, 9])
    def test_words_keep_off_the_artwork_and_the_edge(self, size: tuple[int, int], lines: int) -> None:
        title = "After Composition with Large Red Plane, Yellow, Black, Gray and Blue" * max(1, lines // 3)
        known = ("Rain, Steam and Speed – The Great Western Railway, J. M. W. Turner, 1844",) * lines
        label = Label(title, known, "A photo, painted with Atelier", "29 November 2026")
        bare = laid_out(solid("red", size), Label("x", (), "x", "x"))
        full = np.asarray(laid_out(solid("red", size), label)).astype(int)
        red = (np.abs(np.asarray(bare).astype(int) - SOLID["red"]).max(2) < 40).sum()
        assert (np.abs(full - SOLID["red"]).max(2) < 40).sum() == red
        edges = [full[:40], full[-40:], full[:, :40], full[:, -40:]]
        assert min(edge.min() for edge in edges) > 190, "paper, and a shadow at most"

    def test_letters_that_the_font_lacks_are_replaced_or_their_line_left_out(self) -> None:
        for text in ("Édouard Manet", "Kōrin × ő ł Å", "Каменный гость", "Δομήνικος", "“Hébuterne’s” – 1889…"):
            assert writable(text, REGULAR) == writable(text, ITALIC) == text
        assert writable("Ǟ 1", REGULAR) in {"Ǟ 1", "A 1"}
        assert writable("神奈川沖浪裏", ITALIC) == ""
        assert writable("e\u0301", REGULAR) == "é"


def inked(card: Image.Image) -> tuple[int, int, int]:
    """From where to where there is the artwork of `quarters` on a card, and where it ends below."""
    pixels = np.asarray(card.convert("RGB")).astype(int)
    red, green, blue = (
        np.argwhere(np.abs(pixels - color).max(2) < 25) for color in (pictures.RED, pictures.GREEN, pictures.BLUE)
    )
    return int(red[:, 1].min()), int(green[:, 1].max()) + 1, int(blue[:, 0].max()) + 1


def test_the_font_names_its_licence() -> None:
    assert "SIL OPEN FONT LICENSE" in (REGULAR.parent / "OFL.txt").read_text()
    assert any("EB Garamond" in document.read_text() for document in DOCUMENTS)


@pytest.mark.parametrize(
    ("language", "title"),
    [("de", "Nach Dusk"), ("ja", "After Dusk"), ("zh-Hans", "After Dusk"), ("fr", "D’après Dusk")],
)
def test_a_postcard_is_in_its_readers_language_where_the_font_has_its_letters(
    services: Services, finish: Finish, language: str, title: str
) -> None:
    job = services.records.get(finish(solid("red")))
    asked = LANGUAGE.set(next(each for each in LANGUAGES if each.tag == language))
    try:
        label = postcard.label_of(services, job)
        assert LANGUAGE.get().tag == language, "the answer goes on in it"
    finally:
        LANGUAGE.reset(asked)
    assert label.title.startswith(title)
    assert "Atelier" in label.made
    assert label.day
