"""Several photos at once: all or none of them, one page and one answer for all, one ZIP of what is finished."""

from __future__ import annotations

import asyncio
import io
import re
import subprocess
import sys
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.requests import ClientDisconnect
from starlette.testclient import TestClient
from starlette.types import Message

from app.api.series import artworks
from app.downloads.archive import ArchiveResponse, Files, zipped
from app.downloads.artwork import PIECE_BYTES, Body
from app.jobs.housekeeping import retention
from app.jobs.models import JobState, PaintRequest, Series, StyleChoice
from app.jobs.records import accepting, redis_keys
from app.jobs.records.redis_records import Limits
from app.jobs.storage import keys
from app.main import create_app
from app.orders.series import find_series
from app.services import Services
from app.settings import Settings
from tests.app import pictures
from tests.app.api.test_jobs import problem
from worker import engine

KEY = {"Idempotency-Key": "a key"}
SINGLE = PaintRequest(photo="0" * 32, styles=[StyleChoice(id="dusk")])


@pytest.fixture
def photo_ids(client: TestClient) -> list[str]:
    return [upload(client, number) for number in range(3)]


def upload(client: TestClient, number: int) -> str:
    answer = client.post("/api/v1/photos", files={"photo": ("a.jpg", pictures.landscape(320 + 16 * number, 240))})
    return str(answer.json()["id"])


def wish(photos: list[str], **members: Any) -> dict[str, Any]:
    return {"photos": photos, "styles": [{"id": "dusk"}], "size": 256, **members}


def start(client: TestClient, photos: list[str]) -> dict[str, Any]:
    answer = client.post("/api/v1/series", json=wish(photos))
    assert answer.status_code == 202, answer.text
    body: dict[str, Any] = answer.json()
    return body


def finish(services: Services, job_id: str, colour: tuple[int, int, int] = (10, 20, 30), width: int = 320) -> None:
    """What a worker does to a job, in one breath."""
    job = services.records.claim(job_id, 30, "test", lambda _: True)
    assert job is not None
    services.storage.put(keys.artwork_key(job_id, job.fence), pictures.encoded(Image.new("RGB", (width, 240), colour)))
    services.records.end(job, JobState.FINISHED, {"artwork_width": width, "artwork_height": 240, "keeps": True})


def stored(services: Services, folder: str) -> set[str]:
    return {key.split("/")[1] for key in services.storage.list(f"{folder}/")}


