"""A painting of exactly one colour turns a photo that colour."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from tests.worker.engine.conftest import draw_photo
from worker.engine.networks.extractors import Extractor
from worker.engine.options import PaintOptions
from worker.engine.paint import paint
from worker.engine.scene import Region, Scene
from worker.engine.style.fingerprint import Fingerprint, fingerprint_of

RED = (200, 30, 30)
QUICK = PaintOptions(size=128, iterations=6)


def mean(picture: Image.Image) -> list[float]:
    return list(np.asarray(picture).reshape(-1, 3).mean(0))


def test_the_photo_is_painted_in_shades_of_it(extractor: Extractor) -> None:
    red = fingerprint_of(Image.new("RGB", (160, 120), RED), extractor)
    pastiche = paint(Scene.of(draw_photo(200, 150), red), extractor, QUICK)
    for picture in (pastiche.picture.image(), pastiche.canvas.image()):
        # Shades that are darker than the colour's own channels end at black, so the average is a little off.
        assert np.abs(np.subtract(mean(picture), RED)).max() < 40
        assert np.asarray(picture.convert("L")).std() > 4


def test_only_where_it_is_to_be(extractor: Extractor, style: Fingerprint) -> None:
    left = Image.new("L", (200, 150))
    ImageDraw.Draw(left).rectangle((0, 0, 99, 150), 255)
    red = fingerprint_of(Image.new("RGB", (160, 120), RED), extractor)
    scene = Scene(draw_photo(200, 150), (Region(red, left), Region(style)))
    picture = paint(scene, extractor, QUICK).picture.image()
    one, other = mean(picture.crop((0, 0, 56, 96))), mean(picture.crop((72, 0, 128, 96)))
    assert np.abs(np.subtract(one, RED)).max() < 40
    assert np.abs(np.subtract(other, RED)).max() > 60
