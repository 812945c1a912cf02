"""Tries as a worker paints them: with the engine itself, a real Redis, and real blobs."""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import redis
import torch
from PIL import Image

from app.jobs.housekeeping import retention
from app.jobs.queue import QUEUE, TRIES_QUEUE
from app.jobs.records.quota import Quota
from app.jobs.storage import keys
from app.jobs.tries import SIZE, Try
from app.settings import Settings
from tests.app.jobs.refusing import REFUSING, refusing
from tests.stored import store_painting
from tests.worker.engine.conftest import draw_painting, draw_photo
from worker import engine
from worker.job import tries as module
from worker.job.attempt import Painter
from worker.job.tries import BATCH, TryOn
from worker.machine.devices import Device


@pytest.fixture
def try_on(redis_server: str, connection: redis.Redis, tmp_path: Path) -> TryOn:
    own = tmp_path / "own"
    own.mkdir()
    draw_painting(200, 160).save(own / "strokes.png")
    (own / "torn.png").write_bytes((own / "strokes.png").read_bytes()[:500])
    settings = Settings(data=tmp_path / "data", styles=own, redis_url=redis_server)
    return TryOn(Painter(settings, redis_server, lambda: False, Device("cpu")), lambda: False)


@pytest.fixture
def photo(try_on: TryOn) -> str:
    return stored(try_on, draw_photo(400, 300))


