"""How much may be kept of one client and of all: told before, refused after, by forms as by the API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from starlette.testclient import TestClient

from app import words
from app.jobs.records import redis_keys
from app.jobs.records.hashes import text
from app.jobs.records.quota import Quota
from app.services import Services
from app.settings import Settings
from tests.app import pictures
from tests.app.web.test_limits import Open, opened, start, upload

__all__ = ["opened"]  # a fixture
MEGABYTE = 1_000_000
PHOTO = {"photo": ("a.jpg", pictures.landscape())}


def services_of(client: TestClient) -> Services:
    found: Services = client.app.state.services  # type: ignore[attr-defined]
    return found


def limits(client: TestClient) -> dict[str, Any]:
    answer = client.get("/api/v1/limits")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


def leave(client: TestClient, left: int, whose: str) -> None:
    """Let so many bytes be left of the quota by something of `whose` that is kept besides."""
    more = limits(client)["left_bytes"] - left
    services_of(client).records.tally.add(f"photos/{'e' * 32}/", whose, more, Quota())


def self_of(client: TestClient) -> str:
    """The client as it is counted, of whom something is kept already."""
    names = services_of(client).records.redis.hkeys(redis_keys.USED)
    (found,) = (text(name) for name in names if name != b"all")
    return found


def stored(settings: Settings) -> list[str]:
    return sorted(str(path) for path in settings.data.rglob("*") if path.is_file())


def refused(answer: Any, code: str) -> str:
    assert (answer.status_code, answer.json()["code"]) == (507, code)
    return str(answer.json()["detail"])


def test_a_photo_beyond_the_quota_is_refused_and_leaves_nothing_but_told_before(
    opened: Open, settings: Settings
) -> None:
    client, other = opened(client_quota_mb=1), opened("198.51.100.1", client_quota_mb=1)
    before = limits(client)
    assert (before["kept_bytes"], before["most_kept_bytes"], before["left_bytes"]) == (0, MEGABYTE, MEGABYTE)
    photo_id = upload(client)
    size = sum(path.stat().st_size for path in (settings.data / "photos" / photo_id).iterdir())
    after = limits(client)
    assert (after["kept_bytes"], after["left_bytes"]) == (size, MEGABYTE - size)
    leave(
        client, size - 50, self_of(client)
    )  # the same photo again may be a few bytes shorter: a moment is noted with it
    files = stored(settings)
    assert "may take 1 MB" in refused(client.post("/api/v1/photos", files=PHOTO), "client-quota")
    assert stored(settings) == files
    assert limits(client)["left_bytes"] == size - 50
    assert other.post("/api/v1/photos", files=PHOTO).status_code == 201
    assert client.delete(f"/api/v1/photos/{photo_id}").status_code == 204
    assert client.post("/api/v1/photos", files=PHOTO).status_code == 201


def test_in_all_it_is_refused_to_everybody(opened: Open, settings: Settings) -> None:
    client, other = opened(quota_mb=1), opened("198.51.100.1", quota_mb=1)
    upload(client)
    leave(client, 100, "")
    assert limits(other)["left_bytes"] == 100
    for each in (client, other):
        assert "for everybody" in refused(each.post("/api/v1/photos", files=PHOTO), "quota")


def test_forms_masks_and_paintings_count_too(opened: Open, settings: Settings) -> None:
    client = opened(client_quota_mb=50)
    photo_id = upload(client)
    kept: list[int] = [limits(client)["kept_bytes"]]

    def grows() -> bool:
        kept.append(limits(client)["kept_bytes"])
        return kept[-1] > kept[-2]

    mask = {"mask": ("m.png", pictures.encoded(pictures.quarters(64, 64), "PNG"))}
    assert client.post(f"/api/v1/photos/{photo_id}/masks", files=mask).status_code == 201
    assert grows()
    assert client.post(f"/api/v1/photos/{photo_id}/masks", files=mask).status_code == 201
    assert not grows(), "the same mask is kept once"
    painting = {"painting": ("p.jpg", pictures.landscape())}
    painting_id = client.post("/api/v1/paintings", files=painting).json()["id"]
    assert grows()
    assert client.post("/jobs", data={"style": "dusk"}, files=PHOTO, follow_redirects=False).status_code == 303
    assert grows()
    assert client.post("/photos/sample", data={}).status_code == 200
    assert grows()
    folders = [settings.data / "photos", settings.data / "paintings"]
    files = sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())
    assert kept[-1] == files + 7 * 1024**2, "the photos and paintings, and what the waiting job may make"
    client.delete(f"/api/v1/paintings/{painting_id}")
    client.delete(f"/api/v1/photos/{photo_id}")
    assert limits(client)["kept_bytes"] < kept[-1]


def test_a_mask_beyond_the_quota_is_taken_back_and_the_photo_stays(opened: Open, settings: Settings) -> None:
    client = opened(client_quota_mb=1)
    photo_id = upload(client)
    leave(client, 10, self_of(client))
    files = stored(settings)
    mask = {"mask": ("m.png", pictures.encoded(pictures.quarters(64, 64), "PNG"))}
    refused(client.post(f"/api/v1/photos/{photo_id}/masks", files=mask), "client-quota")
    assert stored(settings) == files


def test_jobs_and_series_that_may_make_too_much_are_refused(opened: Open, settings: Settings) -> None:
    client = opened(client_quota_mb=20)
    photo_ids = [upload(client) for _ in range(3)]
    files = stored(settings)
    series = {"photos": photo_ids, "styles": [{"id": "dusk"}]}
    refused(client.post("/api/v1/series", json=series), "client-quota")
    assert stored(settings) == files
    first, second = (start(client, photo_ids[0]) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    refused(start(client, photo_ids[0]), "client-quota")
    page = client.post("/jobs", data={"photo_id": photo_ids[0], "style": "dusk"})
    assert page.status_code == 507
    assert "may take 20 MB" in page.text
    assert f'value="{photo_ids[0]}"' in page.text, "the photo is kept in the form"
    client.post(f"/api/v1/jobs/{first.json()['id']}/cancel")
    assert start(client, photo_ids[0]).status_code == 202
    refused(client.post(f"/api/v1/jobs/{first.json()['id']}/retry"), "client-quota")


def test_a_form_with_a_photo_beyond_the_quota_says_so_beside_it(opened: Open) -> None:
    client = opened(client_quota_mb=1)
    upload(client)
    leave(client, 0, self_of(client))
    page = client.post("/jobs", data={"style": "dusk"}, files=PHOTO)
    assert page.status_code == 507
    assert re.search(r'id="photo-error" role="alert">What is kept for you here may take 1 MB', page.text)


@pytest.mark.parametrize("path", ["photos", "paintings", f"photos/{'0' * 32}/masks"])
def test_where_nothing_is_left_the_form_is_not_looked_at(opened: Open, path: str) -> None:
    client = opened(client_quota_mb=1)
    upload(client)

    def send() -> Any:
        broken = {"Content-Type": "multipart/form-data; boundary=x"}
        return client.post(f"/api/v1/{path}", content=b"--x\r\nno part", headers=broken)

    assert (send().status_code, send().json()["code"]) == (400, "form-unreadable")
    leave(client, 0, self_of(client))
    refused(send(), "client-quota")


def test_the_page_tells_when_little_is_left(opened: Open) -> None:
    client = opened(client_quota_mb=10)
    upload(client)
    assert "little-left" not in client.get("/").text
    leave(client, 2_100_000, self_of(client))
    assert "little-left" not in client.get("/").text
    leave(client, 1_900_000, self_of(client))
    assert "1.9 MB more may be kept for you here" in client.get("/").text
    assert "little-left" not in opened("198.51.100.1", client_quota_mb=10).get("/").text


def test_without_limits_there_is_none_and_it_is_counted_all_the_same(opened: Open) -> None:
    client = opened(client_quota_mb=0, quota_mb=0, client_jobs=0, queue_limit=0)
    upload(client)
    told = limits(client)
    assert told["kept_bytes"] > 0
    assert {told[name] for name in ("most_kept_bytes", "left_bytes", "client_jobs", "queue_jobs")} == {None}
    assert "little-left" not in client.get("/").text


@contextmanager
def without_memory(connection: redis.Redis) -> Iterator[None]:
    connection.config_set("maxmemory", "1")
    try:
        yield
    finally:
        connection.config_set("maxmemory", "0")


def test_a_photo_is_taken_while_redis_takes_nothing_and_counted_later(opened: Open) -> None:
    client = opened(client_quota_mb=1)
    connection = services_of(client).records.redis
    with without_memory(connection):
        upload(client)
    assert limits(client)["kept_bytes"] == 0
    services_of(client).records.tally.recount()
    assert limits(client)["kept_bytes"] > 0


def test_what_is_kept_of_a_client_names_no_address(opened: Open, settings: Settings) -> None:
    client = opened()
    start(client, upload(client))
    for path in settings.data.rglob("*.json"):
        assert "203.0.113" not in path.read_text()
    for name in (redis_keys.KEPT, redis_keys.USED):
        kept = services_of(client).records.redis.hgetall(name)
        assert "203.0.113" not in "".join(text(name) + text(value) for name, value in kept.items())


@pytest.mark.parametrize(("count", "said"), [(50 * 10**9, "50 GB"), (4_240_000_000, "4.2 GB"), (730_000, "0.7 MB")])
def test_bytes_are_said_as_a_person_would(count: int, said: str) -> None:
    assert words.size(count) == said
