"""Downloads from a real server on loopback, which cuts off, stalls, refuses and leads away."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import numpy as np
import pytest

from tests.commons import CHANGED, Commons, Handler, answer, cut, serving
from worker.engine import BusyError, DownloadError, Remote, UnreachableError
from worker.engine.networks.download import MOST_PAUSE_S, PAUSE_S, TRIES, download

CONTENT = np.random.default_rng(1).bytes(300_000)
HALF = 150_000


@pytest.fixture
def commons() -> Iterator[Commons]:
    with serving() as commons:
        commons.files["file"] = CONTENT
        yield commons


@pytest.fixture
def partial(tmp_path: Path) -> Path:
    return tmp_path / "file.partial"


def remote(commons: Commons, limit_bytes: int = 1_000_000) -> Remote:
    return Remote(f"{commons.site}/thumb/file", limit_bytes)


def unmeasured(handler: Handler, content: bytes) -> None:
    answer(200)(handler, content)
    handler.wfile.write(content)


def ranges(commons: Commons) -> list[str | None]:
    return [asked.headers.get("Range") for asked in commons.asked]


def test_a_file_comes_whole_and_tells_how_far_it_is(commons: Commons, partial: Path) -> None:
    told: list[tuple[int, int]] = []
    download(remote(commons), partial, lambda *counts: told.append(counts))
    assert partial.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in told] == sorted({done for done, _ in told})


def test_a_file_of_unknown_length_comes_whole(commons: Commons, partial: Path) -> None:
    commons.fates.append(unmeasured)
    told: list[tuple[int, int]] = []
    download(remote(commons), partial, lambda *counts: told.append(counts))
    assert partial.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), 0)


def test_what_is_cut_off_is_gone_on_with(commons: Commons, partial: Path) -> None:
    commons.fates.append(cut(HALF))
    pauses: list[float] = []
    download(remote(commons), partial, wait=pauses.append)
    assert partial.read_bytes() == CONTENT
    assert ranges(commons) == [None, f"bytes={HALF}-"]
    assert pauses == [PAUSE_S]


def test_a_later_call_goes_on_with_what_an_earlier_one_left(commons: Commons, partial: Path) -> None:
    commons.fates.extend([cut(HALF)] * TRIES)
    with pytest.raises(DownloadError, match=f"cut off after {HALF} of {len(CONTENT)} bytes"):
        download(remote(commons), partial, wait=lambda _: None)
    assert partial.read_bytes() == CONTENT[:HALF]
    download(remote(commons), partial)
    assert ranges(commons)[-1] == f"bytes={HALF}-"
    assert partial.read_bytes() == CONTENT


def test_what_is_whole_already_is_not_sent_again(commons: Commons, partial: Path) -> None:
    for _ in range(2):
        download(remote(commons), partial)
    assert ranges(commons) == [None, f"bytes={len(CONTENT)}-"]
    assert partial.read_bytes() == CONTENT


def test_a_file_that_was_changed_comes_anew(commons: Commons, partial: Path) -> None:
    commons.fates.append(cut(HALF))
    commons.files["file"] = CONTENT[::-1]

    def change(_: float) -> None:
        commons.files["file"], commons.changed = CONTENT, formatdate(1_700_000_000, usegmt=True)

    download(remote(commons), partial, wait=change)
    assert partial.read_bytes() == CONTENT


@pytest.mark.parametrize(("changed", "knows_ranges"), [(None, True), (CHANGED, False)])
def test_where_the_server_cannot_go_on_it_comes_anew(
    commons: Commons, partial: Path, changed: str | None, knows_ranges: bool
) -> None:
    commons.changed, commons.knows_ranges = changed, knows_ranges
    commons.fates.append(cut(HALF))
    download(remote(commons), partial, wait=lambda _: None)
    assert partial.read_bytes() == CONTENT


def test_another_part_than_was_asked_for_is_not_taken(commons: Commons, partial: Path) -> None:
    commons.fates.append(cut(HALF))
    commons.fates.append(answer(206, Content_Range=f"bytes 0-{HALF}/{len(CONTENT)}"))
    download(remote(commons), partial, wait=lambda _: None)
    assert partial.read_bytes() == CONTENT


IN_A_MINUTE = "a date, a minute from when it is sent"


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry_After": "7"}, 7, 7),
        ({"Retry_After": "0"}, PAUSE_S, PAUSE_S),
        ({"Retry_After": IN_A_MINUTE}, 30, 61),
        ({"Retry_After": "soon"}, PAUSE_S, PAUSE_S),
        ({}, PAUSE_S, PAUSE_S),
    ],
)
def test_a_busy_server_is_left_alone_for_as_long_as_it_says(
    commons: Commons, partial: Path, status: int, headers: dict[str, str], least: float, most: float
) -> None:
    if headers.get("Retry_After") == IN_A_MINUTE:
        headers = {"Retry_After": formatdate(time.time() + 60, usegmt=True)}
    commons.fates.append(answer(status, **headers))
    pauses: list[float] = []
    download(remote(commons), partial, wait=pauses.append)
    (pause,) = pauses
    assert least <= pause <= most
    assert partial.read_bytes() == CONTENT


def test_who_would_have_to_wait_for_long_is_told_so_at_once(commons: Commons, partial: Path) -> None:
    commons.fates.append(answer(429, Retry_After=f"{MOST_PAUSE_S + 1:.0f}"))
    with pytest.raises(BusyError, match=f"for {MOST_PAUSE_S + 1:.0f} seconds"):
        download(remote(commons), partial, wait=lambda _: pytest.fail("it waited"))
    assert len(commons.asked) == 1


def test_a_server_that_stays_busy_is_given_up_after_longer_and_longer_pauses(commons: Commons, partial: Path) -> None:
    commons.fates.extend([answer(503)] * TRIES)
    pauses: list[float] = []
    with pytest.raises(BusyError, match="answers 503"):
        download(remote(commons), partial, wait=pauses.append)
    assert len(commons.asked) == TRIES
    assert pauses == [PAUSE_S * factor for factor in (1, 2, 4, 8)]


def test_a_file_that_is_not_there_is_asked_for_once(commons: Commons, partial: Path) -> None:
    with pytest.raises(DownloadError, match="answers 404"):
        download(Remote(f"{commons.site}/thumb/other", 1), partial)
    assert len(commons.asked) == 1
    assert not partial.exists()


def test_nobody_listening_is_told_with_the_address(partial: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/file"
        with pytest.raises(UnreachableError, match=url):
            download(Remote(url, 1), partial)


@pytest.mark.parametrize("is_announced", [True, False])
def test_a_file_that_is_too_long_is_not_kept(commons: Commons, partial: Path, is_announced: bool) -> None:
    if not is_announced:
        commons.fates.append(unmeasured)
    with pytest.raises(DownloadError, match="the most that is taken"):
        download(remote(commons, limit_bytes=200_000), partial)
    assert not partial.exists()


def test_a_redirect_to_somewhere_else_is_not_followed(commons: Commons, partial: Path) -> None:
    with serving() as elsewhere:
        elsewhere.files["file"] = CONTENT
        commons.leads["file"] = f"{elsewhere.site}/thumb/file"
        with pytest.raises(DownloadError, match="somewhere else"):
            download(Remote(f"{commons.site}/wiki/Special:FilePath/file", 1_000_000), partial)
        assert elsewhere.asked == []
    assert not partial.exists()


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://commons.wikimedia.org/x", True),
        ("https://wikimedia.org/x", True),
        ("https://upload.wikimedia.org:8443/x", True),
        ("http://upload.wikimedia.org/x", False),
        ("https://wikimedia.org.example.com/x", False),
        ("https://notwikimedia.org/x", False),
        ("https://wikimedia.org@example.com/x", False),
        ("https://127.0.0.1/x", False),
        ("ftp://upload.wikimedia.org/x", False),
        ("file:///etc/passwd", False),
    ],
)
def test_redirects_lead_by_https_to_names_that_were_named(url: str, may: bool) -> None:
    assert Remote("https://commons.wikimedia.org/wiki/x", 1, domains=("wikimedia.org",)).may_lead_to(url) == may


def test_headers_go_along_to_where_a_redirect_leads(commons: Commons, partial: Path) -> None:
    download(Remote(f"{commons.site}/wiki/Special:FilePath/file", 1_000_000, {"User-Agent": "Atelier/1"}), partial)
    assert [asked.headers["User-Agent"] for asked in commons.asked] == ["Atelier/1"] * 2
