"""What may be asked of a painting, and which sentence says what may not."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, fields
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from app.jobs.models import PaintRequest
from app.jobs.options import CELL_LAYERS, LACKING, LAYERS, PATCH_LAYERS, Extractor, PaintingOptions
from app.web.answering import what_does_not_fit
from worker import engine
from worker.engine.networks.extractors import COMPACT_BLOCKS, VGG_BLOCKS, steps_of
from worker.engine.style import cells, patches

PHOTO, MASK, JOB = "0" * 32, "1" * 32, "2" * 32


def wish(**members: Any) -> dict[str, Any]:
    return {"photo": PHOTO, "styles": [{"id": "dusk"}], **members}


def styled(**members: Any) -> dict[str, Any]:
    return {"styles": [{"id": "dusk", **members}]}


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"preset": "picasso-1937"}, "preset"),
        ({"keep_colors": 1.1}, "keep_colors"),
        ({"keep_colors": "some"}, "keep_colors"),
        ({"color_method": "lab"}, "color_method"),
        ({"color_when": "before"}, "color_when"),
        ({"color_when": "before", "color_method": "luminance"}, "color_when"),
        ({"feather": 0.2}, "feather"),
        ({"guides": "outside"}, "guides"),
        ({"start": "artwork"}, "start_job"),
        ({"start_job": JOB}, "start_job"),
        ({"start": "photo", "start_job": JOB}, "start_job"),
        ({"content_layers": {}}, "content_layers"),
        ({"content_layers": {"relu4_2": 0}}, "content_layers"),
        ({"content_layers": {"conv4_2": 1}}, "content_layers.conv4_2"),
        ({"style_layers": {"relu1_1": -1}}, "style_layers.relu1_1"),
        ({"style_layers": {"relu1_1": math.inf}}, "style_layers.relu1_1"),
        ({"content_layers": {"relu5_2": 1}}, "content_layers"),
        ({"content_layers": {"relu5_2": 1}, "extractor": "compact"}, "content_layers"),
        ({"style_layers": {"relu3_4": 1}, "extractor": "vgg16"}, "style_layers"),
        ({"iterations": 0}, "iterations"),
        ({"iterations": 5001}, "iterations"),
        ({"min_improvement": 51}, "min_improvement"),
        ({"output_size": 255}, "output_size"),
        ({"resample": "box"}, "resample"),
        ({"keep": "0"}, "keep"),
        (styled(mask="0"), "styles.0.mask"),
        (styled(color="#ff0000"), "styles.0.color"),
        (styled(mask=MASK, color="red"), "styles.0.color"),
        ({"styles": [{"id": "dusk"}, {"id": "dusk"}]}, "styles"),
        ({"styles": [{"id": "dusk", "mask": MASK}, {"id": "dusk", "mask": MASK}]}, "styles"),
    ],
)
def test_what_does_not_fit_is_named(members: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        PaintRequest.model_validate_json(json.dumps(wish(**members)))
    sentence = what_does_not_fit(refused.value.errors())
    assert field in sentence
    assert sentence.endswith(".")
    assert "[key]" not in sentence


@pytest.mark.parametrize(
    "members",
    [
        {"content_layers": {"relu4_2": 1, "relu2_2": 0}, "style_layers": {"relu4_4": 2}},
        {"content_layers": {"relu5_2": 1}, "extractor": "vgg19"},
        {"color_when": "before", "color_method": "linear"},
        {"start": "artwork", "start_job": JOB},
        {"start": "grey"},
        {"output_size": 4096, "size": 256},
        {
            "styles": [
                {"id": "dusk", "mask": MASK, "color": "#00ff00"},
                {"id": "dusk", "mask": MASK, "color": "#ff0000"},
            ]
        },
        {"styles": [{"id": "own_" + "a" * 32}]},
    ],
)
def test_what_fits_is_kept_as_it_was_asked(members: dict[str, Any]) -> None:
    request = PaintRequest.model_validate(wish(**members))
    assert PaintRequest.model_validate_json(request.model_dump_json()) == request


@pytest.mark.parametrize(("asked", "share"), [(True, 1.0), (False, 0.0), (0.25, 0.25), (1, 1.0)])
def test_colors_are_kept_by_a_share_or_by_yes_and_no(asked: float, share: float) -> None:
    assert PaintRequest.model_validate_json(json.dumps(wish(keep_colors=asked))).keep_colors == share


def test_every_mask_is_listed_with_the_field_that_names_it() -> None:
    request = PaintRequest.model_validate(wish(keep=JOB, **styled(mask=MASK)))
    assert request.masks() == {"keep": JOB, "styles.0.mask": MASK}


def test_options_are_the_engines_by_names_defaults_ranges_and_choices() -> None:
    ours = PaintingOptions.model_json_schema()["properties"]
    assert set(ours) == {field.name for field in fields(engine.PaintOptions)}
    assert PaintingOptions().model_dump() == asdict(engine.PaintOptions())
    for name, (low, high) in engine.LIMITS.items():
        (found,) = [part for part in ours[name].get("anyOf", [ours[name]]) if "maximum" in part]
        # Small pictures are for tests only.
        assert (found["minimum"], found["maximum"]) == (256 if name == "size" else low, high), name
    for name, choices in engine.CHOICES.items():
        (found,) = [part for part in ours[name].get("anyOf", [ours[name]]) if "enum" in part]
        assert tuple(found["enum"]) == choices, name


def test_layers_are_the_extractors() -> None:
    blocks = {"compact": COMPACT_BLOCKS, **VGG_BLOCKS}
    assert set(get_args(Extractor)) == {"auto", *blocks}
    for name, lacking in LACKING.items():
        assert [step.layer for step in steps_of(blocks[name])] == [each for each in LAYERS if each not in lacking]


def test_cells_have_the_layers_of_the_engine() -> None:
    assert CELL_LAYERS == cells.CELL_LAYERS
    assert PATCH_LAYERS == patches.PATCH_LAYERS


@pytest.mark.parametrize("loss", ["nearest", "nearest-and-gram"])
def test_a_layer_that_no_cell_has_is_refused_where_cells_are_asked_for(loss: str) -> None:
    nearest = {"style_loss": loss}
    assert PaintingOptions.model_validate({"style_layers": {"relu3_1": 1, "relu5_1": 0}, **nearest})
    with pytest.raises(ValidationError, match="relu5_1, which style_layers names"):
        PaintingOptions.model_validate({"style_layers": {"relu5_1": 1}, **nearest})
    assert PaintingOptions.model_validate({"style_layers": {"relu5_1": 1}, "style_loss": "gram-code"})


def test_what_an_earlier_release_took_is_still_read() -> None:
    assert PaintingOptions.model_validate({"preset": "studio", "style_layers": {"relu5_1": 1}})


def test_painting_options_are_those_that_are_of_no_photo() -> None:
    request = PaintRequest.model_validate(wish(strength=2, keep=MASK))
    assert request.painting() == PaintingOptions(strength=2).model_dump()
