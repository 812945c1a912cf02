"""Files and requests from people who mean no good, sent to the real web server: what comes back, and what stays."""

from __future__ import annotations

import gzip
import resource
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image

from tests.app import pictures
from tests.hostile import formats
from tests.hostile.cases import Case, Color, Refused, Taken
from tests.hostile.conftest import BOUNDARY, END, Answer, Server, part, running
from tests.hostile.inputs import CASES
from tests.waiting import until

PATIENCE_S = 30
MEGABYTE = 1_000_000
MEMORY_MB = 2000
PHOTO = pictures.encoded(pictures.quarters(), "JPEG", quality=95, subsampling=0)
FORM = b"Content-Type: multipart/form-data; boundary=" + BOUNDARY


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_hostile_file(server: Server, case: Case) -> None:
    data = case.make()
    before, kept = time.monotonic(), server.photos()
    answer = server.upload(data, case.filename, case.content_type)
    assert time.monotonic() - before < PATIENCE_S
    new = server.photos() - kept
    if isinstance(case.expected, Refused):
        assert (answer.status, answer.code) == (case.expected.status, case.expected.code)
        assert answer.body["detail"]
        assert new == set()
        return
    assert answer.status == 201, answer.body
    assert new == {answer.body["id"]}
    assert (answer.body["width"], answer.body["height"]) == case.expected.size
    check_photo(server.data / "photos" / answer.body["id"], case.expected)


