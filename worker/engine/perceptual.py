"""What an image transformation network is trained to lower: losses of what it has drawn of a batch of photos.

Source: Johnson, Alahi and Fei-Fei, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution" (ECCV 2016,
arXiv 1603.08155), section 3, and its program, jcjohnson/fast-neural-style.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from torch import Tensor

from worker.engine.images import to_image
from worker.engine.networks.extractors import Extractor
from worker.engine.options import Needs, PaintOptions, needs
from worker.engine.scene import Scene
from worker.engine.style.fingerprint import Fingerprint
from worker.engine.style.statistics import at_least_float32

LossName = Literal["studio", "johnson"]
LOSSES: tuple[LossName, ...] = get_args(LossName)
# Theirs are of a VGG-16 of pixels from 0 to 255, in which activations are about a hundred times ours, whose layers have
# a mean of 1. With this factor their weights balance as they did; the preset inetwork-as-shipped has it too.
FEATURE_SCALE, PIXEL_RANGE = 100.0, 255.0
CONTENT_LAYERS: Mapping[str, float] = {"relu3_3": 1.0}
STYLE_LAYERS: Mapping[str, float] = dict.fromkeys(("relu1_2", "relu2_2", "relu3_3", "relu4_3"), 5.0)
# Of the compact extractor, the layers that were distilled, and that fingerprints hold, at the same sizes. They have a
# quarter of a VGG's channels and all the same mean, where Caffe's grow with depth: with weights of 5 the shallowest
# would be all that counts. With these, each has the same share of the style loss of a photo.
COMPACT_CONTENT_LAYERS: Mapping[str, float] = {"relu3_1": 1.0}
COMPACT_STYLE_LAYERS: Mapping[str, float] = {"relu1_1": 0.015, "relu2_1": 0.25, "relu3_1": 2.5, "relu4_1": 5.0}
# The photo's share in what cells are matched by: between those of the studio's first scale and its last.
PHOTO_SHARE = 0.4
# Pixels' standard deviation of the noise in whose absence nothing else should be drawn.
NOISE_SIGMA = 0.04

# The loss, a scalar, of what was drawn [B, 3, H, W] of photos [B, 3, H, W], both in [0, 1].
Loss = Callable[[Tensor, Tensor], Tensor]


def content_distance(features: Tensor, target: Tensor) -> Tensor:
    """‖φ(ŷ) − φ(y)‖² / (C·H·W) of activations [B, C, H, W], the mean over B.

    Source: Johnson et al., section 3.1, eq. 2.
    """
    return (at_least_float32(features) - at_least_float32(target)).square().mean()


def gram_matrices(features: Tensor) -> Tensor:
    """Gram matrices [B, C, C] of activations [B, C, H, W], at least float32, divided by C·H·W.

    Source: Johnson et al., section 3.1, eq. 3.
    """
    columns = at_least_float32(features).flatten(2)
    return columns @ columns.transpose(1, 2) / columns[0].numel()


def style_distance(features: Tensor, target: Tensor) -> Tensor:
    """‖G(ŷ) − G‖² / C², squared Frobenius norm, of activations [B, C, H, W] to a Gram matrix [C, C]; the mean over B.

    Source: Johnson et al., section 3.1, eq. 4. Not there, but in their program, is the division by C²; the published
    weights are the program's.
    """
    return (gram_matrices(features) - target).square().mean()


def variation(pixels: Tensor) -> Tensor:
    """½ Σ (dx² + dy²) of neighbouring pixels of [B, 3, H, W], the mean over B.

    Source: Johnson et al., section 3.2; its gradient is that of the program's TotalVariation layer.
    """
    rows = (pixels[..., 1:, :-1] - pixels[..., :-1, :-1]).square()
    columns = (pixels[..., :-1, 1:] - pixels[..., :-1, :-1]).square()
    return 0.5 * (rows.sum() + columns.sum()) / len(pixels)


def unsteadiness(drawn: Tensor, disturbed: Tensor) -> Tensor:
    """Mean squared difference of what is drawn of photos, and of the same with noise; both [B, 3, H, W].

    From one frame of a film to the next there is at least the camera's noise, and what follows it flickers. Source:
    Zheng et al., "Improving the Robustness of Deep Neural Networks via Stability Training" (CVPR 2016, arXiv
    1604.04326), eq. 2 and 3, with the pixels' distance.
    """
    return (drawn - disturbed).square().mean()


@dataclass(frozen=True)
class Weights:
    """Of the perceptual loss, as published; None is the extractor's."""

    content: Mapping[str, float] | None = None
    style: Mapping[str, float] | None = None
    tv: float = 1e-6

    def of(self, extractor: Extractor) -> tuple[Mapping[str, float], Mapping[str, float]]:
        """Content and style weights by layer.

        Raises:
            ValueError: the extractor lacks one of the layers.
        """
        is_compact = extractor.name == "compact"
        content = self.content or (COMPACT_CONTENT_LAYERS if is_compact else CONTENT_LAYERS)
        style = self.style or (COMPACT_STYLE_LAYERS if is_compact else STYLE_LAYERS)
        extractor.check({**content, **style})
        return content, style