class TestApi:
    def test_a_series_is_accepted_with_a_location_and_a_job_for_each_photo(
        self, client: TestClient, photo_ids: list[str]
    ) -> None:
        answer = client.post("/api/v1/series", json=wish(photo_ids, strength=2))
        assert answer.status_code == 202
        body = answer.json()
        assert answer.headers["location"] == f"/api/v1/series/{body['id']}"
        assert (body["status"], body["progress"], body["finished"], body["artworks"]) == ("queued", 0, 0, None)
        assert [job["photo"] for job in body["jobs"]] == photo_ids
        for job in body["jobs"]:
            request = client.get(f"/api/v1/jobs/{job['id']}").json()["request"]
            assert (request["photo"], request["strength"], request["size"]) == (job["photo"], 2, 256)

    @pytest.mark.parametrize(
        "members",
        [
            {"photos": []},
            {"photos": ["0" * 32, "0" * 32]},
            {"photos": [f"{number:032x}" for number in range(51)]},
            {"photos": ["x"]},
            {"photos": None},
            {"photo": "0" * 32},
            {"size": 99999},
            {"styles": [{"id": "dusk"}, {"id": "dusk"}]},
        ],
    )
    def test_what_does_not_fit_is_a_problem(
        self, client: TestClient, photo_ids: list[str], members: dict[str, Any]
    ) -> None:
        problem(client.post("/api/v1/series", json=wish(photo_ids) | members), 422, "request-invalid")

    def test_one_photo_that_is_gone_starts_none_and_is_named(
        self, client: TestClient, services: Services, photo_ids: list[str]
    ) -> None:
        client.delete(f"/api/v1/photos/{photo_ids[1]}")
        body = problem(client.post("/api/v1/series", json=wish(photo_ids)), 422, "photo-gone")
        assert body["detail"].startswith("Photo 2: ")
        assert (stored(services, "jobs"), stored(services, "series")) == (set(), set())

    def test_a_photo_that_goes_at_the_last_moment_leaves_nothing(
        self, client: TestClient, services: Services, photo_ids: list[str]
    ) -> None:
        services.records.photos.retire(photo_ids[2], at_once=True)  # its mark is there, its files still are
        problem(client.post("/api/v1/series", json=wish(photo_ids)), 422, "photo-gone")
        assert (stored(services, "jobs"), stored(services, "series")) == (set(), set())
        assert services.records.redis.zcard(redis_keys.QUEUED) == 0

    def test_an_unchanged_series_is_not_sent_again(
        self, client: TestClient, services: Services, photo_ids: list[str]
    ) -> None:
        body = start(client, photo_ids)
        address = f"/api/v1/series/{body['id']}"
        first = client.get(address)
        assert first.json() == body
        assert int(first.headers["retry-after"]) >= 1
        again = client.get(address, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        finish(services, body["jobs"][1]["id"])
        changed = client.get(address, headers={"If-None-Match": first.headers["etag"]})
        assert changed.status_code == 200
        assert changed.json()["finished"] == 1
        assert changed.json()["status"] == "running"

    def test_progress_is_linear_in_the_planned_work(self, client: TestClient, services: Services) -> None:
        photos = [
            str(client.post("/api/v1/photos", files={"photo": ("a", pictures.landscape(320, height))}).json()["id"])
            for height in (320, 160)
        ]
        body = start(client, photos)
        finish(services, body["jobs"][0]["id"])
        one, other = (engine.work_of((320, height), engine.PaintOptions(size=256)) for height in (320, 160))
        progress = client.get(f"/api/v1/series/{body['id']}").json()["progress"]
        assert progress == pytest.approx(one / (one + other), abs=0.01)

    def test_stopping_stops_all_and_only_once(
        self, client: TestClient, services: Services, photo_ids: list[str]
    ) -> None:
        body = start(client, photo_ids)
        running = services.records.claim(body["jobs"][0]["id"], 30, "test", lambda _: True)
        assert running is not None
        address = f"/api/v1/series/{body['id']}"
        stopped = client.post(f"{address}/cancel")
        assert stopped.status_code == 202
        assert [job["status"] for job in stopped.json()["jobs"]] == ["running", "cancelled", "cancelled"]
        assert stopped.json()["cancel_requested"]
        assert client.post(f"{address}/cancel").json() == stopped.json()
        services.records.end(running, JobState.CANCELLED, {})
        ended = client.get(address)
        assert ended.json()["status"] == "ended"
        assert "retry-after" not in ended.headers

    def test_what_was_deleted_is_left_out_and_the_rest_is_shown(self, client: TestClient, photo_ids: list[str]) -> None:
        body = start(client, photo_ids)
        client.delete(f"/api/v1/jobs/{body['jobs'][0]['id']}")
        client.delete(f"/api/v1/photos/{photo_ids[2]}")
        left = client.get(f"/api/v1/series/{body['id']}").json()
        assert [job["photo"] for job in left["jobs"]] == photo_ids[1:2]
        page = client.get(f"/series/{body['id']}").text
        assert re.findall(r'data-photo="(\w+)"', page) == photo_ids[1:2]

    def test_a_second_try_takes_the_place_of_the_first(self, client: TestClient, photo_ids: list[str]) -> None:
        body = start(client, photo_ids)
        first = body["jobs"][1]["id"]
        client.post(f"/api/v1/jobs/{first}/cancel")
        second = client.post(f"/api/v1/jobs/{first}/retry").json()["id"]
        jobs = client.get(f"/api/v1/series/{body['id']}").json()["jobs"]
        assert [job["id"] for job in jobs] == [body["jobs"][0]["id"], second, body["jobs"][2]["id"]]

    def test_deleting_takes_all_photos_and_says_so_afterwards(
        self, client: TestClient, services: Services, photo_ids: list[str]
    ) -> None:
        body = start(client, photo_ids)
        address = f"/api/v1/series/{body['id']}"
        assert [client.delete(address).status_code for _ in range(2)] == [204, 204]
        assert stored(services, "photos") == set()
        problem(client.get(address), 410, "series-expired")
        assert client.get(f"/series/{body['id']}").status_code == 410

    @pytest.mark.parametrize("series_id", ["0" * 32, "x", "..", "0" * 500])
    def test_unknown_and_malformed_ids_look_alike(self, client: TestClient, series_id: str) -> None:
        for method, path in [("GET", ""), ("POST", "/cancel"), ("GET", "/artworks.zip"), ("DELETE", "")]:
            assert client.request(method, f"/api/v1/series/{series_id}{path}").status_code == 404


class TestIdempotencyKey:
    def test_the_same_series_twice_is_one(self, client: TestClient, services: Services, photo_ids: list[str]) -> None:
        answers = [client.post("/api/v1/series", json=wish(photo_ids), headers=KEY) for _ in range(2)]
        assert answers[0].json() == answers[1].json()
        assert len(stored(services, "jobs")) == 3

    def test_at_the_same_time_too(self, client: TestClient, services: Services, photo_ids: list[str]) -> None:
        def send(_: int) -> str:
            return str(client.post("/api/v1/series", json=wish(photo_ids), headers=KEY).json()["id"])

        with ThreadPoolExecutor(6) as pool:
            assert len(set(pool.map(send, range(6)))) == 1
        assert (len(stored(services, "jobs")), len(stored(services, "series"))) == (3, 1)

    @pytest.mark.parametrize("change", [{"strength": 3}, "fewer photos"])
    def test_with_another_request_it_is_refused(
        self, client: TestClient, services: Services, photo_ids: list[str], change: Any
    ) -> None:
        client.post("/api/v1/series", json=wish(photo_ids), headers=KEY)
        other = wish(photo_ids[:2]) if change == "fewer photos" else wish(photo_ids, **change)
        problem(client.post("/api/v1/series", json=other, headers=KEY), 422, "idempotency-key-reused")
        assert len(stored(services, "jobs")) == 3

    def test_what_a_crash_cut_off_is_finished_by_the_next_try(
        self, client: TestClient, services: Services, photo_ids: list[str]
    ) -> None:
        first = client.post("/api/v1/series", json=wish(photo_ids), headers=KEY).json()
        lost = first["jobs"][1]["id"]
        # As if it had ended before the second manifest and the records were written.
        services.records.redis.flushdb()
        services.storage.delete_prefix(keys.job_prefix(lost))
        again = client.post("/api/v1/series", json=wish(photo_ids), headers=KEY).json()
        assert [job["id"] for job in again["jobs"]] == [job["id"] for job in first["jobs"]]
        assert services.records.redis.zcard(redis_keys.QUEUED) == 3


class TestLimits:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"client_jobs": 1, "series_photos": 3, "queue_limit": 5})

    def test_series_and_other_jobs_are_counted_apart(self, client: TestClient, photo_ids: list[str]) -> None:
        start(client, photo_ids)
        single = {"photo": photo_ids[0], "styles": [{"id": "dusk"}]}
        assert client.post("/api/v1/jobs", json=single).status_code == 202
        problem(client.post("/api/v1/jobs", json=single), 429, "client-busy")

    def test_a_series_beyond_the_limit_starts_none_of_it(
        self, client: TestClient, services: Services, photo_ids: list[str]
    ) -> None:
        first = start(client, photo_ids[:2])
        before = stored(services, "jobs")
        refused = client.post("/api/v1/series", json=wish(photo_ids[1:]))
        assert "3 photos" in problem(refused, 429, "series-busy")["detail"]
        assert "retry-after" in refused.headers
        assert stored(services, "jobs") == before
        assert stored(services, "series") == {first["id"]}
        client.post(f"/api/v1/series/{first['id']}/cancel")
        start(client, photo_ids)

    def test_a_queue_without_room_for_all_takes_none(
        self, client: TestClient, services: Services, photo_ids: list[str]
    ) -> None:
        for number in range(3):
            accepting.create(
                services.records,
                SINGLE.model_copy(update={"photo": photo_ids[0]}),
                1.0,
                client=f"{number}",
                limits=Limits(queue=5),
            )
        problem(client.post("/api/v1/series", json=wish(photo_ids)), 503, "queue-full")
        assert services.records.redis.zcard(redis_keys.QUEUED) == 3
        start(client, photo_ids[:2])


