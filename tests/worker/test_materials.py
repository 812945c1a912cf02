"""Loading what a job asks for, with the engine itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from app.jobs import keys
from app.jobs.blobs import LocalStorage
from app.jobs.models import Job, JobState, PaintRequest, StyleChoice
from app.settings import Settings
from tests.worker.conftest import WISH
from tests.worker.engine.conftest import draw_painting
from worker import engine
from worker.devices import Device
from worker.failures import JobFailedError
from worker.materials import Materials


@pytest.fixture
def materials(tmp_path: Path) -> Materials:
    own = tmp_path / "own"
    own.mkdir()
    draw_painting(200, 160).save(own / "strokes.png")
    (own / "torn.png").write_bytes((own / "strokes.png").read_bytes()[:500])
    settings = Settings(data=tmp_path / "data", styles=own)
    return Materials(settings, LocalStorage(settings.data), Device("cpu"))


def failure(materials: Materials, **wish: object) -> str:
    with pytest.raises(JobFailedError) as caught:
        materials.style(WISH.model_copy(update=wish))
    return caught.value.error.code


def test_an_owners_painting_is_measured_once_and_then_read(materials: Materials) -> None:
    first, extractor = materials.style(WISH)
    (kept,) = materials.storage.list("fingerprints/")
    assert extractor.weights_hash[:12] in kept
    written = (materials.settings.data / kept).stat().st_mtime_ns
    again, _ = materials.style(WISH)
    assert (materials.settings.data / kept).stat().st_mtime_ns == written
    for layer, statistics in first.at(128).items():
        assert torch.equal(statistics.moment, again.at(128)[layer].moment)


def test_a_damaged_kept_fingerprint_is_measured_again(materials: Materials) -> None:
    materials.style(WISH)
    (kept,) = materials.storage.list("fingerprints/")
    good = materials.storage.get(kept)
    materials.storage.put(kept, good[:100])
    materials.style(WISH)
    assert len(materials.storage.get(kept)) == len(good)


def test_paintings_that_cannot_be_used_are_named_with_a_reason(materials: Materials) -> None:
    assert failure(materials, styles=[StyleChoice(id="nowhere")]) == "style_gone"
    assert failure(materials, styles=[StyleChoice(id="strokes"), StyleChoice(id="torn")]) == "style_damaged"


def test_asking_for_vgg19_without_its_weights_says_how_to_get_them(materials: Materials) -> None:
    with pytest.raises(engine.ExtractorUnavailableError, match="fetch vgg19"):
        materials.style(WISH.model_copy(update={"extractor": "vgg19"}))


def test_a_stored_photo_is_read_as_jpeg_and_nothing_else(materials: Materials, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "photo.png")
    materials.storage.put(keys.photo_key(WISH.photo), (tmp_path / "photo.png").read_bytes())
    with pytest.raises(JobFailedError) as caught:
        materials.photo(WISH)
    assert caught.value.error.code == "photo_damaged"


def test_the_newest_readable_checkpoint_is_taken(materials: Materials, tmp_path: Path) -> None:
    request = PaintRequest(photo="0" * 32, styles=[StyleChoice(id="strokes")])
    job = Job(id="a" * 32, state=JobState.RUNNING, request=request, planned_work=1.0, created_at=0)
    assert materials.checkpoint(job) is None
    for fence in (2, 10):
        path = tmp_path / "checkpoint"
        engine.Checkpoint(torch.zeros(1, 3, 2, 2), stage=fence, iteration=1, seed=0, plan="").save(path)
        materials.storage.put(keys.checkpoint_key(job.id, fence), path.read_bytes())
    newest = materials.checkpoint(job)
    assert newest
    assert newest.stage == 10
    materials.storage.put(keys.checkpoint_key(job.id, 11), b"half")
    newest = materials.checkpoint(job)
    assert newest
    assert newest.stage == 10