@pytest.fixture
def two_threads() -> Iterator[None]:
    """PyTorch computes with two threads, however many it has been given."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def stored(try_on: TryOn, picture: Image.Image) -> str:
    photo_id = secrets.token_hex(16)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=95)
    try_on.storage.put(keys.photo_key(photo_id), buffer.getvalue())
    return photo_id


def names(try_on: TryOn, photo: str) -> list[str]:
    """Of the tries that are there."""
    listed = map(keys.try_name, try_on.storage.list(keys.tries_prefix(photo)))
    return [name for name in listed if Try.named(name)]


def tried(try_on: TryOn, photo: str, wanted: list[str]) -> list[str]:
    """Try a photo on; the tries that are there then."""
    try_on.records.tries.want(photo, wanted)
    try_on.sit(photo)
    return names(try_on, photo)


def shown(try_on: TryOn, photo: str, name: str) -> Image.Image:
    return Image.open(io.BytesIO(try_on.storage.get(keys.try_key(photo, name)))).convert("RGB")


def waiting_hints(connection: redis.Redis) -> int:
    return int(connection.llen(TRIES_QUEUE))


@pytest.mark.parametrize("is_gone", [True, False], ids=["gone", "there"])
@pytest.mark.parametrize("why", REFUSING)
def test_nothing_leaves_the_task_while_redis_takes_nothing(
    try_on: TryOn, photo: str, connection: redis.Redis, why: str, is_gone: bool, caplog: pytest.LogCaptureFixture
) -> None:
    try_on.records.tries.want(photo, ["starry_night-1-1"])
    if is_gone:
        try_on.storage.delete(keys.photo_key(photo))
    with refusing(connection, why):
        try_on.sit(photo)
    assert not any(record.exc_info for record in caplog.records)


def test_the_photo_is_painted_in_small_after_each_painting(try_on: TryOn, photo: str, connection: redis.Redis) -> None:
    there = tried(try_on, photo, ["starry_night-1-1", "great_wave-1-1", "starry_night-1-2"])
    assert there == ["great_wave-1-1", "starry_night-1-1", "starry_night-1-2"]
    pictures = [np.asarray(shown(try_on, photo, name), np.float64) for name in there]
    assert all(max(each.shape) == SIZE for each in pictures)
    assert all(np.abs(one - other).mean() > 4 for one, other in pairwise(pictures))
    motif = np.asarray(draw_photo(400, 300).resize((SIZE, SIZE * 3 // 4)).convert("L"), np.float64)
    likeness = [np.corrcoef(each.mean(2).ravel(), motif.ravel())[0, 1] for each in pictures]
    assert min(np.abs(likeness)) > 0.3, "it still shows the photo"
    assert try_on.records.tries.left(photo) == 0
    assert waiting_hints(connection) == 0
    assert try_on.records.tries.counted("painted") == 3


def test_paintings_of_like_colours_come_first(try_on: TryOn) -> None:
    orders = []
    for style in ("great_wave", "starry_night"):
        card = Image.open(Path("styles") / style / "swatch.webp").convert("RGB")
        photo = stored(try_on, card)
        try_on.records.tries.want(photo, ["great_wave-1-1"])
        try_on.sit(photo)
        order = json.loads(try_on.storage.get(keys.suits_key(photo)))
        assert sorted(order) == sorted(try_on.materials.paintings.hanging())
        assert order.index(style) < 6, "a painting's card has nearly its colours"
        assert order[-2:] == ["strokes", "torn"], "of an owner's painting no palette ships"
        orders.append(order)
    assert orders[0] != orders[1]


def test_tries_are_counted_as_bytes_of_their_photo(try_on: TryOn, photo: str) -> None:
    thing = keys.photo_prefix(photo)
    try_on.records.tally.add(thing, "somebody", 1000, Quota())
    try_on.records.tries.want(photo, ["starry_night-1-1"])
    try_on.sit(photo)
    size = len(try_on.storage.get(keys.try_key(photo, "starry_night-1-1")))
    assert try_on.records.tally.usage("somebody").client == 1000 + size


def test_a_waiting_job_goes_first_and_the_rest_comes_later(try_on: TryOn, photo: str, connection: redis.Redis) -> None:
    try_on.records.tries.want(photo, ["starry_night-1-1", "great_wave-1-1"])
    connection.rpush(QUEUE, "a job's hint")
    try_on.sit(photo)
    assert names(try_on, photo) == []
    assert waiting_hints(connection) == 1, "whoever is free goes on"
    connection.delete(QUEUE)
    try_on.sit(photo)
    assert len(names(try_on, photo)) == 2


def test_one_photo_does_not_keep_the_others_waiting(
    try_on: TryOn, photo: str, connection: redis.Redis, monkeypatch: pytest.MonkeyPatch, two_threads: None
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    try_on.records.tries.want(photo, [f"starry_night-1-{brush}" for brush in (1, 2, 3)])
    try_on.sit(photo)
    assert len(names(try_on, photo)) == 2 < BATCH
    assert waiting_hints(connection) == 1
    assert torch.get_num_threads() == 2, "jobs are painted with as many threads as before"


def test_a_painting_that_fails_costs_none_of_the_others(try_on: TryOn, photo: str) -> None:
    wanted = ["torn-1-1", "gone-1-1", f"own_{'0' * 32}-1-1", "nonsense", "starry_night-1-1"]
    assert tried(try_on, photo, wanted) == ["starry_night-1-1"]
    assert (try_on.records.tries.counted("failed"), try_on.records.tries.counted("painted")) == (4, 1)
    assert try_on.records.tries.left(photo) == 0


def test_an_owners_and_a_persons_own_painting_are_tried(try_on: TryOn, photo: str) -> None:
    own = store_painting(try_on.storage, draw_painting(160, 160, seed=5))
    try_on.records.tries.want(photo, ["strokes-1-1", f"{own}-1-1"])
    try_on.sit(photo)
    assert len(names(try_on, photo)) == 2, try_on.records.tries.counted("failed")


def test_a_photo_that_is_gone_is_not_tried_on(try_on: TryOn, connection: redis.Redis) -> None:
    gone = "0" * 32
    try_on.records.tries.want(gone, ["starry_night-1-1"])
    try_on.sit(gone)
    assert try_on.storage.list(keys.photo_prefix(gone)) == []
    assert not try_on.records.tries.are_wanted(gone)
    assert waiting_hints(connection) == 0


def test_a_photo_that_is_deleted_meanwhile_takes_all_with_it(
    try_on: TryOn, photo: str, connection: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint = engine.paint

    def deleting(*arguments: object) -> object:
        done = paint(*arguments)  # type: ignore[arg-type]
        retention.delete_photo(try_on.records, photo)  # after the last look at it, before the picture is kept
        return done

    monkeypatch.setattr(engine, "paint", deleting)
    try_on.records.tries.want(photo, ["starry_night-1-1", "great_wave-1-1", "starry_night-1-2"])
    try_on.sit(photo)
    assert not (try_on.settings.data / keys.photo_prefix(photo)).exists()
    assert not try_on.records.tries.are_wanted(photo)
    assert waiting_hints(connection) == 0


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff no photo"])
def test_a_damaged_photo_is_given_up(try_on: TryOn, connection: redis.Redis, content: bytes) -> None:
    photo = "d" * 32
    try_on.storage.put(keys.photo_key(photo), content)
    assert tried(try_on, photo, ["starry_night-1-1"]) == []
    assert waiting_hints(connection) == 0


def test_a_worker_that_is_to_stop_begins_no_more(
    try_on: TryOn, photo: str, connection: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(try_on, "is_stopping", lambda: True)
    assert tried(try_on, photo, ["starry_night-1-1"]) == []
    assert waiting_hints(connection) == 1


def test_a_full_storage_ends_it(
    try_on: TryOn, photo: str, connection: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    put: Callable[..., None] = try_on.storage.put

    def full(key: str, content: bytes, **options: bool) -> None:
        if Try.named(keys.try_name(key)):
            raise OSError(28, "no space left")
        put(key, content, **options)

    monkeypatch.setattr(try_on.storage, "put", full)
    assert tried(try_on, photo, ["starry_night-1-1", "great_wave-1-1", "starry_night-1-2", "starry_night-2-2"]) == []
    assert waiting_hints(connection) == 0
    assert not try_on.records.tries.are_wanted(photo)
