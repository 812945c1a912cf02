import pytest

from worker.engine import Extractor, Fingerprint, synthesize
from worker.engine.extractors import STYLE_LAYERS
from worker.engine.images import to_tensor
from worker.engine.statistics import gram


def test_texture_has_the_paintings_statistics_at_every_layer(style: Fingerprint, extractor: Extractor) -> None:
    texture = synthesize(style, extractor, 128)
    taps = extractor(to_tensor(texture))
    for layer in STYLE_LAYERS:
        found, wanted = gram(taps[layer]), style.at(128)[layer].moment
        assert ((found - wanted).square().sum() / wanted.square().sum()).item() == pytest.approx(0, abs=0.05)


def test_texture_repeats_with_its_seed(style: Fingerprint, extractor: Extractor) -> None:
    assert synthesize(style, extractor, 128, seed=4).tobytes() == synthesize(style, extractor, 128, seed=4).tobytes()
