"""A stranger's bytes: what is taken, what it becomes, and what is refused with which sentence."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, features
from starlette.testclient import TestClient

from app.darkroom.parent import Darkroom
from app.jobs.storage import keys
from app.jobs.storage.local import LocalStorage
from app.refusals import RefusalError
from app.services import Services
from app.turns import Turns
from app.uploads import photos
from tests.app import pictures
from tests.app.pictures import BLUE, GREEN, RED, WHITE, encoded, pixel, quarters
from tests.stored import FullDisk

LIMIT_MP = 100
UPRIGHT = [RED, GREEN, BLUE, WHITE]


DARKROOM = Darkroom(limit_mp=LIMIT_MP, memory_mb=2000, time_limit_s=60)


@pytest.fixture(scope="module", autouse=True)
def no_child_stays() -> Iterator[None]:
    yield
    DARKROOM.close()


def decode(data: bytes) -> Image.Image:
    photo = DARKROOM.decode_photo(io.BytesIO(data))
    image = Image.open(io.BytesIO(photo.photo_jpeg))
    assert image.size == (photo.width, photo.height)
    assert image.mode == "RGB"
    return image


def refusal(data: bytes) -> RefusalError:
    with pytest.raises(RefusalError) as caught:
        DARKROOM.decode_photo(io.BytesIO(data))
    assert 400 <= caught.value.kind.status < 500
    assert caught.value.kind.field == "photo"
    return caught.value


def near(found: list[tuple[int, int, int]], expected: list[tuple[int, int, int]], tolerance: int = 12) -> bool:
    pairs = zip(found, expected, strict=True)
    return all(abs(a - b) <= tolerance for one, other in pairs for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "JPEG2000"])
def test_each_promised_format_is_taken(file_format: str) -> None:
    if file_format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    image = decode(encoded(quarters(), file_format, quality=95))
    assert image.size == (96, 64)
    assert near(pictures.corners(image), UPRIGHT, 20)


ORIENTED = {
    1: UPRIGHT,
    2: [GREEN, RED, WHITE, BLUE],
    3: [WHITE, BLUE, GREEN, RED],
    4: [BLUE, WHITE, RED, GREEN],
    5: [RED, BLUE, GREEN, WHITE],
    6: [BLUE, RED, WHITE, GREEN],
    7: [WHITE, GREEN, BLUE, RED],
    8: [GREEN, WHITE, RED, BLUE],
}


@pytest.mark.parametrize(("orientation", "expected"), ORIENTED.items())
def test_exif_orientation_is_applied(orientation: int, expected: list[tuple[int, int, int]]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = decode(encoded(quarters(), "JPEG", exif=exif, quality=95, subsampling=0))
    assert image.size == ((96, 64) if orientation < 5 else (64, 96))
    assert near(pictures.corners(image), expected)


def test_an_orientation_that_does_not_exist_counts_as_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 9
    assert near(pictures.corners(decode(encoded(quarters(), "JPEG", exif=exif, quality=95))), UPRIGHT, 20)


def test_no_metadata_survives() -> None:
    source = pictures.with_metadata(quarters())
    assert b"SecretCamera" in source
    photo = DARKROOM.decode_photo(io.BytesIO(source))
    for data in (photo.photo_jpeg, photo.thumb_webp):
        assert b"Secret" not in data
        assert b"Exif" not in data
        assert not Image.open(io.BytesIO(data)).getexif()


def test_color_profile_is_converted_to_srgb() -> None:
    data = encoded(quarters(), "PNG", icc_profile=pictures.swapped_profile())
    red, green, *_ = pictures.corners(decode(data))
    # Under the profile the red corner means green and the other way round.
    assert red[1] > red[0]
    assert green[0] > green[1]


def test_a_broken_color_profile_counts_as_none() -> None:
    data = encoded(quarters(), "PNG", icc_profile=b"not a profile at all" * 20)
    assert near(pictures.corners(decode(data)), UPRIGHT)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P"])
def test_transparency_is_put_on_white(mode: str) -> None:
    image = Image.new("RGBA", (64, 64), (10, 20, 30, 0))
    if mode == "P":
        image = image.convert("P")
        data = encoded(image, "PNG", transparency=image.getpixel((0, 0)))
    elif mode == "PA":
        data = encoded(image.quantize(16), "PNG")
    else:
        data = encoded(image.convert(mode), "PNG")
    assert decode(data).getpixel((32, 32)) == WHITE


def test_half_transparent_color_mixes_with_white() -> None:
    data = encoded(Image.new("RGBA", (64, 64), (0, 0, 0, 128)), "PNG")
    assert near([pixel(decode(data), (32, 32))], [(127, 127, 127)], 2)


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    image = Image.new("I;16", (64, 64), 0x8000)
    assert near([pixel(decode(encoded(image)), (32, 32))], [(128, 128, 128)], 2)


@pytest.mark.parametrize(("mode", "color", "expected"), [("L", 77, 77), ("1", 1, 255)])
def test_greyscale_and_black_and_white_are_taken(mode: str, color: int, expected: int) -> None:
    assert near([pixel(decode(encoded(Image.new(mode, (64, 64), color))), (9, 9))], [(expected,) * 3], 2)


def test_cmyk_is_converted() -> None:
    data = encoded(Image.new("CMYK", (64, 64), (0, 255, 255, 0)), "JPEG", quality=95)
    red, green, blue = pixel(decode(data), (32, 32))
    assert red > 180
    assert max(green, blue) < 80


@pytest.mark.parametrize("file_format", ["PNG", "WEBP"])
def test_only_the_first_frame_of_an_animation_is_kept(file_format: str) -> None:
    frames = [Image.new("RGB", (64, 48), color) for color in (RED, BLUE, GREEN)]
    data = encoded(frames[0], file_format, save_all=True, append_images=frames[1:], duration=100, lossless=True)
    assert near([pixel(decode(data), (32, 24))], [RED])


@pytest.mark.parametrize(
    ("file_format", "size", "stored"),
    [
        ("JPEG", (4608, 500), (4608, 500)),
        ("JPEG", (12_000, 2000), (4096, 683)),
        ("JPEG", (1000, 9000), (500, 4500)),  # a half of it is near enough
        ("JPEG", (8064, 1000), (4032, 500)),
        ("JPEG", (7000, 1000), (4096, 585)),  # a half of it would be too small
        ("PNG", (6000, 1000), (4096, 683)),
    ],
)
def test_a_large_photo_is_stored_smaller(file_format: str, size: tuple[int, int], stored: tuple[int, int]) -> None:
    image = decode(encoded(Image.new("RGB", size, RED), file_format))
    assert image.size == stored
    assert near([pixel(image, (9, 9))], [RED])


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_jpeg_of_50_megapixels_takes_less_memory_than_its_pixels(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.new("RGB", (8688, 5792), RED), "JPEG", exif=exif)
    darkroom = Darkroom(limit_mp=LIMIT_MP, memory_mb=200, time_limit_s=60)
    try:
        photo = darkroom.decode_photo(io.BytesIO(data))
    finally:
        darkroom.close()
    assert {photo.width, photo.height} == {4344, 2896}


def test_a_bomb_is_refused_by_its_header() -> None:
    found = refusal(pictures.png_claiming(65_000, 65_000))
    assert found.kind.code == "photo-too-many-pixels"
    assert "100" in found.sentence


@pytest.mark.parametrize("side", [10_001, 14_200])
def test_a_photo_just_above_the_limit_is_refused_with_its_size(side: int) -> None:
    found = refusal(pictures.png_claiming(side, 10_000))
    assert found.kind.code == "photo-too-many-pixels"


def test_a_photo_just_within_the_limit_is_not_refused_for_its_size() -> None:
    assert refusal(pictures.png_claiming(10_000, 10_000)).kind.code == "photo-damaged"


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_truncated_photo_is_refused(file_format: str, share: float) -> None:
    if file_format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    noise = Image.effect_noise((200, 150), 80).convert("RGB")
    data = encoded(noise, file_format, quality=90)
    assert refusal(data[: int(len(data) * share)]).kind.code == "photo-damaged"


def test_an_empty_file_is_refused() -> None:
    assert refusal(b"").kind.code == "photo-empty"


@pytest.mark.parametrize("data", [b"x", b"hello, this is a letter", bytes(1000), b"\xff\xd8"])
def test_what_is_not_an_image_is_refused(data: bytes) -> None:
    assert refusal(data).kind.code == "photo-not-an-image"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\xff\x0a\xfa\x7f", "a JPEG XL"),
        (b"FUJIFILMCCD-RAW 0201", "a camera's raw file"),
        (b"\0\0\0\x20ftypisom", "a video"),
        (b"%PDF-1.7 ...", "a PDF"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC"),
    ],
)
def test_another_type_is_named_in_the_refusal(data: bytes, name: str) -> None:
    found = refusal(data)
    assert found.kind.code == "photo-wrong-type"
    assert name in found.sentence


def test_the_type_is_told_by_content_not_by_name() -> None:
    """Postscript, the reader with the longest list of holes, stays shut."""
    assert refusal(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n").kind.code == "photo-not-an-image"


def test_a_tiny_photo_is_refused_with_its_size() -> None:
    found = refusal(encoded(Image.new("RGB", (15, 400))))
    assert found.kind.code == "photo-too-small"
    assert "15 × 400" in found.sentence


def test_a_ribbon_is_refused() -> None:
    assert refusal(encoded(Image.new("RGB", (2000, 100)))).kind.code == "photo-too-narrow"


def test_a_kept_photo_is_found_again(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    stored = photos.store(DARKROOM.decode_photo(io.BytesIO(pictures.landscape(640, 480))), storage)
    assert len(stored.id) == 32
    assert photos.find(stored.id, storage) == stored
    assert Image.open(io.BytesIO(storage.get(keys.photo_key(stored.id)))).size == (640, 480)
    assert Image.open(io.BytesIO(storage.get(keys.photo_thumb_key(stored.id)))).format == "WEBP"


def test_the_transparency_of_a_photo_is_kept_beside_it(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    image = quarters(97, 65).convert("RGBA")
    ramp = Image.linear_gradient("L").resize(image.size)
    image.putalpha(ramp)
    stored = photos.store(DARKROOM.decode_photo(io.BytesIO(encoded(image))), storage)
    assert photos.find(stored.id, storage) == stored
    assert stored.is_transparent
    alpha = Image.open(io.BytesIO(storage.get(keys.photo_alpha_key(stored.id))))
    assert (alpha.mode, alpha.size, alpha.tobytes()) == ("L", (97, 65), ramp.tobytes())
    assert alpha.info == {}


@pytest.mark.parametrize("data", [pictures.landscape(), encoded(quarters().convert("RGBA"))], ids=["JPEG", "opaque"])
def test_nothing_is_kept_beside_an_opaque_photo(tmp_path: Path, data: bytes) -> None:
    storage = LocalStorage(tmp_path)
    stored = photos.store(DARKROOM.decode_photo(io.BytesIO(data)), storage)
    assert not stored.is_transparent
    assert not storage.exists(keys.photo_alpha_key(stored.id))
    # What an earlier release kept does not say.
    storage.put(keys.photo_meta_key(stored.id), b'{"width": 96, "height": 64, "created_at": 0}')
    assert photos.find(stored.id, storage) == photos.StoredPhoto(stored.id, 96, 64)


@pytest.mark.parametrize("photo_id", ["", "0" * 32, "../../etc/passwd", "%2e%2e", "A" * 32])
def test_an_id_that_was_never_given_out_finds_nothing(tmp_path: Path, photo_id: str) -> None:
    assert photos.find(photo_id, LocalStorage(tmp_path)) is None


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    photo = DARKROOM.decode_photo(io.BytesIO(encoded(Image.new("RGBA", (64, 64)))))
    assert photo.alpha_png
    with pytest.raises(OSError, match="No space"):
        photos.store(photo, FullDisk(tmp_path))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_client_that_has_enough_waiting_is_told_to_wait(client: TestClient, services: Services) -> None:
    app: Any = client.app
    app.state.services = replace(services, decodings=Turns(0, 0))  # all places are taken
    answer = client.post("/api/v1/photos", files={"photo": ("a.jpg", pictures.landscape())})
    assert (answer.status_code, answer.json()["code"]) == (429, "too-many-requests")
    assert answer.headers["retry-after"] in answer.json()["detail"]
