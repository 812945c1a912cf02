"""Artworks as they are downloaded: formats, sizes in print, ranges, and what goes away meanwhile."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, PngImagePlugin
from starlette.testclient import TestClient

from app.downloads.artwork import PIECE_BYTES, opened
from app.jobs.files.encoding import encode
from app.jobs.files.strips import PictureInMemory, with_alpha
from app.jobs.housekeeping import retention
from app.jobs.models import JobState
from app.jobs.storage import keys
from app.services import Services
from tests.app import pictures
from tests.app.conftest import Paint

KINDS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "tif": "TIFF"}
TYPES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp", "tif": "image/tiff"}
EXTENSIONS = pytest.mark.parametrize("extension", KINDS)
RECIPE = json.dumps({"atelier": "1", "styles": [{"title": "Dusk"}], "options": {"size": 64}})
PIXELS = np.random.default_rng(7).integers(0, 65536, (150, 200, 3), np.uint16)
Finish = Callable[..., str]


@pytest.fixture
def finish(services: Services, paint: Paint) -> Finish:
    """Stores the artwork of a new job as a worker does, or these bytes as an earlier release did; its id."""

    def end(master: bytes | None = None) -> str:
        job = services.records.claim(paint(), 30, "test", lambda _: True)
        assert job
        if master is None:
            for extension, key in (("tif", keys.print_key), ("png", keys.artwork_key)):
                with services.storage.writing(key(job.id, job.fence)) as file:
                    encode(PictureInMemory(PIXELS), file, extension, RECIPE)  # type: ignore[arg-type]
        else:
            services.storage.put(keys.artwork_key(job.id, job.fence), master)
        services.records.end(job, JobState.FINISHED, {"artwork_width": 200, "artwork_height": 150, "keeps": True})
        return job.id

    return end


@pytest.fixture
def address(finish: Finish) -> str:
    """Of a finished artwork, up to its extension."""
    return f"/api/v1/jobs/{finish()}/artwork"


def dpi_of(image: Image.Image) -> float:
    return float(image.info["dpi"][0] if "dpi" in image.info else image.getexif()[ExifTags.Base.XResolution])


@EXTENSIONS
def test_every_format_is_what_it_says(client: TestClient, address: str, extension: str) -> None:
    answer = client.get(f"{address}.{extension}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == TYPES[extension]
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.headers["content-disposition"].endswith(f'.{extension}"')
    assert answer.headers["cache-control"] == "private, no-cache"  # it may be deleted
    image = Image.open(io.BytesIO(answer.content))
    assert (image.format, image.size, round(dpi_of(image))) == (KINDS[extension], (200, 150), 300)


def test_the_tiff_has_all_that_was_painted(client: TestClient, address: str) -> None:
    assert (tifffile.imread(io.BytesIO(client.get(f"{address}.tif").content)) == PIXELS).all()


@EXTENSIONS
def test_the_size_in_print_may_be_chosen_and_changes_no_pixel(client: TestClient, address: str, extension: str) -> None:
    usual = Image.open(io.BytesIO(client.get(f"{address}.{extension}").content))
    for dpi in (72, 240, 1200):
        chosen = Image.open(io.BytesIO(client.get(f"{address}.{extension}", params={"dpi": dpi}).content))
        assert dpi_of(chosen) == pytest.approx(dpi, abs=0.02)
        assert (np.asarray(chosen) == np.asarray(usual)).all()
        assert chosen.info["icc_profile"] == usual.info["icc_profile"]


@pytest.mark.parametrize("dpi", [None, 240])
def test_transparency_is_in_every_format_that_has_it(
    client: TestClient, services: Services, finish: Finish, dpi: int | None
) -> None:
    alpha = np.tile(np.linspace(0, 255, 200).astype(np.uint8), (150, 1))
    job = services.records.get(finish())
    for extension, key in (("tif", keys.print_key), ("png", keys.artwork_key)):
        with services.storage.writing(key(job.id, job.fence)) as file:
            encode(with_alpha(PictureInMemory(PIXELS), alpha), file, extension, RECIPE)  # type: ignore[arg-type]

    def image(extension: str) -> Image.Image:
        answer = client.get(f"/api/v1/jobs/{job.id}/artwork.{extension}", params={"dpi": dpi} if dpi else {})
        return Image.open(io.BytesIO(answer.content))

    for extension in ("png", "webp"):
        assert (np.asarray(image(extension).getchannel("A")) == alpha).all()
    answer = client.get(f"/api/v1/jobs/{job.id}/artwork.tif", params={"dpi": dpi} if dpi else {})
    deep = tifffile.imread(io.BytesIO(answer.content))
    assert (deep == np.dstack([PIXELS, alpha * np.uint16(257)])).all()
    assert image("jpg").mode == "RGB"
    # All that was painted is seen there.
    apart = np.asarray(image("jpg")).astype(int) - np.asarray(image("png"))[..., :3]
    assert abs(apart.mean()) < 1


@EXTENSIONS
def test_another_size_in_print_is_refused(client: TestClient, address: str, extension: str) -> None:
    for dpi in ("71", "1201", "0", "-300", "1e3", ""):
        answer = client.get(f"{address}.{extension}", params={"dpi": dpi})
        assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid")


@EXTENSIONS
def test_an_artwork_of_an_earlier_release_comes_in_every_format(
    client: TestClient, finish: Finish, extension: str
) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("Atelier", RECIPE)
    job_id = finish(pictures.encoded(pictures.quarters(200, 150), pnginfo=info))
    answer = client.get(f"/api/v1/jobs/{job_id}/artwork.{extension}?dpi=150")
    image = Image.open(io.BytesIO(answer.content))
    assert (image.format, round(dpi_of(image))) == (KINDS[extension], 150)
    # JPEG and WebP mix a little of their neighbours into the colours.
    assert np.asarray(image)[20, 20].tolist() == pytest.approx(pictures.RED, abs=4)
    if extension == "tif":
        with tifffile.TiffFile(io.BytesIO(answer.content)) as file:
            # Nothing pretends to be deeper than it is.
            page = file.pages.first
            assert page.tags["BitsPerSample"].value == (8, 8, 8)
            assert json.loads(page.tags["ImageDescription"].value) == json.loads(RECIPE)


@pytest.mark.parametrize("extension", ["jpg", "webp", "tif"])
def test_what_is_encoded_brings_nothing_along(client: TestClient, finish: Finish, extension: str) -> None:
    exif, info = Image.Exif(), PngImagePlugin.PngInfo()
    exif[0x010F] = "SecretCamera"
    info.add_text("Comment", "SecretComment")
    info.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta>SecretXmp</x:xmpmeta>")
    picture = pictures.encoded(pictures.quarters(), exif=exif, pnginfo=info, icc_profile=pictures.swapped_profile())
    answer = client.get(f"/api/v1/jobs/{finish(picture)}/artwork.{extension}")
    assert answer.status_code == 200
    assert b"Secret" not in answer.content
    assert Image.open(io.BytesIO(answer.content)).info["icc_profile"] != pictures.swapped_profile()


@EXTENSIONS
def test_a_download_that_was_cut_off_goes_on(client: TestClient, address: str, extension: str) -> None:
    path = f"{address}.{extension}?dpi=200"
    whole = client.get(path)
    size = len(whole.content)
    # Also through the patched places, a byte at a time.
    for first, last in ((0, 0), (5, 9), (size - 3, size - 1), *((at, at) for at in range(40, 120))):
        part = client.get(path, headers={"Range": f"bytes={first}-{last}", "If-Range": whole.headers["etag"]})
        assert part.status_code == 206
        assert part.headers["content-range"] == f"bytes {first}-{last}/{size}"
        assert part.content == whole.content[first : last + 1]
    for asked, start in (("bytes=7-", 7), ("bytes=-11", size - 11), (f"bytes=2-{size * 9}", 2)):
        assert client.get(path, headers={"Range": asked}).content == whole.content[start:]


def test_a_range_of_another_artwork_or_of_several_parts_is_all_of_it(client: TestClient, address: str) -> None:
    path = f"{address}.png"
    whole = client.get(path).content
    for headers in (
        {"Range": "bytes=1-2", "If-Range": '"another"'},
        {"Range": "bytes=1-2,5-6"},
        {"Range": "pixels=1-2"},
        {"Range": "bytes=-"},
        {"Range": "bytes=" + "9" * 5000 + "-"},
    ):
        answer = client.get(path, headers=headers)
        assert (answer.status_code, answer.content == whole) == (200, True)


def test_a_range_behind_the_end_is_not_there(client: TestClient, address: str) -> None:
    size = len(client.get(f"{address}.png").content)
    for asked in (f"bytes={size}-", "bytes=999999999999-", "bytes=-0"):
        answer = client.get(f"{address}.png", headers={"Range": asked})
        assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{size}")


@EXTENSIONS
def test_who_has_it_is_told_so_and_only_then(client: TestClient, address: str, extension: str) -> None:
    path = f"{address}.{extension}"
    etag = client.get(path).headers["etag"]
    again = client.get(path, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(path, params={"dpi": 90}, headers={"If-None-Match": etag}).status_code == 200
    other = "jpg" if extension == "png" else "png"
    assert client.get(f"{address}.{other}", headers={"If-None-Match": etag}).status_code == 200


@EXTENSIONS
def test_a_shared_artwork_can_be_downloaded_too(client: TestClient, finish: Finish, extension: str) -> None:
    job_id = finish()
    share = client.post(f"/api/v1/jobs/{job_id}/share").json()["share"]
    answer = client.get(f"{share}/artwork.{extension}?dpi=100")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "private, no-cache")
    assert job_id not in str(answer.headers)
    client.delete(f"/api/v1/jobs/{job_id}/share")
    etag = answer.headers["etag"]
    assert client.get(f"{share}/artwork.{extension}?dpi=100", headers={"If-None-Match": etag}).status_code == 404


@EXTENSIONS
def test_what_is_deleted_under_a_download_is_sent_to_its_end(
    client: TestClient, services: Services, finish: Finish, extension: str
) -> None:
    job = services.records.get(finish())
    whole = client.get(f"/api/v1/jobs/{job.id}/artwork.{extension}").content
    body = opened(services, job, extension)  # type: ignore[arg-type]
    beginning = body.read(0, 100)
    retention.delete_photo(services.records, job.request.photo)
    assert not services.storage.exists(keys.artwork_key(job.id, job.fence))
    assert beginning + body.read(100, body.size) == whole
    body.close()
    assert client.get(f"/api/v1/jobs/{job.id}/artwork.{extension}").status_code == 410


@EXTENSIONS
def test_downloads_leave_nothing_open_and_nothing_on_the_disk(
    client: TestClient, services: Services, address: str, extension: str
) -> None:
    client.get(f"{address}.{extension}")
    files = sorted(services.settings.data.rglob("*"))
    for headers in ({}, {"Range": "bytes=0-10"}, {"Range": "bytes=999999999-"}):
        client.get(f"{address}.{extension}?dpi=99", headers=headers)
    assert sorted(services.settings.data.rglob("*")) == files
    # What has no name any more is told as deleted.
    held = [os.path.realpath(handle) for handle in Path("/proc/self/fd").iterdir()]
    assert not [path for path in held if path.startswith(str(services.settings.data))]


def test_large_files_are_sent_in_pieces(client: TestClient, finish: Finish) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    master = pictures.encoded(Image.fromarray(noise))
    assert len(master) > 4 * PIECE_BYTES
    assert client.get(f"/api/v1/jobs/{finish(master)}/artwork.png").content == master


def test_the_page_offers_a_print_without_a_script(client: TestClient, finish: Finish) -> None:
    page = client.get(f"/jobs/{finish()}").text
    assert re.search(r'<form[^>]* action="/api/v1/jobs/\w{32}/artwork.tif"', page)
    assert 'name="dpi" min="72" max="1200" value="300"' in page
