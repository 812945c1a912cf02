"""Loading what a job asks for, with the engine itself."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from app.jobs.ids import OWN_PREFIX, own_painting
from app.jobs.models import Job, JobState, PaintRequest, StyleChoice
from app.jobs.storage import keys
from app.jobs.storage.local import LocalStorage
from app.settings import Settings
from tests import earlier
from tests.stored import encoded, store_mask, store_painting, store_part_map
from tests.worker.conftest import WISH
from tests.worker.engine.conftest import draw_painting, draw_photo, narrow_extractor
from worker import engine
from worker.engine.networks.transform_net import About
from worker.engine.style.codebook import Codebook
from worker.job.failures import JobFailedError
from worker.job.materials import Commission, Materials
from worker.job.sitting import NotBegunError
from worker.machine.devices import Device

BUILT_IN = "starry_night"
PHOTO = draw_photo()


@pytest.fixture
def materials(tmp_path: Path) -> Materials:
    own = tmp_path / "own"
    own.mkdir()
    draw_painting(200, 160).save(own / "strokes.png")
    draw_painting(160, 160, seed=5).save(own / "dashes.png")
    (own / "torn.png").write_bytes((own / "strokes.png").read_bytes()[:500])
    settings = Settings(data=tmp_path / "data", styles=own)
    return Materials(settings, LocalStorage(settings.data), Device("cpu"))


def commission(materials: Materials, **wish: Any) -> Commission:
    return materials.commission(PaintRequest.model_validate(WISH.model_dump() | wish), PHOTO)


def failure(materials: Materials, **wish: Any) -> str:
    with pytest.raises(JobFailedError) as caught:
        commission(materials, **wish)
    return caught.value.error.code


def fingerprint(materials: Materials, **wish: Any) -> engine.Fingerprint:
    (region,) = commission(materials, **wish).scene.regions
    return region.style


@pytest.fixture
def quick_stand_ins(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stand-ins of the size of a stamp, and the extractors that they were made with."""
    made, whole = [], engine.repaint

    def small(codebook: Codebook, extractor: engine.Extractor, **_after: Any) -> Image.Image:
        made.append(extractor.name)
        return whole(codebook, extractor, 64)

    monkeypatch.setattr(engine, "repaint", small)
    return made


def test_an_owners_painting_is_measured_once_and_then_read(materials: Materials) -> None:
    first, again = (fingerprint(materials) for _ in range(2))
    (kept,) = materials.storage.list("fingerprints/")
    assert commission(materials).extractor.weights_hash[:12] in kept
    for layer, statistics in first.at(128).items():
        assert torch.equal(statistics.moment, again.at(128)[layer].moment)


def test_what_is_kept_is_not_written_again(materials: Materials) -> None:
    commission(materials)
    (kept,) = materials.storage.list("fingerprints/")
    written = (materials.settings.data / kept).stat().st_mtime_ns
    commission(materials)
    assert (materials.settings.data / kept).stat().st_mtime_ns == written


def test_a_fingerprint_of_the_same_bytes_read_otherwise_is_not_reused(materials: Materials) -> None:
    """Earlier releases heeded no profile, and named what they had measured by the file's bytes."""
    right = fingerprint(materials)
    (kept,) = materials.storage.list("fingerprints/")
    assert materials.settings.styles is not None
    content = (materials.settings.styles / "strokes.png").read_bytes()
    # Named as before, and measured of another picture.
    fingerprint(materials, styles=[{"id": "dashes"}])
    other = next(key for key in materials.storage.list("fingerprints/") if key != kept)
    name = hashlib.sha256(content).hexdigest() + kept[kept.index(".") :]
    materials.storage.put(f"fingerprints/{name}", materials.storage.get(other))
    again = fingerprint(materials)
    assert again.palette is not None
    assert right.palette is not None
    assert torch.equal(again.palette.mean, right.palette.mean)


