"""What must never come through: code in a message, and a person's metadata in a picture."""

from __future__ import annotations

import io
import json
import pickle
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection, Queue
from PIL import ExifTags, Image

from app.jobs.queue import QUEUE, TASK, broker_url
from tests.app import pictures
from tests.app.jobs.files.test_encoding import OF_THE_PICTURE
from tests.conftest import Product
from tests.waiting import until

MARKERS = [b"Secret", b"Exif", b"xmpmeta", b"photoshop", b"http://ns.adobe.com", b"private-name", b"EXIF", b"XMP "]


FORM = {"Content-Type": "multipart/form-data; boundary=b"}
ASCII_COMMENT = b"ASCII\0\0\0"


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Path, bytes]]:
        return Path.write_bytes, (self.path, b"sprung")


def test_worker_refuses_pickled_messages_and_goes_on(bench: Any, start_worker: Any, tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    trap = pickle.dumps(((Trap(sprung),), {}, {}))
    pickle.loads(trap)
    assert sprung.exists()  # the trap works
    sprung.unlink()
    with Connection(broker_url(bench.url)) as connection, connection.Producer() as producer:
        for content_type in ("application/x-python-serialize", "pickle", "application/json"):
            producer.publish(
                trap,
                content_type=content_type,
                content_encoding="binary",
                headers={"task": TASK, "id": "0" * 32, "lang": "py"},
                routing_key=QUEUE,
                exchange="",
                declare=[Queue(QUEUE)],
            )
    job = bench.job()
    start_worker()
    # It takes messages in their order: once the job behind them is painted, it has met them all.
    bench.ended(job)
    assert not sprung.exists()


def fetch(address: str, **options: Any) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(address, **options), timeout=30) as answer:
        content: bytes = answer.read()
        return content


def recipe_in(image: Image.Image) -> str:
    """The recipe in an artwork, as the text that a PNG has; empty where there is none. Else EXIF must only hold what
    describes the pixels.
    """
    exif = image.getexif()
    if image.format == "TIFF":
        return str(exif[ExifTags.Base.ImageDescription])
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    assert set(exif) <= OF_THE_PICTURE | {ExifTags.IFD.Exif}
    assert set(inner) <= OF_THE_PICTURE | {ExifTags.Base.UserComment}
    assert not exif.get_ifd(ExifTags.IFD.GPSInfo)
    if inner:
        comment = inner[ExifTags.Base.UserComment]
        assert comment.startswith(ASCII_COMMENT)
        return str(comment.removeprefix(ASCII_COMMENT).decode("ascii"))
    return str(image.info.get("Atelier", ""))


def without_recipe(content: bytes) -> bytes:
    """A file without its one EXIF: a JPEG's segment or a WebP's chunk."""
    for tag, byte_order, size_bytes, counts_itself in ((b"\xff\xe1", "big", 2, True), (b"EXIF", "little", 4, False)):
        if content.startswith(b"\xff\xd8") == counts_itself and tag in content:
            at = content.index(tag)
            begin = at + len(tag)
            size = int.from_bytes(content[begin : begin + size_bytes], byte_order)  # type: ignore[arg-type]
            return content[:at] + content[begin + (0 if counts_itself else size_bytes) + size :]
    return content


def test_no_picture_shows_where_or_by_whom_the_photo_was_taken(atelier: Product) -> None:
    photo = pictures.with_metadata(pictures.quarters(400, 300))
    assert all(any(marker in photo for marker in group) for group in ([b"Secret"], [b"Exif"], [b"xmpmeta"]))
    form = (
        b'--b\r\nContent-Disposition: form-data; name="photo"; filename="private-name.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + photo + b"\r\n--b--\r\n"
    )
    api = f"{atelier.url}/api/v1"
    kept = fetch(f"{api}/photos", data=form, headers=FORM)
    photo_id = json.loads(kept)["id"]
    mask_id, style = (
        json.loads(fetch(f"{api}/{path}", data=form.replace(b'name="photo"', name), headers=FORM))["id"]
        for path, name in ((f"photos/{photo_id}/masks", b'name="mask"'), ("paintings", b'name="painting"'))
    )
    styles = [{"id": "strokes"}, {"id": style}]
    wish = {"photo": photo_id, "styles": styles, "color_mask": mask_id, "size": 256, "quality": "draft"}
    start = fetch(f"{api}/jobs", data=json.dumps(wish).encode(), headers={"Content-Type": "application/json"})
    job_id = json.loads(start)["id"]

    def finished() -> bool:
        job = json.loads(fetch(f"{api}/jobs/{job_id}"))
        assert job["status"] in {"queued", "running", "finished"}, job
        return bool(job["status"] == "finished")

    until(finished, "the artwork", 120)
    shared = json.loads(fetch(f"{api}/jobs/{job_id}/share", method="POST"))["share"]
    addresses = [
        f"{atelier.url}/photos/{photo_id}/thumb.webp",
        f"{atelier.url}/photos/{photo_id}/masks/{mask_id}.png",
        f"{atelier.url}/paintings/{style}/thumb.webp",
        f"{api}/jobs/{job_id}/preview",
        *(f"{api}/jobs/{job_id}/artwork.{extension}" for extension in ("png", "jpg", "webp", "tif")),
    ]
    texts, profiles = set(), set()
    for address in addresses:
        content = fetch(address)
        with Image.open(io.BytesIO(content)) as image:
            texts.add(recipe_in(image))
            own = {"exif"} if "artwork.jpg" in address or "artwork.webp" in address else set()
            own |= {"icc_profile"} if "artwork." in address else set()
            foreign = {"exif", "xmp", "comment", "icc_profile", "photoshop", "mp"} - own
            assert not image.info.keys() & foreign, address
            assert own <= image.info.keys(), address
            profiles.add(image.info.get("icc_profile", b""))
        content = without_recipe(content)
        assert [marker for marker in MARKERS if marker in content] == [], address
    # The photo has no profile; artworks have one of ours.
    assert len(profiles - {b""}) == 1
    # The same recipe in all, and nothing in it of the upload or of any address.
    (text,) = texts - {""}
    assert json.loads(text)["styles"][0]["title"] == "Strokes"
    assert not [each for each in ("Secret", "private", photo_id, mask_id, job_id, style[4:]) if each in text]
    # Nor is the photo itself, or anything else of its folder, to be had.
    for name in ("photo.jpg", "photo.json", "thumb.jpg"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            fetch(f"{atelier.url}/photos/{photo_id}/{name}")
    page = fetch(f"{atelier.url}{shared}")
    assert photo_id.encode() not in page
    assert job_id.encode() not in page
