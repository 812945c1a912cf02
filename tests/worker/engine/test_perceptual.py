"""The losses that networks are trained with, against their formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.worker.engine.conftest import draw_painting, draw_photo, narrow_extractor
from worker.engine import Extractor, Fingerprint, FingerprintMismatchError, fingerprint_of, to_tensor
from worker.engine.perceptual import (
    Loss,
    Matched,
    Perceptual,
    Weights,
    content_distance,
    gram_matrices,
    style_distance,
    unsteadiness,
    variation,
)


def drawn_at_random(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def test_each_distance_is_that_of_its_equation() -> None:
    one, other = drawn_at_random(2, 5, 6, 7), drawn_at_random(2, 5, 6, 7).flip(3)
    a, b = one.numpy(), other.numpy()
    per_picture = [np.linalg.norm(a[i] - b[i]) ** 2 / (5 * 6 * 7) for i in range(2)]
    assert content_distance(one, other).item() == pytest.approx(np.mean(per_picture))
    grams = np.einsum("bchw,bdhw->bcd", a, a) / (5 * 6 * 7)
    assert np.allclose(gram_matrices(one).numpy(), grams)
    target = np.einsum("chw,dhw->cd", b[0], b[0]) / (5 * 6 * 7)
    frobenius = [np.linalg.norm(gram - target, "fro") ** 2 / 5**2 for gram in grams]
    assert style_distance(one, torch.from_numpy(target)).item() == pytest.approx(np.mean(frobenius))
    x = a[:, :3]
    rough = 0.5 * (np.sum(np.diff(x, axis=2)[..., :-1] ** 2) + np.sum(np.diff(x, axis=3)[:, :, :-1] ** 2)) / 2
    assert variation(one[:, :3]).item() == pytest.approx(rough)
    assert unsteadiness(one, other).item() == pytest.approx(np.mean((a - b) ** 2))


def test_the_published_loss_is_the_sum_of_its_terms_in_their_units() -> None:
    extractor, photos, drawn = narrow_extractor(), drawn_at_random(2, 3, 48, 40), drawn_at_random(2, 3, 40, 48).mT
    style, weights = fingerprint_of(draw_painting(), extractor), Weights({"relu2_1": 2.0}, {"relu1_1": 3.0}, 1e-4)
    found = Perceptual(style, 256, extractor, weights)(drawn, photos)
    here, there = (extractor(each, ("relu1_1", "relu2_1")) for each in (drawn, photos))
    content = 2.0 * content_distance(100 * here["relu2_1"], 100 * there["relu2_1"])
    target = 100**2 * style.at(256)["relu1_1"].moment / 3
    expected = content + 3.0 * style_distance(100 * here["relu1_1"], target) + 1e-4 * variation(255 * drawn)
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("kind", [Perceptual, Matched])
def test_the_photo_painted_is_better_than_the_photo(
    kind: type[Perceptual] | type[Matched], extractor: Extractor, style: Fingerprint
) -> None:
    loss: Loss = kind(style, 256, extractor)
    photo = to_tensor(draw_photo(128, 96))
    pixels = photo.clone().requires_grad_(True)
    adam = torch.optim.Adam([pixels], lr=0.02)
    for _ in range(30):
        adam.zero_grad()
        loss(pixels, photo).backward()
        adam.step()
    assert loss(pixels.detach(), photo).item() < 0.8 * loss(photo, photo).item()


def test_the_loss_of_a_batch_is_the_mean_of_its_pictures(extractor: Extractor, style: Fingerprint) -> None:
    photos = torch.cat(
        [to_tensor(draw_photo(96, 96)), to_tensor(draw_photo(96, 96).transpose(Image.Transpose.ROTATE_90))]
    )
    for kind in (Perceptual, Matched):
        loss: Loss = kind(style, 256, extractor)
        drawn = photos.flip(3)
        each = [loss(drawn[i : i + 1], photos[i : i + 1]).item() for i in range(2)]
        assert loss(drawn, photos).item() == pytest.approx(np.mean(each), rel=1e-4)


def test_published_layers_are_those_of_vgg_and_their_nearest_of_compact(extractor: Extractor) -> None:
    content, style = Weights().of(extractor)
    assert dict(content) == {"relu3_1": 1}
    assert set(style) == {"relu1_1", "relu2_1", "relu3_1", "relu4_1"}
    content, style = Weights().of(narrow_extractor())  # of VGG's shape
    assert (dict(content), tuple(style)) == ({"relu3_3": 1}, ("relu1_2", "relu2_2", "relu3_3", "relu4_3"))
    with pytest.raises(ValueError, match="relu9_9"):
        Weights(content={"relu9_9": 1.0}).of(extractor)


def test_another_extractors_painting_is_refused(style: Fingerprint) -> None:
    for kind in (Perceptual, Matched):
        with pytest.raises(FingerprintMismatchError):
            kind(style, 256, narrow_extractor())
