"""Any combination of valid options paints a small picture."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.worker.engine.conftest import MODELS, draw_painting, draw_photo
from worker.engine import (
    Extractor,
    Fingerprint,
    PaintOptions,
    Region,
    Scene,
    fingerprint_of,
    load_upscaler,
    needs,
    paint,
)
from worker.engine.networks.extractors import STYLE_LAYERS
from worker.engine.options import CHOICES
from worker.engine.style.cells import CELL_LAYERS
from worker.engine.style.patches import PATCH_LAYERS

PHOTO = draw_photo(96, 72)
PAINTINGS = [draw_painting(120, 96, seed) for seed in (3, 4)]
MASKS = [None, Image.linear_gradient("L"), Image.radial_gradient("L")]


def weights(layers: tuple[str, ...]) -> st.SearchStrategy[dict[str, float] | None]:
    some = st.dictionaries(st.sampled_from(layers), st.floats(0.01, 10), min_size=1, max_size=4)
    return st.none() | some


@st.composite
def options(draw: st.DrawFn) -> PaintOptions:
    chosen: dict[str, object] = {name: draw(st.sampled_from(values)) for name, values in CHOICES.items()}
    for name in ("start", "content_scaling", "style_loss", "pooling", "optimizer"):
        if draw(st.booleans()):
            chosen[name] = None
    chosen |= {
        "size": 96,
        "strength": draw(st.sampled_from([0.1, 1.0, 10.0])),
        "brush": draw(st.sampled_from([0.25, 1.0, 4.0])),
        "smoothing": draw(st.sampled_from([0.0, 1.0, 10.0])),
        "variety": draw(st.sampled_from([0.0, 1.0, 4.0])),
        "fidelity": draw(st.sampled_from([0.0, 0.6, 1.0])),
        "seed": draw(st.integers(0, 5)),
        "keep_colors": draw(st.sampled_from([0.0, 0.5, 1.0])),
        "feather": draw(st.sampled_from([0.0, 0.01, 0.1])),
        "content_layers": draw(weights((*STYLE_LAYERS, "relu4_2", "relu2_2"))),
        "style_layers": draw(weights((*STYLE_LAYERS, "relu3_3"))),
        "iterations": draw(st.integers(2, 25)),
        "min_improvement": draw(st.sampled_from([0.0, 5.0])),
        "output_size": draw(st.sampled_from([None, 256])),
    }
    if chosen["style_loss"] in ("nearest", "nearest-and-gram"):
        chosen["style_layers"] = draw(weights(CELL_LAYERS))
    if chosen["style_loss"] == "mrf":
        chosen["style_layers"] = draw(weights(PATCH_LAYERS))
    if chosen["color_method"] == "luminance":
        chosen["color_when"] = "after"
    return PaintOptions(**chosen)  # type: ignore[arg-type]


_styles: dict[tuple[object, ...], list[Fingerprint]] = {}


def styles(options: PaintOptions, extractor: Extractor) -> list[Fingerprint]:
    wanted = needs(options, extractor)
    if wanted not in _styles:
        asked = wanted._replace(layers=wanted.layers or STYLE_LAYERS)
        _styles[wanted] = [fingerprint_of(each, extractor, (128,), *asked) for each in PAINTINGS]
    return _styles[wanted]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(options(), st.sampled_from(MASKS), st.sampled_from(MASKS), st.sampled_from(MASKS))
def test_any_combination_of_options_paints(
    extractor: Extractor,
    options: PaintOptions,
    region: Image.Image | None,
    keep: Image.Image | None,
    colors: Image.Image | None,
) -> None:
    first, second = styles(options, extractor)
    regions = (Region(first, region), Region(second)) if region else (Region(first),)
    scene = Scene(PHOTO, regions, keep, colors, PAINTINGS[0], upscaler=load_upscaler(MODELS, extractor.device))
    pastiche = paint(scene, extractor, options)
    assert pastiche.picture.image().size == ((96, 72) if options.output_size is None else (256, 192))
    assert np.isfinite(np.asarray(pastiche.picture.image(), float)).all()


@pytest.mark.parametrize("name", CHOICES)
def test_every_choice_is_one_that_an_option_takes(name: str) -> None:
    for value in CHOICES[name]:
        other = {"color_method": "linear"} if name == "color_when" else {}
        assert getattr(PaintOptions(**{name: value, **other}), name) == value  # type: ignore[arg-type]