class Perceptual:
    """Content, style and total variation, with weights that go for activations and pixels as in Caffe's networks.

    Source: Johnson et al., section 3; jcjohnson/fast-neural-style, train.lua, for the weights. There content is
    compared at relu3_3 and style at relu1_2, 2_2, 3_3 and 4_3 of a VGG-16. So it is here with `vgg16`; of `compact` the
    distilled layers at the same sizes are taken.
    """

    def __init__(self, style: Fingerprint, style_size: int, extractor: Extractor, weights: Weights = Weights()) -> None:
        """`style_size` is the longest side, in pixels, at which the painting is looked at.

        Raises:
            FingerprintMismatchError: the style is another extractor's.
            ValueError: a layer is missing.
        """
        style.check(extractor)
        self._content, self._style = weights.of(extractor)
        self._tv, self._extractor = weights.tv, extractor
        found = style.at(style_size)
        # A fingerprint's moments are divided by H·W alone.
        self._targets = {
            layer: FEATURE_SCALE**2 * found[layer].moment.to(extractor.device) / len(found[layer].mean)
            for layer in self._style
        }

    @staticmethod
    def needs(extractor: Extractor, weights: Weights) -> Needs:
        """What the fingerprint must cover."""
        return Needs(tuple(weights.of(extractor)[1]), "average", False, False)

    def __call__(self, drawn: Tensor, photos: Tensor) -> Tensor:
        taps = self._extractor(drawn, tuple({**self._content, **self._style}))
        with torch.no_grad():
            there = self._extractor(photos, tuple(self._content))
        losses = [self._tv * variation(PIXEL_RANGE * drawn)]
        for layer, weight in self._content.items():
            distance = content_distance(*(FEATURE_SCALE * at_least_float32(each[layer]) for each in (taps, there)))
            losses.append(weight * distance)
        for layer, weight in self._style.items():
            losses.append(weight * style_distance(FEATURE_SCALE * at_least_float32(taps[layer]), self._targets[layer]))
        return torch.stack(losses).sum()


class Matched:
    """The studio's objective (objective.py) of each picture: its cells like the painting's, and the photo's content.

    A picture's cells are matched by the photo mixed with what the network has drawn of it so far: so what it draws
    decides which of the painting's cells it comes nearer to, as in the studio from one scale to the next.
    """

    def __init__(self, style: Fingerprint, style_size: int, extractor: Extractor, strength: float = 1.0) -> None:
        """`style_size` is the longest side, in pixels, at which the painting is looked at.

        Raises:
            FingerprintMismatchError: the style is another extractor's.
            ValueError: `strength` is out of its range.
        """
        style.check(extractor)
        self._style, self._style_size = style, style_size
        self._extractor, self._strength = extractor, PaintOptions(strength=strength).strength

    @staticmethod
    def needs(extractor: Extractor, _weights: Weights) -> Needs:
        """What the fingerprint must cover."""
        return needs(PaintOptions(), extractor)

    def __call__(self, drawn: Tensor, photos: Tensor) -> Tensor:
        losses = [self._of_one(drawn[index : index + 1], photos[index : index + 1]) for index in range(len(drawn))]
        return torch.stack(losses).mean()

    def _of_one(self, drawn: Tensor, photo: Tensor) -> Tensor:
        size = (photo.shape[3], photo.shape[2])
        options = PaintOptions(size=max(size), brush=self._style_size / max(size), strength=self._strength)
        scene = Scene.of(to_image(photo), self._style)
        brief = scene.brief(options, self._extractor)
        matching = brief.recipe.matching.of_crop(self._style_size)
        objective = scene.objective(size, replace(brief, recipe=replace(brief.recipe, matching=matching)))
        objective.match(drawn.detach(), PHOTO_SHARE)
        return objective(drawn) / objective.recipe.style_weight
