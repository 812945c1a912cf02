"""Masks: what is taken and kept of one, and which of them a painting may name."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageDraw
from starlette.testclient import TestClient

from app.darkroom.child import developing
from app.darkroom.developed import DecodedMask
from app.jobs.masks import COLOR_CELLS, GREY_CELLS, find_mask
from app.jobs.storage import keys
from app.jobs.storage.local import LocalStorage
from app.reading import labels
from app.services import Services
from app.uploads import masks
from tests.app import pictures
from tests.stored import FullDisk

Send = Callable[..., dict[str, Any]]


def half(side: str = "left", size: tuple[int, int] = (200, 100), mode: str = "L") -> Image.Image:
    """A mask whose one half is white."""
    mask = Image.new(mode, size, "black")
    middle = size[0] // 2
    ImageDraw.Draw(mask).rectangle((0, 0, middle - 1, size[1]) if side == "left" else (middle, 0, *size), "white")
    return mask


@pytest.fixture
def send(client: TestClient, photo_id: str) -> Send:
    """Sends a mask of the photo, and gives the answer's members with its status."""

    def post(mask: Image.Image, file_format: str = "PNG", photo: str = photo_id, **options: Any) -> dict[str, Any]:
        data = pictures.encoded(mask, file_format, **options)
        answer = client.post(f"/api/v1/photos/{photo}/masks", files={"mask": ("m.png", data)})
        told: dict[str, Any] = answer.json()
        return told | {"status": answer.status_code}

    return post


def kept(client: TestClient, photo_id: str, answer: dict[str, Any]) -> Image.Image:
    picture = client.get(f"/photos/{photo_id}/masks/{answer['id']}.png")
    assert picture.status_code == 200
    assert picture.headers["content-type"] == "image/png"
    return Image.open(io.BytesIO(picture.content))


def refusal(client: TestClient, photo_id: str, **members: Any) -> tuple[str, str]:
    wish = {"photo": photo_id, "styles": [{"id": "dusk"}]} | members
    answer = client.post("/api/v1/jobs", json=wish)
    assert answer.status_code == 422, answer.text
    return answer.json()["code"], answer.json()["detail"]


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_grey_mask_is_kept_as_one_channel(
    client: TestClient, photo_id: str, send: Send, file_format: str, mode: str
) -> None:
    answer = send(half(mode=mode), file_format)
    assert answer["status"] == 201
    assert (answer["width"], answer["height"]) == (200, 100)
    mask = kept(client, photo_id, answer)
    assert mask.mode == "L"
    assert mask.getpixel((20, 50)) >= 250  # type: ignore[operator]
    assert mask.getpixel((180, 50)) <= 5  # type: ignore[operator]


@pytest.mark.parametrize("file_format", ["PNG", "JPEG"])
def test_a_map_of_colors_stays_one_and_names_them(
    client: TestClient, photo_id: str, send: Send, file_format: str
) -> None:
    answer = send(pictures.quarters(), file_format, quality=95)
    assert kept(client, photo_id, answer).mode == "RGB"
    found = [tuple(int(each[at : at + 2], 16) for at in (1, 3, 5)) for each in answer["colors"]]
    for wanted in (pictures.RED, pictures.GREEN, pictures.BLUE, pictures.WHITE):
        assert any(max(abs(a - b) for a, b in zip(color, wanted, strict=True)) < 20 for color in found)


def test_what_is_transparent_is_not_covered(client: TestClient, photo_id: str, send: Send) -> None:
    strokes = Image.new("RGBA", (200, 100), (255, 255, 255, 0))
    ImageDraw.Draw(strokes).rectangle((0, 0, 99, 100), (255, 255, 255, 255))
    mask = kept(client, photo_id, send(strokes))
    assert (mask.getpixel((20, 50)), mask.getpixel((180, 50))) == (255, 0)


def test_a_large_mask_is_kept_smaller_and_a_turned_one_upright(client: TestClient, photo_id: str, send: Send) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    mask = kept(client, photo_id, send(half(size=(3000, 1500)), "JPEG", exif=exif))
    assert mask.size == (1024, 2048)
    assert mask.getpixel((512, 100)) > 200  # type: ignore[operator]
    assert mask.getpixel((512, 1900)) < 50  # type: ignore[operator]