def test_a_damaged_kept_fingerprint_is_measured_again(materials: Materials) -> None:
    commission(materials)
    (kept,) = materials.storage.list("fingerprints/")
    good = materials.storage.get(kept)
    materials.storage.put(kept, good[:100])
    commission(materials)
    assert len(materials.storage.get(kept)) == len(good)


def test_a_fingerprint_of_an_earlier_release_is_measured_again_for_its_palette(
    materials: Materials, tmp_path: Path
) -> None:
    found = fingerprint(materials)
    (kept,) = materials.storage.list("fingerprints/")
    engine.Fingerprint(found.extractor, found.weights_hash, found.scales).save(tmp_path / "old")
    materials.storage.put(kept, (tmp_path / "old").read_bytes())
    assert fingerprint(materials).palette


@pytest.mark.parametrize(
    "options",
    [
        {"pooling": "max"},
        {"style_layers": {"relu3_2": 1.0}},
        {"preset": "inetwork-paper"},
        {"preset": "inetwork-as-shipped"},
        {"preset": "multiscale-w2"},
    ],
)
def test_paintings_are_measured_as_the_options_need(materials: Materials, options: dict[str, Any]) -> None:
    usual = fingerprint(materials)
    asked = commission(materials, **options)
    needs = engine.needs(asked.options, asked.extractor)
    assert asked.scene.regions[0].style.covers(*needs)
    assert not usual.covers(*needs)
    assert len(materials.storage.list("fingerprints/")) == 2


def test_a_shipped_fingerprint_is_used_as_it_is(materials: Materials, quick_stand_ins: list[str]) -> None:
    assert set(fingerprint(materials, styles=[{"id": BUILT_IN}]).scales) == {128, 256, 512, 1024}
    assert materials.storage.list("fingerprints/") == []
    assert quick_stand_ins == []


def test_where_it_does_not_do_a_stand_in_is_made_once_and_measured(
    materials: Materials, quick_stand_ins: list[str]
) -> None:
    shipped = fingerprint(materials, styles=[{"id": BUILT_IN}])
    for options in ({"pooling": "max"}, {"pooling": "max"}, {"preset": "inetwork-paper"}):
        asked = commission(materials, styles=[{"id": BUILT_IN}], **options)
        found = asked.scene.regions[0].style
        assert found.covers(*engine.needs(asked.options, asked.extractor))
        # Colours are the painting's own, not the stand-in's.
        assert found.palette
        assert shipped.palette
        assert torch.equal(found.palette.mean, shipped.palette.mean)
    assert quick_stand_ins == ["compact"]
    (drawn,) = [key for key in materials.storage.list("fingerprints/") if key.endswith(".png")]
    with Image.open(io.BytesIO(materials.storage.get(drawn))) as image:
        assert max(image.size) == 64


def test_a_damaged_stand_in_is_made_again(materials: Materials, quick_stand_ins: list[str]) -> None:
    commission(materials, styles=[{"id": BUILT_IN}], pooling="max")
    for key in materials.storage.list("fingerprints/"):
        materials.storage.put(key, b"torn")
    commission(materials, styles=[{"id": BUILT_IN}], pooling="max")
    assert len(quick_stand_ins) == 2


def test_a_stand_in_that_is_given_up_leaves_nothing(materials: Materials) -> None:
    calls = 0

    def after() -> None:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise NotBegunError

    wish = WISH.model_copy(update={"styles": [StyleChoice(id=BUILT_IN)], "pooling": "max"})
    with pytest.raises(NotBegunError):
        materials.commission(wish, PHOTO, after=after)
    assert calls == 5
    assert materials.storage.list("fingerprints/") == []


def test_an_own_paintings_fingerprint_lies_beside_it(materials: Materials) -> None:
    style = store_painting(materials.storage, draw_painting(200, 160))
    identifier = style.removeprefix(OWN_PREFIX)
    commission(materials, styles=[{"id": style}])
    commission(materials, styles=[{"id": style}], pooling="l2")
    folder = materials.storage.list(keys.painting_prefix(identifier))
    assert len([key for key in folder if "/fingerprint." in key]) == 2
    assert materials.storage.list("fingerprints/") == []


