"""Real proxies before the real web server: as they come, as the documents say, and below a path."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from app.settings import Settings
from tests import patient, proxies
from tests.app import pictures
from tests.integration.conftest import web_server
from tests.waiting import until

PHOTO = pictures.landscape()
LINE = "proxy_set_header Host $http_host;"
NOT_A_PHOTO = bytes(950_000)  # just below what nginx lets through by default
ELSEWHERE = {"Origin": "http://192.168.1.5:8080"}
ROOT = "/atelier"


@pytest.fixture(scope="module")
def web(redis_socket: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with web_server(redis_socket, tmp_path_factory.mktemp("web"), ATELIER_WRITE_RATE="") as port:
        yield port


@pytest.fixture(scope="module")
def web_below(redis_socket: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A web server whose site lies below a path, and which believes its proxy."""
    with web_server(
        redis_socket,
        tmp_path_factory.mktemp("below"),
        ATELIER_ROOT_PATH=ROOT,
        ATELIER_TRUSTED_PROXIES="127.0.0.1",
    ) as port:
        yield port


@pytest.mark.parametrize("host", ["", "proxy_set_header Host $host;", 'proxy_set_header Host "";'])
def test_large_form_that_is_refused_unread_is_answered_by_us_and_not_by_the_proxy(
    web: int, tmp_path: Path, host: str
) -> None:
    """nginx keeps no connection open unless told otherwise, and shows its own page where one is cut off."""
    with proxies.nginx(tmp_path, f"location / {{ proxy_pass http://127.0.0.1:{web}; {host} }}") as proxy:
        for _ in range(8):
            files = {"photo": ("a.jpg", NOT_A_PHOTO)}
            answer = patient.post(f"http://127.0.0.1:{proxy.port}/jobs", files=files, headers=ELSEWHERE)
            assert answer.status_code == 403
            assert LINE in answer.text


def test_too_large_photo_is_refused_in_our_words_through_a_proxy_that_keeps_no_connections(
    web: int, tmp_path: Path
) -> None:
    inside = f"client_max_body_size 400m; location / {{ proxy_pass http://127.0.0.1:{web}; }}"
    with proxies.nginx(tmp_path, inside) as proxy:
        for _ in range(4):
            files = {"photo": ("a.jpg", bytes(45_000_000))}
            answer = patient.post(f"http://127.0.0.1:{proxy.port}/api/v1/photos", files=files)
            assert (answer.status_code, answer.json()["code"]) == (413, "photo-too-many-bytes")


def test_request_without_a_host_is_answered_with_a_page_or_the_line_to_set(web: int, tmp_path: Path) -> None:
    old = f'location / {{ proxy_pass http://127.0.0.1:{web}; proxy_set_header Host ""; }}'
    with proxies.nginx(tmp_path, old) as proxy:
        assert patient.get(f"http://127.0.0.1:{proxy.port}/artworks").status_code == 200
        proxy.replace("proxy_pass", "proxy_http_version 1.1; proxy_pass")
        answer = said_at_last(f"http://127.0.0.1:{proxy.port}/artworks", 400)
    assert LINE in answer.text


def said_at_last(address: str, status: int) -> httpx.Response:
    """The answer of a proxy once it has read its configuration anew."""

    def told() -> httpx.Response | None:
        answer = patient.get(address)
        return answer if answer.status_code == status else None

    return until(told, str(status))


def test_garbage_is_answered_with_a_sentence(web: int) -> None:
    with socket.create_connection(("127.0.0.1", web), timeout=20) as connection, connection.makefile("rb") as answers:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\r\n\r\n")
        answer = answers.read()  # to its end: head and body come in packets of their own
    assert b"400 Bad Request" in answer
    assert b"can't be read" in answer


@pytest.mark.parametrize("name", ["nginx", "caddy"])
@pytest.mark.parametrize("root", ["", ROOT])
def test_documented_block_passes_on_all_that_is_needed(
    web: int, web_below: int, tmp_path: Path, name: str, root: str
) -> None:
    with proxies.as_documented(name, tmp_path, f"127.0.0.1:{web_below if root else web}", root) as proxy:
        site = f"http://127.0.0.1:{proxy.port}"
        browser = {"Origin": site}
        for path in ("/", "/artworks", "/docs", "/robots.txt", "/api/v1/styles"):
            assert patient.get(site + root + path).status_code == 200, path
        assert patient.get(site + root, follow_redirects=True).status_code == 200
        assert patient.head(f"{site}{root}/artworks").status_code == 200
        moved = patient.get(f"{site}{root}/artworks/")
        assert (moved.status_code, moved.headers["location"]) == (308, f"{root}/artworks")
        photo = patient.post(f"{site}{root}/api/v1/photos", files={"photo": ("a.jpg", PHOTO)}, headers=browser).json()
        form = {"photo_id": photo["id"], "style": "starry_night", "size": "256"}
        started = patient.post(f"{site}{root}/jobs", data=form, headers=browser)
        assert started.status_code == 303
        assert started.headers["location"].startswith(f"{root}/jobs/")
        assert f"path={root or '/'};" in started.headers["set-cookie"].lower() + ";"
        assert patient.get(site + started.headers["location"]).status_code == 200
        # A form of several photos, which is above what one photo may have.
        several = [("photo", (f"{number}.jpg", bytes(39_000_000))) for number in range(2)]
        answer = patient.post(f"{site}{root}/jobs", files=several, headers=browser)
        assert answer.status_code == 422
        if root:
            assert "Your wall" not in patient.get(f"{site}/artworks").text  # what lies beside it is somebody else's


def test_proxy_may_take_the_path_off(web_below: int, tmp_path: Path) -> None:
    inside = f"location {ROOT}/ {{ proxy_pass http://127.0.0.1:{web_below}/; proxy_set_header Host $http_host; }}"
    with proxies.nginx(tmp_path, inside) as proxy:
        site = f"http://127.0.0.1:{proxy.port}{ROOT}"
        assert f'href="{ROOT}/artworks"' in patient.get(f"{site}/").text
        assert patient.get(f"{site}/docs/").headers["location"] == f"{ROOT}/docs"
        assert patient.get(f"{site}/api/v1/jobs/nothing").json()["code"] == "job-not-found"


@pytest.mark.parametrize("host", ["$host", "127.0.0.1"])
def test_listed_proxy_may_say_name_and_port_in_headers_of_their_own(web_below: int, tmp_path: Path, host: str) -> None:
    said = "X-Forwarded-Port $server_port" if host == "$host" else "X-Forwarded-Host $http_host"
    headers = f"proxy_set_header Host {host}; proxy_set_header {said};"
    inside = f"location / {{ proxy_pass http://127.0.0.1:{web_below}; {headers} }}"
    with proxies.nginx(tmp_path, inside) as proxy:
        site = f"http://127.0.0.1:{proxy.port}"
        answer = patient.post(f"{site}{ROOT}/jobs", data={"style": "starry_night"}, headers={"Origin": site})
        assert answer.status_code == 422
        assert "no photo yet" in answer.text


def test_documented_size_lets_through_what_we_do() -> None:
    said = int(proxies.documented("nginx").partition("client_max_body_size ")[2].partition("m;")[0])
    assert said * 1024 * 1024 >= Settings().form_limit_mb * 1_000_000 + 256 * 1024