def test_the_same_mask_sent_again_is_kept_once(
    client: TestClient, photo_id: str, send: Send, services: Services
) -> None:
    first, again = send(half()), send(half())
    assert first["id"] == again["id"]
    assert len([key for key in services.storage.list(f"photos/{photo_id}/") if "mask-" in key]) == 2


@pytest.mark.parametrize("mask", [Image.new("L", (64, 64)), Image.new("RGBA", (64, 64), (255, 255, 255, 0))])
def test_a_mask_that_covers_nothing_is_refused(
    send: Send, services: Services, photo_id: str, mask: Image.Image
) -> None:
    answer = send(mask)
    assert (answer["status"], answer["code"], answer["field"]) == (422, "mask-empty", "mask")
    assert len(services.storage.list(f"photos/{photo_id}/")) == 3


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 422, "mask-file-empty"),
        (b"hello", 415, "mask-not-an-image"),
        (pictures.encoded(half())[:90], 422, "mask-damaged"),
        (pictures.png_claiming(60000, 60000), 422, "mask-too-many-pixels"),
        (pictures.encoded(half(size=(10, 10))), 422, "mask-too-small"),
    ],
)
def test_what_is_no_mask_is_refused_and_leaves_nothing(
    client: TestClient, services: Services, photo_id: str, data: bytes, status: int, code: str
) -> None:
    answer = client.post(f"/api/v1/photos/{photo_id}/masks", files={"mask": ("m.png", data)})
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (status, code, "mask")
    assert "photo" not in answer.json()["detail"]
    assert len(services.storage.list(f"photos/{photo_id}/")) == 3


def test_a_mask_of_too_many_bytes_is_refused_as_a_mask(client: TestClient, photo_id: str, limit_mb: int) -> None:
    data = bytes(limit_mb * 1_000_000 + 300_000)
    answer = client.post(f"/api/v1/photos/{photo_id}/masks", files={"mask": ("m.png", data)})
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (413, "mask-too-many-bytes", "mask")


def test_a_form_without_a_mask_and_a_mask_without_a_photo_are_refused(client: TestClient, photo_id: str) -> None:
    path = f"/api/v1/photos/{photo_id}/masks"
    assert client.post(path, files={"photo": ("m.png", b"x")}).json()["code"] == "mask-missing"
    files = {"mask": ("m.png", pictures.encoded(half()))}
    for photo in ("0" * 32, "x"):
        answer = client.post(f"/api/v1/photos/{photo}/masks", files=files)
        assert (answer.status_code, answer.json()["code"]) == (404, "photo-not-found")


def test_no_more_than_twenty_masks_are_kept(send: Send) -> None:
    statuses = []
    for number in range(masks.MOST + 1):
        mask = Image.new("L", (32, 32))
        mask.putpixel((number, 0), 255)
        statuses.append(send(mask)["status"])
    assert statuses == [201] * masks.MOST + [422]


def test_a_full_disk_leaves_no_mask(tmp_path: Any) -> None:
    mask = DecodedMask(b"png", 32, 32, 1.0, {"#ffffff": 1.0}, b"\xff" * GREY_CELLS)
    with pytest.raises(OSError, match="No space"):
        masks.store("0" * 32, mask, FullDisk(tmp_path))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_masks_go_with_their_photo(client: TestClient, photo_id: str, send: Send, services: Services) -> None:
    mask_id = send(half())["id"]
    assert client.delete(f"/api/v1/photos/{photo_id}").status_code == 204
    assert services.storage.list("photos/") == []
    answer = client.get(f"/photos/{photo_id}/masks/{mask_id}.png")
    assert answer.status_code == 404
    assert client.get("/photos/x/masks/..png").status_code == 404


