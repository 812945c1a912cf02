"""The terms of the objective, each relative to its target: one set of weights fits every layer and extractor."""

from __future__ import annotations

from torch import Tensor

from worker.engine.statistics import at_least_float32, gram

# A black photo or painting has no activation to compare with: the quotient must not be infinite.
EPSILON = 1e-12


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference of activations [1, C, H, W] to the photo's, divided by the photo's mean square.

    Source: Gatys et al., CVPR 2016, eq. 1, which is half the undivided sum of squares: its size there depends on the
    picture's and on the layer's; divided, 0 is the photo and 1 is a picture without any activation.
    """
    target = at_least_float32(target)
    return (at_least_float32(features) - target).square().mean() / target.square().mean().clamp_min(EPSILON)


def gram_loss(features: Tensor, target: Tensor) -> Tensor:
    """Squared Frobenius distance of the Gram matrix of [1, C, H, W] to `target` [C, C], over the target's own norm.

    Source: Gatys et al., CVPR 2016, eq. 4, with 1/‖A‖² for 1/(4 N² M²): 0 is the painting's style, whatever the layer.
    """
    return (gram(features) - target).square().sum() / target.square().sum().clamp_min(EPSILON)


def total_variation(image: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels of [1, 3, H, W]: rows plus columns.

    Source: not in Gatys et al.; Johnson et al. (arXiv 1603.08155), section 3.2, with means instead of sums.
    """
    rows = (image[..., 1:, :] - image[..., :-1, :]).square().mean()
    columns = (image[..., 1:] - image[..., :-1]).square().mean()
    return rows + columns