@pytest.fixture
def original(materials: Materials) -> Image.Image:
    """A fetched original of the built-in painting."""
    folder = materials.settings.originals_cache
    folder.mkdir(parents=True)
    picture = draw_painting(400, 320)
    picture.save(folder / f"{BUILT_IN}.png")
    return picture


def test_a_fetched_original_is_measured_where_the_shipped_fingerprint_does_not_do(
    materials: Materials, original: Image.Image
) -> None:
    asked = commission(materials, styles=[{"id": BUILT_IN}], pooling="max")
    found = asked.scene.regions[0].style
    expected = engine.fingerprint_of(original, asked.extractor, pooling="max")
    for layer, statistics in expected.at(256).items():
        torch.testing.assert_close(found.at(256)[layer].mean, statistics.mean, rtol=1e-2, atol=1e-3)
    assert found.palette
    assert expected.palette
    torch.testing.assert_close(found.palette.mean, expected.palette.mean)
    # Measured once, under the pixels' own hash; nothing stood in for it.
    (kept,) = materials.storage.list("fingerprints/")
    digest = hashlib.sha256(repr(original.size).encode() + original.tobytes()).hexdigest()
    assert kept.startswith(f"fingerprints/{digest}.")


def test_a_shipped_fingerprint_goes_before_a_fetched_original(materials: Materials, original: Image.Image) -> None:
    assert set(fingerprint(materials, styles=[{"id": BUILT_IN}]).scales) == {128, 256, 512, 1024}
    assert materials.storage.list("fingerprints/") == []


def test_something_stands_in_for_a_damaged_original(
    materials: Materials, original: Image.Image, quick_stand_ins: list[str]
) -> None:
    path = materials.settings.originals_cache / f"{BUILT_IN}.png"
    path.write_bytes(path.read_bytes()[:500])
    commission(materials, styles=[{"id": BUILT_IN}], pooling="max")
    assert quick_stand_ins == ["compact"]


@pytest.mark.parametrize("is_fetched", [False, True])
def test_auto_falls_back_to_compact_only_for_paintings_that_it_could_not_measure(
    materials: Materials, is_fetched: bool, request: pytest.FixtureRequest
) -> None:
    if is_fetched:
        request.getfixturevalue("original")
    # As where CUDA and VGG-19's weights are.
    materials._extractors["auto"] = narrow_extractor()
    wish = {"content_layers": {"relu3_1": 1.0}, "style_layers": {"relu2_1": 1.0}}
    assert commission(materials, **wish).extractor.name == "narrow"
    found = commission(materials, styles=[{"id": BUILT_IN}], **wish).extractor.name
    assert found == ("narrow" if is_fetched else "compact")


def test_a_deleted_own_painting_fails_its_jobs_also_if_it_was_measured(materials: Materials) -> None:
    style = store_painting(materials.storage, draw_painting(200, 160))
    identifier = style.removeprefix(OWN_PREFIX)
    commission(materials, styles=[{"id": style}])
    materials.storage.delete(keys.painting_meta_key(identifier))
    assert failure(materials, styles=[{"id": style}]) == "painting_gone"
    materials.storage.delete_prefix(keys.painting_prefix(identifier))
    assert failure(materials, styles=[{"id": style}]) == "painting_gone"


def test_paintings_that_cannot_be_used_are_named_with_a_reason(materials: Materials) -> None:
    assert failure(materials, styles=[{"id": "nowhere"}]) == "style_gone"
    assert failure(materials, styles=[{"id": "strokes"}, {"id": "torn"}]) == "style_damaged"


def test_asking_for_vgg19_without_its_weights_says_how_to_get_them(materials: Materials) -> None:
    with pytest.raises(engine.ExtractorUnavailableError, match="fetch vgg19"):
        commission(materials, extractor="vgg19")