def test_a_painting_may_name_masks_of_its_own_photo_only(client: TestClient, photo_id: str, send: Send) -> None:
    mask = send(half())["id"]
    other = client.post("/api/v1/photos", files={"photo": ("b.jpg", pictures.landscape())}).json()["id"]
    for name in ("keep", "color_mask"):
        assert (
            client.post("/api/v1/jobs", json={"photo": photo_id, "styles": [{"id": "dusk"}], name: mask}).status_code
            == 202
        )
        code, sentence = refusal(client, other, **{name: mask})
        assert code == "mask-gone"
        assert sentence.startswith(name)
    assert refusal(client, other, styles=[{"id": "dusk", "mask": mask}])[1].startswith("styles.0.mask")


def test_what_keeps_the_whole_photo_leaves_nothing_to_paint(client: TestClient, photo_id: str, send: Send) -> None:
    everything = send(Image.new("L", (64, 64), "white"))["id"]
    code, sentence = refusal(client, photo_id, keep=everything)
    assert code == "mask-empty"
    assert sentence.startswith("keep")


def test_a_style_needs_something_beside_what_is_kept(client: TestClient, photo_id: str, send: Send) -> None:
    left, right = send(half("left"))["id"], send(half("right", (64, 64)))["id"]
    styles = [{"id": "checks"}, {"id": "dusk", "mask": left}]
    code, sentence = refusal(client, photo_id, keep=left, styles=styles)
    assert code == "mask-empty"
    assert sentence.startswith("styles.1.mask")
    wish = {"photo": photo_id, "styles": styles, "keep": right}
    assert client.post("/api/v1/jobs", json=wish).status_code == 202


def test_a_color_must_occur_and_nearly_is_enough(client: TestClient, photo_id: str, send: Send) -> None:
    colors = send(pictures.quarters(), "JPEG", quality=90)["id"]
    for there in ("#dc1e1e", "#e01010", "#FFFFFF"):
        wish = {"photo": photo_id, "styles": [{"id": "dusk", "mask": colors, "color": there}]}
        assert client.post("/api/v1/jobs", json=wish).status_code == 202
    code, sentence = refusal(client, photo_id, styles=[{"id": "dusk", "mask": colors, "color": "#ff00ff"}])
    assert code == "color-absent"
    assert sentence.startswith("styles.0.color: #ff00ff")
    assert sentence.split("colours are ")[1].startswith("#")


def test_the_facts_of_a_mask_follow_from_its_pixels(send: Send, photo_id: str, services: Services) -> None:
    facts = find_mask(photo_id, send(pictures.quarters())["id"], services.storage)
    assert facts
    assert facts.white == pytest.approx((76.6 + 107.3 + 46.3 + 255) / 4 / 255, abs=0.02)  # BT.601 of the four colours
    assert sum(facts.colors.values()) == pytest.approx(1)
    red = facts.meant("#dc1e1e")
    assert red == "#dc1e1e"
    cover = facts.cover(red, facts.rivals([red]))
    assert sum(cover) == GREY_CELLS / 4
    assert cover[0] == 1
    assert cover[31] == 0
    grey = find_mask(photo_id, send(half())["id"], services.storage)
    assert grey
    assert grey.cover(None)[:32] == [1.0] * 16 + [0.0] * 16


def test_front_end_and_decoder_agree_on_the_grid() -> None:
    assert (GREY_CELLS, COLOR_CELLS) == (developing.GRID_SIDE**2, 3 * developing.GRID_SIDE**2)
    assert masks.LEAST_SHARE == labels.LEAST_SHARE


def test_a_mask_of_another_kind_of_id_is_never_looked_for(tmp_path: Any) -> None:
    assert find_mask("0" * 32, "../" * 3, LocalStorage(tmp_path)) is None
    assert keys.mask_key("0" * 32, "1" * 32).startswith(keys.photo_prefix("0" * 32))


def test_a_photo_deleted_while_its_mask_is_written_is_not_a_full_disk(
    client: TestClient, photo_id: str, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deleted_meanwhile(_: int) -> None:
        client.delete(f"/api/v1/photos/{photo_id}")

    monkeypatch.setattr("os.fsync", deleted_meanwhile)
    answer = send(half())
    assert (answer["status"], answer["code"]) == (404, "photo-not-found")
