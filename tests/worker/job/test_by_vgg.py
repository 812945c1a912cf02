"""Named parts of a built-in painting by VGG-19, with weights of its shape that are fetched over loopback."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from app.jobs.models import PaintRequest
from app.jobs.storage.local import LocalStorage
from app.settings import Settings
from tests.commons import serving
from tests.stored import store_mask
from tests.worker.conftest import WISH
from tests.worker.engine.conftest import draw_painting, draw_photo
from worker import engine
from worker.engine.style.codebook import Codebook
from worker.job.materials import Commission, Materials
from worker.machine.devices import Device

SKY, STARS = "#2a4fb0", "#ffd83d"  # of The Starry Night


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with VGG-19 as it is fetched."""
    folder = tmp_path_factory.mktemp("vgg19")
    torch.manual_seed(0)
    features = torchvision.models.vgg19(weights=None).features
    content = io.BytesIO()
    torch.save({f"features.{key}": value for key, value in features.state_dict().items()}, content)
    digest = hashlib.sha256(content.getvalue()).hexdigest()
    with serving() as server:
        server.files["weights"] = content.getvalue()
        calibration = [draw_photo(), draw_painting(120, 100)]
        engine.fetch_weights("vgg19", folder, None, f"{server.site}/weights", digest, calibration=calibration)
    return folder


@pytest.fixture
def materials(tmp_path: Path, fetched: Path, monkeypatch: pytest.MonkeyPatch) -> Materials:
    """With stand-ins of the size of a stamp."""
    whole = engine.repaint

    def small(codebook: Codebook, extractor: engine.Extractor, **_after: Any) -> Image.Image:
        return whole(codebook, extractor, 128)

    monkeypatch.setattr(engine, "repaint", small)
    settings = Settings(data=tmp_path / "data", models=fetched)
    return Materials(settings, LocalStorage(settings.data), Device("cpu"))


def commission(materials: Materials, preset: str) -> Commission:
    doodle = Image.new("RGB", (96, 72), SKY)
    doodle.paste(STARS, (0, 0, 48, 72))
    mask = store_mask(materials.storage, WISH.photo, doodle, {SKY: 0.5, STARS: 0.5})
    styles = [
        {"id": "starry_night", "part": part, "mask": mask, "color": color}
        for part, color in (("sky", SKY), ("stars and moon", STARS))
    ]
    wish = WISH.model_dump() | {"styles": styles, "preset": preset, "extractor": "vgg19", "size": 256}
    return materials.commission(PaintRequest.model_validate(wish), Image.new("RGB", (96, 72)))


@pytest.mark.parametrize("preset", ["doodle", "mrf"])
def test_a_built_in_paintings_named_parts_are_painted_with_vgg19(materials: Materials, preset: str) -> None:
    asked = commission(materials, preset)
    assert asked.extractor.name == "vgg19"
    options = replace(asked.options, size=64, iterations=12)
    painted = engine.paint(asked.scene, asked.extractor, options).picture.image()
    found = np.asarray(painted, float)
    stars, sky = found[:, :28].mean((0, 1)), found[:, 36:].mean((0, 1))
    assert painted.size == (64, 48)
    assert stars[0] - stars[2] > sky[0] - sky[2] + 20, "yellower where the stars are"
    assert found.std() > 5