class TestDurability:
    def test_redis_wiped_loses_nothing(self, client: TestClient, services: Services, photo_ids: list[str]) -> None:
        body = start(client, photo_ids)
        finish(services, body["jobs"][0]["id"])
        services.records.redis.flushdb()
        after = client.get(f"/api/v1/series/{body['id']}").json()
        assert [job["status"] for job in after["jobs"]] == ["finished", "queued", "queued"]
        assert after["artworks"]

    def test_the_manifest_goes_after_the_last_photo(
        self, client: TestClient, services: Services, photo_ids: list[str]
    ) -> None:
        series = Series(id="a" * 32, created_at=0.0, photos=photo_ids, jobs=["b" * 32])
        services.storage.put(keys.series_key(series.id), series.model_dump_json().encode())
        for photo_id in photo_ids[:2]:
            client.delete(f"/api/v1/photos/{photo_id}")
        retention.sweep(services.records)
        assert stored(services, "series") == {series.id}
        client.delete(f"/api/v1/photos/{photo_ids[2]}")
        retention.sweep(services.records)
        assert stored(services, "series") == set()

    def test_a_series_that_was_accepted_a_moment_ago_is_not_swept(self, services: Services) -> None:
        series = Series(id="a" * 32, created_at=services.records.now(), photos=["c" * 32], jobs=["b" * 32])
        services.storage.put(keys.series_key(series.id), series.model_dump_json().encode())
        retention.sweep(services.records)
        assert stored(services, "series") == {series.id}


