import pytest
from PIL import Image

from worker.engine import Extractor, Fingerprint, fingerprint_of, stand_in, synthesize
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


def test_what_stands_in_for_a_painting_measures_as_the_painting_does_where_nothing_was_known_of_it(
    style: Fingerprint, extractor: Extractor, painting: Image.Image
) -> None:
    texture = stand_in(style, extractor, 128)
    for pooling, tolerance in (("average", 0.1), ("max", 0.2)):
        found, real = (
            fingerprint_of(picture, extractor, [128], extractor.layers, pooling, correlations=True).at(128)
            for picture in (texture, painting)
        )
        assert len(found) == 13 + 12
        for key, statistics in real.items():
            error = (found[key].moment - statistics.moment).square().sum() / statistics.moment.square().sum()
            assert error < tolerance, (key, pooling)