def test_a_layer_that_the_found_extractor_lacks_is_named(materials: Materials) -> None:
    materials.settings = materials.settings.model_copy(update={"extractor": "compact"})
    wish = WISH.model_copy(update={"content_layers": {"relu5_4": 1.0}})
    with pytest.raises(JobFailedError) as caught:
        materials.commission(wish, PHOTO)
    assert caught.value.error.code == "options_unfit"
    assert "content_layers" in caught.value.error.message
    assert "relu5_4" in caught.value.error.message


def test_every_option_reaches_the_engine_by_its_name(materials: Materials) -> None:
    asked = {"seed": 3, "brush": 2.0, "feather": 0.05, "guides": "all", "keep_colors": 0.5, "start": "grey"}
    asked |= {"color_method": "histogram", "iterations": 7, "min_improvement": 1.0, "output_size": 300}
    options = commission(materials, **asked).options
    assert {name: getattr(options, name) for name in asked} == asked


def test_the_network_that_enlarges_is_there_where_it_is_asked_for(materials: Materials) -> None:
    scenes = [commission(materials, resample=name).scene for name in ("network", "network", "lanczos")]
    assert scenes[0].upscaler is not None
    assert scenes[0].upscaler is scenes[1].upscaler
    assert scenes[2].upscaler is None


def test_styles_of_one_place_are_blended_and_places_become_regions(materials: Materials) -> None:
    mask = Image.new("L", (40, 20))
    ImageDraw.Draw(mask).rectangle((0, 0, 19, 19), "white")
    mask_id = store_mask(materials.storage, WISH.photo, mask)
    styles = [{"id": "strokes", "mask": mask_id}, {"id": "dashes", "weight": 3}, {"id": "strokes"}]
    scene = commission(materials, styles=styles, keep=mask_id, color_mask=mask_id).scene
    masked, rest = scene.regions
    assert masked.mask is not None
    assert masked.mask.tobytes() == mask.tobytes()
    assert rest.mask is None
    parts = [fingerprint(materials, styles=[{"id": name}]).at(128)["relu3_1"].mean for name in ("dashes", "strokes")]
    torch.testing.assert_close(rest.style.at(128)["relu3_1"].mean, 0.75 * parts[0] + 0.25 * parts[1])
    for other in (scene.keep, scene.color_mask):
        assert other is not None
        assert other.tobytes() == mask.tobytes()


def test_colors_of_a_map_become_regions_and_what_nobody_asked_for_belongs_to_none(materials: Materials) -> None:
    colors = Image.new("RGB", (30, 10), "#ff0000")
    pen = ImageDraw.Draw(colors)
    pen.rectangle((10, 0, 19, 9), "#00ff00")
    pen.rectangle((20, 0, 29, 9), "#0000ff")
    shares = {"#ff0000": 0.3, "#00ff00": 0.3, "#0000ff": 0.3}
    mask_id = store_mask(materials.storage, WISH.photo, colors, shares)
    # Nearly red means red, so both are painted in one place.
    asked = [("strokes", "#f01010"), ("dashes", "#ff0000"), ("strokes", "#00ff00")]
    styles = [{"id": name, "mask": mask_id, "color": color} for name, color in asked]
    red, green = commission(materials, styles=styles).scene.regions
    assert red.mask
    assert green.mask
    row = [red.mask.getpixel((x, 5)) for x in (5, 15, 25)], [green.mask.getpixel((x, 5)) for x in (5, 15, 25)]
    assert row == ([255, 0, 0], [0, 255, 0])