class TestZip:
    @pytest.mark.parametrize(("extension", "kind"), [("jpg", "JPEG"), ("png", "PNG")])
    def test_it_holds_what_is_finished_under_names_of_ours(
        self, client: TestClient, services: Services, photo_ids: list[str], extension: str, kind: str
    ) -> None:
        body = start(client, photo_ids)
        colours = {0: (200, 30, 30), 2: (30, 30, 200)}
        for place, colour in colours.items():
            finish(services, body["jobs"][place]["id"], colour, width=100 + place)
        answer = client.get(f"/api/v1/series/{body['id']}/artworks.zip", params={"format": extension})
        assert answer.headers["content-type"] == "application/zip"
        assert answer.headers["content-disposition"] == f'attachment; filename="atelier-dusk-{body["id"][:6]}.zip"'
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert archive.testzip() is None
            names = [f"{place + 1:02d}-atelier-dusk-{body['jobs'][place]['id'][:6]}.{extension}" for place in colours]
            assert archive.namelist() == names
            for name, (place, colour) in zip(names, colours.items(), strict=True):
                assert archive.getinfo(name).compress_type == zipfile.ZIP_STORED
                with Image.open(io.BytesIO(archive.read(name))) as image:
                    assert (image.format, image.size) == (kind, (100 + place, 240))
                    assert image.getpixel((50, 50)) == pytest.approx(colour, abs=3)

    def test_without_an_artwork_there_is_none(self, client: TestClient, photo_ids: list[str]) -> None:
        body = start(client, photo_ids)
        problem(client.get(f"/api/v1/series/{body['id']}/artworks.zip"), 404, "artwork-not-found")

    def test_one_that_is_deleted_meanwhile_is_left_out(
        self, client: TestClient, services: Services, photo_ids: list[str]
    ) -> None:
        body = start(client, photo_ids)
        for job in body["jobs"]:
            finish(services, job["id"])
        job = services.records.get(body["jobs"][1]["id"])
        services.storage.delete(keys.artwork_key(job.id, job.fence))
        answer = client.get(f"/api/v1/series/{body['id']}/artworks.zip")
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert [name[:2] for name in archive.namelist()] == ["01", "03"]

    def test_a_piece_of_one_artwork_is_held(self, tmp_path: Path) -> None:
        """Whoever reads slowly, or not at all, has so much of our memory, not an artwork of a hundred megabytes."""
        size, opened = 1_000_000, list[Body]()

        async def files() -> Files:
            for number in range(20):
                (tmp_path / "artwork").write_bytes(bytes([number]) * size)
                opened.append(Body((tmp_path / "artwork").open("rb")))
                yield f"{number}", opened[-1]
                opened[-1].close()

        async def read() -> int:
            sent = 0
            async for piece in zipped(files()):
                assert len(piece) <= PIECE_BYTES
                sent += len(piece)
                assert sent >= (len(opened) - 1) * size  # what was asked for has been given on
            return sent

        assert 20 * size < asyncio.run(read()) < 20.1 * size
        assert all(body.file.closed for body in opened)

    def test_what_was_opened_is_closed_when_the_client_goes(
        self, client: TestClient, services: Services, photo_ids: list[str]
    ) -> None:
        body = start(client, photo_ids)
        for job in body["jobs"]:
            finish(services, job["id"])
        series, jobs = find_series(services, body["id"])
        opened = list[Body]()

        async def noted() -> Files:
            async for name, file in artworks(services, series, jobs, "png"):
                opened.append(file)
                yield name, file

        async def gone(message: Message) -> None:
            if message["type"] == "http.response.body":
                raise OSError("the client has gone")

        async def ask() -> None:
            with pytest.raises(ClientDisconnect):
                await ArchiveResponse(noted(), "a.zip")({"type": "http", "asgi": {"spec_version": "2.4"}}, never, gone)

        async def never() -> Message:
            await asyncio.sleep(60)
            raise AssertionError

        asyncio.run(ask())
        assert [file.file.closed for file in opened] == [True]

    def test_programs_that_read_from_a_stream_understand_it(self, tmp_path: Path) -> None:
        """Each entry's size stands before it: flag 3 (a size that follows) is not set, and the sizes are right."""
        whole = zip_of(tmp_path, {"a.jpg": b"first", "b.jpg": b"second!"})
        offset = 0
        for name, content in ((b"a.jpg", b"first"), (b"b.jpg", b"second!")):
            header = whole[offset : offset + 30]
            assert header[:4] == b"PK\x03\x04"
            assert int.from_bytes(header[6:8], "little") & 0x08 == 0
            assert int.from_bytes(header[14:18], "little") == zlib.crc32(content)
            assert int.from_bytes(header[22:26], "little") == len(content)
            offset += 30 + len(name)
            assert whole[offset : offset + len(content)] == content
            offset += len(content)

    def test_another_program_reads_it(self, tmp_path: Path) -> None:
        (tmp_path / "a.zip").write_bytes(zip_of(tmp_path, {"a.txt": b"one", "b.txt": b""}))
        done = subprocess.run(
            [sys.executable, "-m", "zipfile", "-t", "a.zip"], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert "Done testing" in done.stdout
        assert zipfile.ZipFile(tmp_path / "a.zip").namelist() == ["a.txt", "b.txt"]


def zip_of(folder: Path, contents: dict[str, bytes]) -> bytes:
    """A ZIP of these files."""

    async def files() -> Files:
        for name, content in contents.items():
            (folder / name).write_bytes(content)
            body = Body((folder / name).open("rb"))
            yield name, body
            body.close()

    async def whole() -> bytes:
        return b"".join([piece async for piece in zipped(files())])

    return asyncio.run(whole())


class TestForm:
    """The home page's form as a browser without scripts sends it."""

    def send(self, client: TestClient, *files: tuple[str, bytes], **fields: Any) -> Any:
        return client.post("/jobs", data={"style": "dusk", **fields}, files=[("photo", each) for each in files])

    def test_several_photos_lead_to_one_page(self, client: TestClient) -> None:
        answer = self.send(client, *[(f"{width}.jpg", pictures.landscape(width, 240)) for width in (320, 400, 480)])
        assert answer.status_code == 303
        assert re.fullmatch(r"/series/[0-9a-f]{32}", answer.headers["location"])
        page = client.get(answer.headers["location"])
        assert page.headers["cache-control"] == "private, no-cache"
        assert 'http-equiv="refresh"' in page.text
        assert "3 photos" in page.text
        assert re.findall(r'class="canvas__photo fills"[^>]*width="(\d+)"', page.text) == ["320", "400", "480"]
        assert "Stop all" in page.text

    def test_one_photo_leads_to_its_easel_as_before(self, client: TestClient) -> None:
        answer = self.send(client, ("a.jpg", pictures.landscape()), ("", b""))
        assert answer.headers["location"].startswith("/jobs/")

    def test_a_refused_one_starts_none_keeps_the_others_and_says_why(
        self, client: TestClient, services: Services
    ) -> None:
        answer = self.send(
            client,
            ("one.jpg", pictures.landscape()),
            ("folder/<b>holiday\u202e.jpg", b"%PDF-1.7"),
            ("three.jpg", pictures.landscape()),
        )
        assert answer.status_code == 422
        assert "nothing was started" in answer.text
        assert "<b>&lt;b&gt;holiday.jpg</b> This is a PDF." in answer.text
        assert stored(services, "jobs") == set()
        kept = re.findall(r'name="photos"[^>]*value="(\w{32})" checked', answer.text)
        assert len(kept) == 2
        assert "Paint all 2" in answer.text
        assert re.search(r'value="dusk"[^>]*checked', answer.text)
        again = self.send(client, ("", b""), photos=kept)
        assert re.fullmatch(r"/series/[0-9a-f]{32}", again.headers["location"])

    def test_kept_photos_and_new_ones_make_one_series_and_a_single_kept_one_a_job(
        self, client: TestClient, photo_ids: list[str]
    ) -> None:
        answer = self.send(client, ("a.jpg", pictures.landscape()), photos=photo_ids[:1])
        page = client.get(answer.headers["location"]).text
        assert "2 photos" in page
        assert photo_ids[0] in page
        assert self.send(client, ("", b""), photos=photo_ids[:1]).headers["location"].startswith("/jobs/")

    def test_a_photo_above_the_limit_of_one_is_refused_among_others(self, client: TestClient, limit_mb: int) -> None:
        answer = self.send(
            client, ("small.jpg", pictures.landscape()), ("large.jpg", bytes(limit_mb * 1_000_000 + 300_000))
        )
        assert answer.status_code == 422
        assert f"<b>large.jpg</b> This photo is larger than {limit_mb} MB" in answer.text

    def test_a_form_above_its_own_limit_says_so(self, settings: Settings) -> None:
        tight = settings.model_copy(update={"form_limit_mb": 3})
        with TestClient(create_app(tight), raise_server_exceptions=False) as client:
            files = [("photo", (f"{number}.jpg", bytes(1_900_000))) for number in range(2)]
            answer = client.post("/jobs", data={"style": "dusk"}, files=files, headers={"Origin": "http://testserver"})
        assert answer.status_code == 413
        assert "larger than 3 MB together" in answer.text

    def test_more_than_fifty_are_left_out_by_name(self, settings: Settings) -> None:
        few = settings.model_copy(update={"series_photos": 2})
        with TestClient(create_app(few), raise_server_exceptions=False, follow_redirects=False) as client:
            client.headers["Origin"] = "http://testserver"
            answer = self.send(client, *[(f"{number}.jpg", pictures.landscape()) for number in range(3)])
        assert answer.status_code == 422
        assert "<b>2.jpg</b> A series has at most 2 photos" in answer.text
        assert "Paint all 2" in answer.text

    def test_no_painting_is_said_beside_the_gallery_with_all_photos_kept(self, client: TestClient) -> None:
        answer = client.post("/jobs", files=[("photo", ("a.jpg", pictures.landscape())) for _ in range(2)])
        assert answer.status_code == 422
        assert "Choose a painting" in answer.text
        assert len(re.findall(r'name="photos"[^>]*value="\w{32}" checked', answer.text)) == 2

    def test_the_wall_shows_its_jobs_and_leads_back_to_it(self, client: TestClient) -> None:
        address = self.send(client, *[("a.jpg", pictures.landscape()) for _ in range(2)]).headers["location"]
        wall = client.get("/artworks").text
        assert f'href="{address}"' in wall
        assert len(re.findall(r'data-job="\w{32}"', wall)) == 2
        client.cookies.clear()
        assert address not in client.get("/artworks").text


class TestPage:
    def test_it_stops_all_and_deletes_all_without_a_script(self, client: TestClient, photo_ids: list[str]) -> None:
        body = start(client, photo_ids)
        address = f"/series/{body['id']}"
        assert client.post(f"{address}/cancel").headers["location"] == address
        page = client.get(address).text
        assert 'http-equiv="refresh"' not in page
        assert page.count("is-cancelled") == 3
        assert client.post(f"{address}/delete").status_code == 303
        assert client.get(address).status_code == 410

    def test_what_is_finished_can_be_downloaded_while_the_rest_is_painted(
        self, client: TestClient, services: Services, photo_ids: list[str]
    ) -> None:
        body = start(client, photo_ids)
        hidden = re.search(r'id="zip"[^>]*>', client.get(f"/series/{body['id']}").text)
        assert hidden
        assert " hidden" in hidden[0]
        finish(services, body["jobs"][0]["id"])
        page = client.get(f"/series/{body['id']}").text
        link = re.search(r'id="zip" href="([^"]+)"([^>]*)>', page)
        assert link
        assert "hidden" not in link[2]
        assert "1 artwork<" in page
        assert client.get(link[1]).status_code == 200
        assert "1 of 3 finished" in page
