from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from tests.worker.engine.conftest import broken_off, content_loss, draw_photo, watched
from worker.engine import (
    Checkpoint,
    CheckpointMismatchError,
    Extractor,
    Fingerprint,
    FingerprintMismatchError,
    PaintOptions,
    Scene,
    paint,
)
from worker.engine.images import to_tensor
from worker.engine.networks.extractors import CONTENT_LAYER, STYLE_LAYERS
from worker.engine.paint import REBUILT
from worker.engine.style.statistics import gram

QUICK = PaintOptions(size=256, quality="draft")


def relative_distance(found: Tensor, target: Tensor) -> float:
    return ((found - target).square().sum() / target.square().sum()).item()


def distances(image: Image.Image, photo: Image.Image, style: Fingerprint, extractor: Extractor) -> tuple[float, float]:
    """(style, content) losses of a picture, from the extractor directly."""
    taps = extractor(to_tensor(image))
    target = extractor(to_tensor(photo, image.size))
    wanted = style.at(max(image.size))
    styles = [relative_distance(gram(taps[layer]), wanted[layer].moment) for layer in STYLE_LAYERS]
    return sum(styles) / len(styles), content_loss(taps[CONTENT_LAYER], target[CONTENT_LAYER]).item()


@pytest.fixture(scope="module")
def pastiche(photo: Image.Image, style: Fingerprint, extractor: Extractor) -> Image.Image:
    return paint(Scene.of(photo, style), extractor, QUICK).picture.image()


def test_pastiche_has_the_asked_size_the_paintings_style_and_the_photos_content(
    pastiche: Image.Image, photo: Image.Image, painting: Image.Image, style: Fingerprint, extractor: Extractor
) -> None:
    assert pastiche.size == (256, 192)
    photos_style, _ = distances(photo.resize(pastiche.size), photo, style, extractor)
    _, paintings_content = distances(painting.resize(pastiche.size), photo, style, extractor)
    style_after, content_after = distances(pastiche, photo, style, extractor)
    assert style_after < photos_style / 4
    assert content_after < paintings_content / 1.5  # the photo's shapes; in the painting's colours, which count too


@pytest.mark.kernels
def test_same_seed_gives_the_same_bytes_and_another_seed_others(
    pastiche: Image.Image, photo: Image.Image, style: Fingerprint, extractor: Extractor
) -> None:
    assert paint(Scene.of(photo, style), extractor, QUICK).picture.image().tobytes() == pastiche.tobytes()
    other = paint(Scene.of(photo, style), extractor, PaintOptions(size=256, quality="draft", seed=1)).picture.image()
    assert np.abs(np.asarray(other, int) - np.asarray(pastiche, int)).mean() > 1


def test_more_strength_is_nearer_to_the_painting_and_less_nearer_to_the_photo(
    photo: Image.Image, style: Fingerprint, extractor: Extractor
) -> None:
    def painted(strength: float) -> tuple[float, float]:
        image = paint(
            Scene.of(photo, style), extractor, PaintOptions(size=256, quality="draft", strength=strength)
        ).picture.image()
        return distances(image, photo, style, extractor)

    gentle, bold = painted(0.1), painted(10.0)
    assert bold[0] < gentle[0]
    assert gentle[1] < bold[1]


def test_progress_rises_evaluation_by_evaluation_to_one(
    photo: Image.Image, style: Fingerprint, extractor: Extractor
) -> None:
    _, seen = watched(Scene.of(photo, style), extractor, QUICK)
    fractions = [each.fraction for each in seen]
    assert fractions == sorted(set(fractions))
    assert fractions[-1] == pytest.approx(1)
    assert [each.scale for each in seen if each.iteration == each.iterations] == [64, 128, 256]


def test_stopping_returns_the_newest_iterate_at_once(
    photo: Image.Image, style: Fingerprint, extractor: Extractor
) -> None:
    stopped, seen = watched(Scene.of(photo, style), extractor, QUICK, 3)
    assert stopped.stopped
    assert len(seen) == 3
    assert stopped.picture.image().tobytes() == seen[-1].image().tobytes()


def test_one_evaluation_more_never_makes_a_short_painting_worse(
    photo: Image.Image, style: Fingerprint, extractor: Extractor
) -> None:
    """L-BFGS's third step leads too far here."""
    scene, losses = Scene.of(photo, style), []
    for iterations in (2, 3, 4, 5):
        options = PaintOptions(preset="seed", start="photo", size=128, iterations=iterations)
        canvas = to_tensor(paint(scene, extractor, options).canvas.image())
        losses.append(scene.objective((128, 96), scene.brief(options, extractor))(canvas).item())
    assert losses == sorted(losses, reverse=True)


def test_resuming_from_a_saved_checkpoint_ends_as_well_as_without_a_break(
    tmp_path: Path, pastiche: Image.Image, photo: Image.Image, style: Fingerprint, extractor: Extractor
) -> None:
    scene, path = Scene.of(photo, style), tmp_path / "checkpoint.safetensors"
    broken_off(scene, extractor, QUICK, lambda each: each.iteration == 9).save(path)
    resumed, seen = watched(scene, extractor, QUICK, resume=Checkpoint.load(path))
    assert (seen[0].stage, seen[0].iteration) == (seen[0].stages - 1, 9 - REBUILT + 1)
    whole, after = (
        distances(pastiche, photo, style, extractor),
        distances(resumed.picture.image(), photo, style, extractor),
    )
    assert after[0] < whole[0] * 1.2
    assert after[1] < whole[1] * 1.2


def test_a_checkpoint_of_other_options_or_a_damaged_one_is_refused(
    tmp_path: Path, photo: Image.Image, style: Fingerprint, extractor: Extractor
) -> None:
    found = broken_off(Scene.of(photo, style), extractor, QUICK, lambda _: True)
    with pytest.raises(CheckpointMismatchError):
        paint(Scene.of(photo, style), extractor, PaintOptions(size=300), resume=found)
    path = tmp_path / "checkpoint.safetensors"
    found.save(path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(CheckpointMismatchError, match="damaged"):
        Checkpoint.load(path)


def test_a_fingerprint_of_other_weights_is_refused(
    photo: Image.Image, style: Fingerprint, extractor: Extractor
) -> None:
    with pytest.raises(FingerprintMismatchError):
        paint(Scene.of(photo, Fingerprint("compact", "0" * 64, style.scales)), extractor, QUICK)


@pytest.mark.parametrize("flat", [0, 255])
def test_a_black_or_white_photo_is_painted_without_failing(flat: int, style: Fingerprint, extractor: Extractor) -> None:
    image = paint(Scene.of(Image.new("RGB", (200, 200), (flat,) * 3), style), extractor, QUICK).picture.image()
    assert np.asarray(image).std() > 5


def test_a_small_painting_predicts_the_large_one(style: Fingerprint, extractor: Extractor) -> None:
    """The same composition: what the large one shows of each stroke, the small one showed already."""
    photo = draw_photo(480, 360)
    small, large, other = (
        np.asarray(paint(Scene.of(photo, style), extractor, options).picture.image().resize((128, 96)), float)
        for options in (QUICK, replace(QUICK, size=512), replace(QUICK, seed=1))
    )
    difference, by_chance = np.abs(small - large).mean(), np.abs(small - other).mean()
    assert difference < by_chance / 1.15
    assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.8