def test_parts_of_a_painting_are_regions_of_their_own_cells(materials: Materials) -> None:
    doodle = Image.new("RGB", (64, 48), "#2a4fb0")
    doodle.paste("#ffd83d", (0, 0, 20, 20))
    mask = store_mask(materials.storage, WISH.photo, doodle, {"#2a4fb0": 0.87, "#ffd83d": 0.13})
    styles = [
        {"id": BUILT_IN, "part": part, "mask": mask, "color": color}
        for part, color in (("sky", "#2a4fb0"), ("stars and moon", "#ffd83d"))
    ]
    sky, stars = commission(materials, styles=styles, preset="doodle").scene.regions
    whole = fingerprint(materials, styles=[{"id": BUILT_IN}])
    assert sky.style.scales.keys() == whole.scales.keys()
    assert len(sky.style.book(512).masses) != len(whole.book(512).masses)
    for region, (first, second) in ((sky, (2, 0)), (stars, (0, 2))):  # blue, and yellow
        assert region.style.palette is not None
        assert region.style.palette.mean[first] > region.style.palette.mean[second]
    assert failure(materials, styles=[{"id": BUILT_IN, "part": "sea"}], preset="doodle") == "part_gone"
    assert failure(materials, styles=[{"id": "strokes", "part": "sky"}], preset="doodle") == "part_gone"


def test_an_own_paintings_parts_are_measured_by_its_map_and_lie_beside_it(materials: Materials) -> None:
    painting = Image.new("RGB", (200, 160), (200, 30, 30))
    painting.paste((20, 40, 160), (0, 80, 200, 160))
    style_id = store_painting(materials.storage, painting)
    own = own_painting(style_id)
    assert own
    halves = Image.fromarray(np.repeat(np.array([[0], [255]], np.uint8), 4, 0))
    map_id = store_part_map(materials.storage, own, halves, {"#000000": 0.5, "#ffffff": 0.5})
    for part, channel in (("#000000", 0), ("#ffffff", 2)):
        styles = [{"id": style_id, "part": part, "part_map": map_id}]
        for _ in range(2):  # measured, then read
            palette = fingerprint(materials, styles=styles, preset="doodle").palette
            assert palette is not None
            assert int(palette.mean.argmax()) == channel
    kept = [key for key in materials.storage.list(keys.painting_prefix(own)) if ".parts-" in key]
    assert len(kept) == 1
    materials.storage.delete(keys.part_map_meta_key(own, map_id))
    assert failure(materials, styles=styles, preset="doodle") == "part_gone"


@pytest.mark.parametrize("where", ["keep", "color_mask"])
def test_a_mask_that_is_gone_fails_the_job(materials: Materials, where: str) -> None:
    assert failure(materials, **{where: "1" * 32}) == "mask_gone"
    assert failure(materials, styles=[{"id": "strokes", "mask": "1" * 32, "color": "#ff0000"}]) == "mask_gone"


def finished(materials: Materials, artwork: Image.Image, **wish: Any) -> Job:
    request = WISH.model_copy(update=wish)
    job = Job(id="c" * 32, state=JobState.FINISHED, request=request, planned_work=1, created_at=0, fence=2)
    materials.storage.put(keys.artwork_key(job.id, job.fence), encoded(artwork, "PNG"))
    return job


def test_an_artwork_to_start_from_is_that_of_its_job(materials: Materials) -> None:
    job = finished(materials, Image.new("RGB", (30, 20), "#123456"))
    wish = WISH.model_copy(update={"start": "artwork", "start_job": job.id})
    start = materials.commission(wish, PHOTO, job).scene.start
    assert start
    assert start.getpixel((3, 3)) == (0x12, 0x34, 0x56)
    materials.storage.delete(keys.artwork_key(job.id, job.fence))
    with pytest.raises(JobFailedError) as caught:
        materials.commission(wish, PHOTO, job)
    assert caught.value.error.code == "start_gone"


def test_the_canvas_is_the_artwork_unless_something_was_changed_after_painting(materials: Materials) -> None:
    canvas, recipe = materials.canvas(finished(materials, Image.new("RGB", (30, 20), "#123456")))
    assert (255 * canvas[0, :, 3, 3]).tolist() == pytest.approx([0x12, 0x34, 0x56], abs=0.01)
    assert recipe is None
    job = finished(materials, Image.new("RGB", (30, 20)), keep_colors=1.0)
    with pytest.raises(JobFailedError) as caught:
        materials.canvas(job)
    assert caught.value.error.code == "canvas_gone"


