"""Everything that may be asked of a painting, with a real worker: what comes out, and what its file says of it."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageDraw

from app.jobs.files.recipe import KEYWORD
from app.jobs.housekeeping import retention
from app.jobs.models import Enlarging, Job, JobState, PaintRequest, Recoloring
from app.jobs.options import PaintingOptions
from app.jobs.records import accepting
from app.jobs.records.records import JobRecords
from app.jobs.storage import keys
from tests.bench import Bench, StartWorker
from tests.stored import encoded, store_mask, store_painting
from tests.waiting import until
from tests.worker.engine.conftest import draw_painting, draw_photo
from worker.engine.networks.transform_net import About, TransformNet

QUICK = {"size": 256, "quality": "draft", "iterations": 24}
PRESETS = PaintingOptions.model_json_schema()["properties"]["preset"]["enum"]


def done(bench: Bench, job: Job) -> Job:
    ended = bench.ended(job)
    assert ended.state is JobState.FINISHED, ended.error
    return ended


def artwork(bench: Bench, job: Job) -> Image.Image:
    return Image.open(io.BytesIO(bench.storage.get(keys.artwork_key(job.id, job.fence))))


def recipe(bench: Bench, job: Job) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(artwork(bench, job).info[KEYWORD])
    return found


def pixels(image: Image.Image, mode: str = "RGB") -> np.ndarray[Any, Any]:
    return np.asarray(image.convert(mode), dtype=float)


def transparent_photo(bench: Bench, alpha: Image.Image | None) -> str:
    """A photo that is stored as the front end stores one with this transparency."""
    photo = bench.photo()
    if alpha:
        bench.storage.put(keys.photo_alpha_key(photo), encoded(alpha, "PNG"))
    return photo


def recolored(records: JobRecords, job: Job, **colors: Any) -> Job:
    """What the front end makes of a wish for other colours."""
    return accepting.create(records, Recoloring(**colors).of(job.request), 0.0, recolor_of=job.id)


def test_every_preset_paints(bench: Bench, start_worker: StartWorker) -> None:
    start_worker()
    jobs = [bench.job(preset=preset, size=256, iterations=8) for preset in PRESETS]
    for preset, job in zip(PRESETS, jobs, strict=True):
        ended = done(bench, job)
        assert recipe(bench, ended)["options"]["preset"] == preset
        assert pixels(artwork(bench, ended)).std() > 1


def test_regions_own_paintings_and_what_is_kept(bench: Bench, start_worker: StartWorker) -> None:
    start_worker()
    photo = bench.photo()
    style = store_painting(bench.storage, draw_painting(200, 160, seed=9))
    top = Image.new("L", (80, 60))
    ImageDraw.Draw(top).rectangle((0, 0, 79, 19), "white")
    colors = Image.new("RGB", (80, 60), "#ff0000")
    ImageDraw.Draw(colors).rectangle((0, 0, 39, 59), "#0000ff")
    keep = store_mask(bench.storage, photo, top)
    mask = store_mask(bench.storage, photo, colors, {"#ff0000": 0.5, "#0000ff": 0.5})
    styles = [{"id": style, "mask": mask, "color": "#ff0000"}, {"id": "strokes", "mask": mask, "color": "#0000ff"}]
    job = done(bench, bench.job(photo=photo, styles=styles, keep=keep, feather=0, output_size=512, **QUICK))
    image = artwork(bench, job)
    assert image.size == (job.artwork_width, job.artwork_height) == (512, 384)
    original = Image.open(io.BytesIO(bench.storage.get(keys.photo_key(photo)))).resize(image.size)
    difference = np.abs(pixels(image) - pixels(original)).mean(2)
    assert difference[:100].mean() < 6
    assert difference[160:].mean() > 12
    told = recipe(bench, job)
    assert [each["title"] for each in told["styles"]] == ["Own painting", "Strokes"]
    assert [(each["mask"], each["color"]) for each in told["styles"]] == [(1, "#ff0000"), (1, "#0000ff")]
    assert (told["keep"], told["extractor"]["name"]) == (True, "compact")
    text = json.dumps(told)
    assert not [each for each in (photo, keep, mask, style[4:], job.id) if each in text]
    assert bench.storage.exists(keys.canvas_key(job.id, job.fence))


def test_transparency_changes_no_color_and_goes_with_what_is_made_of_it(
    bench: Bench, start_worker: StartWorker
) -> None:
    start_worker()
    alpha = Image.linear_gradient("L").rotate(90).resize((400, 300))
    photo = transparent_photo(bench, alpha)
    wish = QUICK | {"photo": photo, "seed": 5}
    plain = done(bench, bench.job(**wish))
    clear = done(bench, bench.job(keep_transparency=True, output_size=301, **wish))
    assert artwork(bench, plain).mode == "RGB"
    assert recipe(bench, clear)["keep_transparency"] is True

    def opacity(job: Job) -> np.ndarray[Any, Any]:
        image = artwork(bench, job)
        expected = np.asarray(alpha.resize(image.size, Image.Resampling.BOX), dtype=float)
        assert image.mode == "RGBA"
        found = np.asarray(image.getchannel("A"), dtype=float)
        assert np.abs(found - expected).max() <= 3
        deep = tifffile.imread(io.BytesIO(bench.storage.get(keys.print_key(job.id, job.fence))))
        assert np.abs(deep[..., 3] / 257 - expected).max() <= 3
        return found

    assert opacity(clear).shape == (226, 301)
    same = done(bench, bench.job(keep_transparency=True, **wish))
    opacity(same)
    assert np.array_equal(pixels(artwork(bench, same)), pixels(artwork(bench, plain)))
    # Recoloured from an artwork that is its own canvas, and painted over.
    other = done(bench, recolored(bench.records, same))
    opacity(other)
    expected = done(bench, recolored(bench.records, plain))
    assert np.array_equal(pixels(artwork(bench, other)), pixels(artwork(bench, expected)))
    over, under = (
        done(bench, bench.job(start="artwork", start_job=each.id, keep_transparency=each is same, **wish))
        for each in (same, plain)
    )
    opacity(over)
    assert np.array_equal(pixels(artwork(bench, over)), pixels(artwork(bench, under)))


def test_an_artwork_is_enlarged_and_recoloured_at_that_size(bench: Bench, start_worker: StartWorker) -> None:
    start_worker()
    job = done(bench, bench.job(keep_colors=0.5, **QUICK))
    large = done(bench, accepting.create(bench.records, Enlarging().of(job.request, 256), 0.0, recolor_of=job.id))
    image = artwork(bench, large)
    assert image.size == (large.artwork_width, large.artwork_height) == (512, 384)
    shrunk = image.resize((256, 192), Image.Resampling.BOX)
    assert np.abs(pixels(shrunk) - pixels(artwork(bench, job))).mean() < 8
    told = recipe(bench, large)
    assert (told["options"]["output_size"], told["options"]["resample"]) == (512, "network")
    assert len(told["upscaler"]) == 64
    assert told["extractor"] == recipe(bench, job)["extractor"]
    other = done(bench, recolored(bench.records, large, keep_colors=0.0))
    assert artwork(bench, other).size == (512, 384)
    assert recipe(bench, other)["upscaler"] == told["upscaler"]
    # As if it had been asked for at once.
    at_once = done(
        bench, bench.job(photo=job.request.photo, keep_colors=0.5, output_size=512, resample="network", **QUICK)
    )
    assert np.abs(pixels(artwork(bench, at_once)) - pixels(image)).mean() < 1
    assert recipe(bench, at_once)["upscaler"] == told["upscaler"]


def test_an_opaque_photo_gives_an_opaque_artwork(bench: Bench, start_worker: StartWorker) -> None:
    start_worker()
    job = done(bench, bench.job(photo=transparent_photo(bench, None), keep_transparency=True, **QUICK))
    assert artwork(bench, job).mode == "RGB"


def test_other_colors_without_painting(bench: Bench, start_worker: StartWorker) -> None:
    start_worker()
    painted = done(bench, bench.job(seed=5, **QUICK))
    assert not bench.storage.exists(keys.canvas_key(painted.id, painted.fence))
    photo = Image.open(io.BytesIO(bench.storage.get(keys.photo_key(painted.request.photo))))
    job = done(bench, recolored(bench.records, painted))
    image, original = artwork(bench, job), artwork(bench, painted)
    luma, blue, red = np.moveaxis(pixels(image, "YCbCr") - pixels(original, "YCbCr"), 2, 0)
    chroma = pixels(image, "YCbCr") - pixels(photo.resize(image.size, Image.Resampling.LANCZOS), "YCbCr")
    # The strokes' luminance, the photo's chroma, but for colours that no screen has.
    assert np.median(np.abs(luma)) <= 1
    assert np.median(np.abs(chroma[..., 1:])) <= 1
    assert np.abs(blue).mean() + np.abs(red).mean() > 4
    assert bench.storage.get(keys.preview_key(job.id, job.preview_fence, job.preview))
    told = recipe(bench, job)
    assert told["options"] == recipe(bench, painted)["options"] | {"keep_colors": 1.0}
    assert told["extractor"] == recipe(bench, painted)["extractor"]
    # And the painting's own colours back, from the job that has none of them any more.
    back = done(bench, recolored(bench.records, job, keep_colors=0))
    assert np.array_equal(pixels(artwork(bench, back)), pixels(original))
    # An artwork that is gone has no strokes to keep.
    retention.delete_job(bench.records, painted)
    lost = bench.ended(recolored(bench.records, painted))
    assert lost.error
    assert lost.error.code == "canvas_gone"


def test_a_painting_goes_on_from_an_artwork(bench: Bench, start_worker: StartWorker) -> None:
    start_worker()
    photo = bench.photo(draw_photo(320, 240))
    first = done(bench, bench.job(photo=photo, **QUICK))
    wish = {"photo": photo, "start": "artwork", "start_job": first.id, **QUICK}
    second = done(bench, bench.job(**wish))
    from_noise = done(bench, bench.job(photo=photo, **{**QUICK, "start": "noise"}))
    begun = pixels(artwork(bench, first))
    near, far = (np.abs(pixels(artwork(bench, each)) - begun).mean() for each in (second, from_noise))
    assert near < far
    retention.delete_job(bench.records, first)
    lost = bench.ended(bench.job(**wish))
    assert lost.error
    assert lost.error.code == "start_gone"


def test_a_job_that_waits_for_a_stand_in_can_be_stopped(bench: Bench, start_worker: StartWorker) -> None:
    start_worker()
    job = bench.job(styles=[{"id": "starry_night"}], pooling="max")
    until(lambda: bench.records.get(job.id).state is JobState.RUNNING, "the job to begin")
    bench.records.request_cancel(job.id)
    ended = bench.ended(job, within_s=60)
    assert ended.state is JobState.CANCELLED
    assert not ended.has_artwork
    assert bench.storage.list("fingerprints/") == []


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"keep": "1" * 32}, "mask_gone"),
        ({"styles": [{"id": f"own_{'2' * 32}"}]}, "painting_gone"),
        ({"extractor": "vgg16"}, "extractor_unavailable"),
        ({"extractor": "vgg19", "content_layers": {"relu5_4": 1}}, "extractor_unavailable"),
    ],
)
def test_what_is_not_there_any_more_ends_the_job_with_a_sentence(
    bench: Bench, start_worker: StartWorker, members: dict[str, Any], code: str
) -> None:
    start_worker()
    job = bench.ended(bench.job(**members))
    assert job.state is JobState.FAILED
    assert job.error
    assert job.error.code == code


def test_a_mask_that_leaves_nothing_ends_the_job_with_a_sentence(bench: Bench, start_worker: StartWorker) -> None:
    start_worker()
    photo = bench.photo()
    keep = store_mask(bench.storage, photo, Image.new("L", (8, 8), "white"))
    job = bench.ended(bench.job(photo=photo, keep=keep))
    assert job.error
    assert job.error.code == "mask_empty"


def test_a_request_that_says_yes_to_colors_is_painted_as_before() -> None:
    old = {"photo": "0" * 32, "styles": [{"id": "strokes", "weight": 1.0}], "size": 512, "keep_colors": True}
    request = PaintRequest.model_validate_json(json.dumps(old))
    assert (request.keep_colors, request.color_method, request.preset) == (1.0, "luminance", "studio")


def test_a_painting_with_a_network_is_painted_in_one_pass(
    bench: Bench, start_worker: StartWorker, tmp_path: Path
) -> None:
    folder = tmp_path / "own" / "waves"
    folder.mkdir(parents=True)
    draw_painting().save(folder / "any.png")
    network = TransformNet(About(arch="c5s1-4,d6,u4,c5s1-3"))
    network.save(folder / "network.safetensors", network.about)
    start_worker(ATELIER_STYLES=str(folder.parent))
    job = done(bench, bench.job(styles=[{"id": "waves"}], quality="good", keep_colors=0.5))
    image = artwork(bench, job)
    assert image.size == (job.artwork_width, job.artwork_height)
    assert max(image.size) == 256
    told = recipe(bench, job)
    assert told["network"]["weights"] == hashlib.sha256((folder / "network.safetensors").read_bytes()).hexdigest()
    assert told["styles"][0]["id"] == "waves"
    assert "extractor" not in told
    assert job.preview == 1
    assert bench.storage.exists(keys.preview_key(job.id, job.fence, 1))
    assert bench.storage.exists(keys.canvas_key(job.id, job.fence))