@pytest.fixture(scope="module")
def masked_photo(server: Server) -> str:
    """A photo that masks are sent for."""
    return str(server.upload(PHOTO).body["id"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_hostile_mask(server: Server, masked_photo: str, case: Case) -> None:
    folder = server.data / "photos" / masked_photo
    before = {path.name for path in folder.iterdir()}
    answer = server.upload_as("mask", f"/api/v1/photos/{masked_photo}/masks", case.make())
    new = {path.name for path in folder.iterdir()} - before
    for name in new:  # there is room for twenty
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        assert b"Secret" not in content
        assert b"script" not in content
    if isinstance(case.expected, Refused):
        code = case.expected.code.replace("photo-empty", "photo-file-empty").replace("photo", "mask")
        assert (answer.status, answer.code) == (case.expected.status, code)
    elif answer.code == "mask-empty":  # black, or transparent
        assert not new
    else:
        assert answer.status == 201, answer.body
        assert new == {f"mask-{answer.body['id']}.png", f"mask-{answer.body['id']}.json"}


def check_photo(folder: Path, expected: Taken) -> None:
    """The kept files are the right picture, and nothing of the uploaded file is in them but the picture."""
    beside = {"alpha.png"} if expected.opacity else set()
    assert {path.name for path in folder.iterdir()} == {"photo.jpg", "photo.json", "thumb.webp"} | beside
    for path in folder.iterdir():
        content = path.read_bytes()
        assert b"Secret" not in content
        assert b"Exif" not in content
        assert b"script" not in content
    with Image.open(folder / "photo.jpg") as image:
        assert image.size == expected.size
        assert image.mode == "RGB"
        assert not {"exif", "icc_profile", "xmp", "comment"} & set(image.info)
        if expected.corners is not None:
            assert far_off(pictures.corners(image), expected) == []
    if expected.opacity:
        with Image.open(folder / "alpha.png") as alpha:
            assert (alpha.mode, alpha.size, alpha.info) == ("L", expected.size, {})
            assert tuple(map(alpha.getpixel, pictures.middles(alpha))) == expected.opacity


def far_off(found: list[Color], expected: Taken) -> list[tuple[Color, Color]]:
    assert expected.corners is not None
    return [
        (color, wanted)
        for color, wanted in zip(found, expected.corners, strict=True)
        if max(abs(a - b) for a, b in zip(color, wanted, strict=True)) > expected.tolerance
    ]


def test_a_large_profile_is_not_ignored(server: Server) -> None:
    """Input 52: what the profile exchanges is exchanged."""
    (jpeg, png) = (case for case in CASES if case.name.startswith("profile of 10 MB"))
    for case in (jpeg, png):
        answer = server.upload(case.make())
        with Image.open(server.data / "photos" / answer.body["id"] / "photo.jpg") as image:
            red, green, *_ = pictures.corners(image)
        assert red[1] > red[0]
        assert green[0] > green[1]


@pytest.mark.parametrize("declared", [True, False], ids=["with its length", "in pieces without a length"])
def test_400_megabytes_of_padding_are_refused_by_size(server: Server, declared: bool) -> None:
    """Input 33: between two segments a JPEG may hold any number of bytes 0xFF."""
    fill = b"\xff" * MEGABYTE
    start, rest = part(PHOTO[:2], b"a.jpg"), PHOTO[2:] + END

    def pieces() -> Iterator[bytes]:
        yield start
        for _ in range(400):
            yield fill
        yield rest

    if declared:
        total = len(start) + 400 * MEGABYTE + len(rest)
        answer = server.send([FORM, b"Content-Length: %d" % total], pieces())
    else:
        chunks = (b"%x\r\n" % len(piece) + piece + b"\r\n" for piece in pieces())
        answer = server.send([FORM, b"Transfer-Encoding: chunked"], chunks)
    assert answer is not None
    assert (answer.status, answer.code) == (413, "photo-too-many-bytes")
    assert server.process.memory_info().rss < 400 * MEGABYTE


NAMES = {
    "path": b"../../../../SecretName",
    "absolute path": b"/etc/SecretName",
    "Windows path": b"C:\\\\SecretName\\\\x.jpg",
    "NUL": b"SecretName\0.jpg",
    "300 characters": b"SecretName" * 30,
    "right to left": "SecretName\u202egpj.exe".encode(),
    "emoji": "SecretName🎨🖼️.jpg".encode(),
    "device": b"CON.png",
    "line break, escaped": b"SecretName%0D%0ASet-Cookie: a=b",
    "not UTF-8": b"SecretName\xff\xfe",
    "format": b"SecretName%s%n{0.__class__}{{7*7}}${7*7}",
    "quotes": b"SecretName\\\"'<script>",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_is_never_used(server: Server, name: bytes) -> None:
    """Input 66."""
    answer = server.post(part(PHOTO, name) + END)
    assert answer.status == 201, answer.body
    assert set(answer.body) == {"id", "width", "height", "transparent"}
    check_photo(server.data / "photos" / answer.body["id"], Taken())


def test_a_name_with_a_line_break_is_no_form(server: Server) -> None:
    """Input 66."""
    answer = server.post(part(PHOTO, b"SecretName\r\nSet-Cookie: a=b\r\n\r\n.jpg") + END)
    # The rest of the name now belongs to the file, which therefore is none of ours.
    assert (answer.status, answer.code) == (415, "photo-not-an-image")


OTHER = pictures.encoded(Image.new("RGB", (40, 40)), "PNG")
FORMS = {
    "two files": (part(PHOTO, b"a") + part(OTHER, b"b") + END, 201, ""),
    "an empty file and a photo": (part(b"", b"") + part(PHOTO, b"b") + END, 201, ""),
    "no file": (END, 422, "photo-missing"),
    "a file under another name": (part(PHOTO, b"a", name=b"painting") + END, 422, "photo-missing"),
    "the file as a text field": (part(PHOTO, None) + END, 422, "photo-missing"),
    "a text field and a photo": (part(b"text", None) + part(PHOTO, b"a") + END, 201, ""),
    "ten files": (part(PHOTO, b"a") * 10 + END, 400, "form-unreadable"),
    "10 000 fields": (part(b"x", None) * 10_000 + END, 400, "form-unreadable"),
    "10 000 files": (part(b"x", b"a") * 10_000 + END, 400, "form-unreadable"),
    "a text field of 2 MB": (part(b"x" * 2 * MEGABYTE, None, name=b"style") + END, 400, "form-unreadable"),
    "a part's header of 1 MB": (part(PHOTO, b"a" * MEGABYTE) + END, 400, "form-unreadable"),
    "a part without an end": (part(PHOTO, b"a"), 422, "photo-missing"),
    "nothing": (b"", 422, "photo-missing"),
    "noise": (bytes(range(256)) * 100, 400, "form-unreadable"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "status", "code"), FORMS.values(), ids=FORMS)
def test_a_form_that_is_none(server: Server, body: bytes, status: int, code: str) -> None:
    """Inputs 67 and 68."""
    kept = server.photos()
    before = time.monotonic()
    answer = server.post(body)
    assert time.monotonic() - before < PATIENCE_S
    assert (answer.status, answer.code) == (status, code)
    assert len(server.photos() - kept) == (status == 201)
    if status == 201:
        assert (answer.body["width"], answer.body["height"]) == (96, 64)  # the first one


WHOLE = part(PHOTO, b"a.jpg") + END
LENGTH = b"Content-Length: %d" % len(WHOLE)
HEADS = {
    "no boundary": ([b"Content-Type: multipart/form-data", LENGTH], 400),
    "another boundary": ([b"Content-Type: multipart/form-data; boundary=other", LENGTH], 400),
    "a boundary of 10 000 letters": ([FORM[:44] + b"b" * 10_000, LENGTH], 400),
    "no type": ([LENGTH], 422),
    "JSON": ([b"Content-Type: application/json", LENGTH], 422),
    "a form of the other kind": ([b"Content-Type: application/x-www-form-urlencoded", LENGTH], 422),
    "a negative length": ([FORM, b"Content-Length: -1"], 400),
    "two lengths": ([FORM, LENGTH, b"Content-Length: 5"], 400),
    "a length that is no number": ([FORM, b"Content-Length: many"], 400),
    "another encoding": ([FORM, LENGTH, b"Content-Encoding: br"], 201),
}


@pytest.mark.parametrize(("head", "status"), HEADS.values(), ids=HEADS)
def test_a_head_that_does_not_fit_its_body(server: Server, head: list[bytes], status: int) -> None:
    """Input 68."""
    kept = server.photos()
    answer = server.send(head, [WHOLE])
    assert answer is not None
    assert answer.status == status, answer.body
    assert len(server.photos() - kept) == (status == 201)


def test_a_length_that_is_too_short_keeps_nothing(server: Server) -> None:
    """Input 68: what comes after the length is the next request to the server, and none that makes sense."""
    kept = server.photos()
    answer = server.send([FORM, b"Content-Length: %d" % (len(WHOLE) - 100)], [WHOLE])
    assert answer is not None
    # Whichever of the two the server answers first.
    assert answer.status in {400, 422}
    assert server.photos() == kept


def test_a_compressed_body_is_not_unpacked(server: Server) -> None:
    """Input 68: a gigabyte of nothing as a megabyte of gzip."""
    body = gzip.compress(bytes(1000 * MEGABYTE), 1)
    answer = server.post(body, b"Content-Encoding: gzip")
    assert (answer.status, answer.code) == (400, "form-unreadable")
    assert server.process.memory_info().rss < 400 * MEGABYTE


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ([FORM, b"Content-Length: %d" % (len(WHOLE) + 1000)], WHOLE),
        ([FORM, b"Transfer-Encoding: chunked"], b"%x\r\n" % len(WHOLE) + WHOLE + b"\r\n"),
        ([FORM, b"Transfer-Encoding: chunked"], b"ffffffff\r\n" + WHOLE),
    ],
    ids=["length too long", "chunks without an end", "a chunk without an end"],
)
def test_a_body_that_never_ends_keeps_nothing(server: Server, head: list[bytes], body: bytes) -> None:
    """Input 68: the sender hangs up instead of sending the rest."""
    kept = server.photos()
    assert server.send(head, [body], hang_up=True) is None
    assert server.upload(PHOTO).status == 201
    assert len(server.photos() - kept) == 1


def test_many_uploads_at_once_take_turns_and_the_server_answers_meanwhile(server: Server) -> None:
    photo = pictures.encoded(Image.effect_noise((2000, 1500), 60).convert("RGB"), "JPEG", quality=90)
    answers: list[Answer] = []
    threads = [threading.Thread(target=lambda: answers.append(server.upload(photo))) for _ in range(24)]
    for thread in threads:
        thread.start()
    most = 0
    while any(thread.is_alive() for thread in threads):
        most = max(most, len(server.decoders()))
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/healthz", timeout=10) as response:
            assert response.status == 200
        threads[-1].join(0.05)
    for thread in threads:
        thread.join()
    assert [answer.status for answer in answers] == [201] * 24
    # Two at work, one ready, and one that was just taken.
    assert 2 <= most <= 4


@pytest.mark.skipif(sys.platform != "linux", reason="limits of other processes are Linux's to tell")
def test_the_decoder_that_waits_has_given_up_what_it_could(server: Server) -> None:
    server.upload(PHOTO)
    (spare,) = server.decoders()
    until(lambda: spare.rlimit(resource.RLIMIT_FSIZE) == (0, 0), "the limits")
    assert spare.rlimit(resource.RLIMIT_AS) == (MEMORY_MB * MEGABYTE,) * 2
    assert spare.rlimit(resource.RLIMIT_CORE) == (0, 0)
    assert spare.rlimit(resource.RLIMIT_CPU) == (21, 21)
    assert spare.num_fds() == 3
    assert spare.net_connections() == []
    status = Path(f"/proc/{spare.pid}/status").read_text()
    assert "Seccomp:\t2" in status
    assert "NoNewPrivs:\t1" in status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_server_that_ends_takes_its_decoders_along(
    redis_socket: str, tmp_path_factory: pytest.TempPathFactory, number: signal.Signals
) -> None:
    """Also one that is busy for minutes, and when the server has no time to say good-bye."""
    busy = formats.progressive_jpeg(10_000, 10_000, 5000)
    with running(redis_socket, tmp_path_factory, ATELIER_DECODE_TIME_LIMIT_S="8") as server:
        head = [FORM, b"Content-Length: %d" % (len(part(busy, b"a")) + len(END))]
        upload = threading.Thread(target=server.send, args=(head, [part(busy, b"a"), END]))
        upload.start()
        decoders = until(lambda: server.decoders() if len(server.decoders()) == 2 else None, "a decoder at work")
        until(lambda: max(sum(decoder.cpu_times()[:2]) for decoder in decoders) > 0.5, "its library")
        before = time.monotonic()
        server.process.send_signal(number)
        server.process.wait(20)
        # Without a server to end it, a decoder ends when its share of the processor is used up.
        gone, _ = psutil.wait_procs(decoders, timeout=5 if number == signal.SIGTERM else 2 * PATIENCE_S)
        assert len(gone) == 2
        if number == signal.SIGTERM:
            assert time.monotonic() - before < 5
        upload.join(20)
        assert server.photos() == set()


def test_afterwards_nothing_is_left_but_photos(server: Server) -> None:
    """The last test of this file: it looks at what all the others left."""
    until(lambda: len(server.decoders()) <= 1, "the decoders' end")
    assert list(server.temporary.rglob("*")) == []
    kept = {path.relative_to(server.data) for path in server.data.rglob("*") if path.is_file()}
    others = {path for path in kept if path.parts[0] != "photos"}
    assert others == {Path("cookie.key")}
    assert {path.name for path in kept - others} <= {"photo.jpg", "photo.json", "thumb.webp", "alpha.png"}
    for path in kept:
        assert "Secret" not in str(path)
        assert b"Secret" not in (server.data / path).read_bytes()
    assert server.process.num_fds() < 40
    assert server.process.memory_info().rss < 400 * MEGABYTE


def test_afterwards_the_log_has_no_failure_and_no_name(server: Server) -> None:
    log = server.log.read_text()
    assert "Traceback" not in log
    assert "ERROR" not in log
    assert "A decoder" not in log
    assert "Secret" not in log