def test_a_painting_with_a_network_is_painted_by_it_where_it_can_do_what_is_asked(materials: Materials) -> None:
    assert materials.settings.styles
    folder = materials.settings.styles / "waves"
    folder.mkdir()
    draw_painting().save(folder / "any.png")
    network = engine.TransformNet(About(arch="c5s1-4,c5s1-3"))
    network.save(folder / "network.safetensors", network.about)

    def found(**wish: Any) -> engine.TransformNet | None:
        wish = {"styles": [StyleChoice(id="waves")]} | wish
        return materials.network(PaintRequest.model_validate(WISH.model_dump() | wish))

    loaded = found()
    assert loaded
    assert found(size=2048, keep_colors=0.5, output_size=512) is loaded
    for wish in ({"strength": 2}, {"preset": "instant"}, {"quality": "best"}, {"extractor": "compact"}, {"seed": 3}):
        assert found(**wish) is None, wish
    assert found(styles=[StyleChoice(id="waves"), StyleChoice(id="strokes")]) is None
    assert found(styles=[StyleChoice(id="strokes")]) is None
    assert found(styles=[StyleChoice(id="waves", mask="0" * 32)]) is None
    materials.forget()
    (folder / "network.safetensors").write_bytes(b"torn")
    with pytest.raises(JobFailedError) as caught:
        found()
    assert caught.value.error.code == "style_damaged"


def test_a_stored_photo_is_read_as_jpeg_and_nothing_else(materials: Materials, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "photo.png")
    materials.storage.put(keys.photo_key(WISH.photo), (tmp_path / "photo.png").read_bytes())
    with pytest.raises(JobFailedError) as caught:
        materials.photo(WISH)
    assert caught.value.error.code == "photo_damaged"


def test_transparency_is_the_photos_where_it_is_asked_for(materials: Materials) -> None:
    alpha = Image.linear_gradient("L")
    asks = WISH.model_copy(update={"keep_transparency": True})
    assert materials.alpha(asks) is None
    materials.storage.put(keys.photo_alpha_key(WISH.photo), encoded(alpha, "PNG"))
    assert materials.alpha(WISH) is None
    found = materials.alpha(asks)
    assert found is not None
    assert (found == np.asarray(alpha)).all()


def test_damaged_transparency_fails_the_job_before_it_is_painted(materials: Materials) -> None:
    materials.storage.put(keys.photo_alpha_key(WISH.photo), encoded(Image.linear_gradient("L"), "PNG")[:200])
    with pytest.raises(JobFailedError) as caught:
        materials.alpha(WISH.model_copy(update={"keep_transparency": True}))
    assert caught.value.error.code == "photo_damaged"


def test_the_newest_readable_checkpoint_is_taken(materials: Materials, tmp_path: Path) -> None:
    request = PaintRequest(photo="0" * 32, styles=[StyleChoice(id="strokes")])
    job = Job(id="a" * 32, state=JobState.RUNNING, request=request, planned_work=1.0, created_at=0)
    assert materials.checkpoint([job.id]) is None
    for fence in (2, 10):
        path = tmp_path / "checkpoint"
        engine.Checkpoint(torch.zeros(1, 3, 2, 2), stage=fence, iteration=1, seed=0, plan="").save(path)
        materials.storage.put(keys.checkpoint_key(job.id, fence), path.read_bytes())
    newest = materials.checkpoint([job.id])
    assert newest
    assert newest.stage == 10
    materials.storage.put(keys.checkpoint_key(job.id, 11), b"half")
    newest = materials.checkpoint([job.id])
    assert newest
    assert newest.stage == 10


def test_a_checkpoint_of_the_release_before_is_found(materials: Materials) -> None:
    earlier.store(materials.storage)
    checkpoint = materials.checkpoint([earlier.RUNNING])
    assert checkpoint
    assert (checkpoint.stage, checkpoint.iteration, checkpoint.seed, checkpoint.plan) == (1, 5, 7, "a plan")
    assert torch.equal(checkpoint.iterate, torch.arange(12.0).reshape(1, 3, 2, 2) / 16)
