"""Presets: the published ways to paint, as data: which losses (losses/ has the formulas), weights and schedule.

All see the same normalised extractor, whose layers have a mean activation of 1 over photographs (Gatys et al., CVPR
2016, section 2). Systems that took Caffe's activations as they come cannot be met in absolute size: `feature_scale`
stands for the factor between, so that their content, style and smoothing weights balance as they did.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

from worker.engine.losses.kinds import KINDS, Kind, StyleLoss
from worker.engine.losses.terms import ContentScaling, Smoothing
from worker.engine.networks.extractors import STYLE_LAYERS
from worker.engine.networks.operators import Pooling
from worker.engine.pyramid import ROOT_OF_TWO, Pyramid
from worker.engine.style.cells import CELL_LAYERS
from worker.engine.style.match import Matching
from worker.engine.style.patches import PATCH_LAYERS

PresetName = Literal[
    "studio",
    "instant",
    "doodle",
    "mrf",
    "gatys-2015",
    "gatys-2016",
    "gatys-code",
    "seed",
    "inetwork-as-shipped",
    "inetwork-paper",
    "multiscale-w2",
]
Optimizer = Literal["lbfgs", "adam"]
Start = Literal["photo", "noise", "grey", "artwork"]
# How the weights of "all layers" follow from their order, where a preset does not name layers.
Series = Literal["as-shipped", "geometric"]
MATCHING = Matching()
PRESET_NAMES: tuple[PresetName, ...] = get_args(PresetName)


@dataclass(frozen=True)
class Preset:
    """One way to paint.

    Attributes:
        title: its name on screen.
        description: a sentence for the person who chooses.
        source: paper or program.
        content_layers, style_layers: layer name → weight. `Series`: every convolution, weighted by its place.
        content_scaling, style_loss, smoothing: which formula (losses/).
        content_weight, style_weight, tv_weight: α, β and the weight of smoothing.
        salience: share of the content that counts where the photo has something to see (salience.py).
        feature_scale: factor on all activations before any loss.
        activation_shift: added to all activations before their Gram matrices.
        correlations: Gram matrices between neighbouring layers instead of within one.
        matching: how cells are matched, where they are compared.
        emphasis: how far from their painting's mean cells are asked to be, as a multiple of what its own are: a picture
            that answers to several losses comes less far than it is asked.
        pooling: of the extractor.
        start: what the first stage begins from.
        pyramid: how to work coarse to fine, if not at the asked size only.
        evaluations: of each stage from the coarsest; the last number holds for all that follow.
        rounds: how often each scale's cells are matched, likewise; None is once, or as `strength` says.
        sees_photo: whether there is one; else the regions in their colours take its place (doodle.py).
        grain: standard deviation of the noise on what the first stage begins from.
        refinement: where the extractor has a decoder (decoder.py), it draws every stage, and only the last one has
            evaluations: so many, by its place from the coarsest. None leaves the decoder out.
        optimizer, learning_rate: of the pixels.
        average: decay of the running mean of iterates that is shown and handed on; 0 shows the iterate itself.
        gradient_tolerance: the painting ends when no pixel's gradient is above this share of the first one's largest.
        bounds: values to which pixels are held, where the loss has no least value of its own.
        outside_weight: of the mean square by which pixels leave [0, 1].
    """

    title: str
    description: str
    source: str
    content_layers: Mapping[str, float]
    content_scaling: ContentScaling
    style_layers: Mapping[str, float] | Series
    style_loss: StyleLoss
    style_weight: float
    content_weight: float = 1.0
    salience: float = 0.0
    smoothing: Smoothing = "mean-square"
    tv_weight: float = 0.0
    feature_scale: float = 1.0
    activation_shift: float = 0.0
    correlations: bool = False
    matching: Matching = MATCHING
    emphasis: float = 1.0
    pooling: Pooling = "average"
    start: Start = "photo"
    pyramid: Pyramid | None = None
    evaluations: tuple[int, ...] = (500,)
    rounds: tuple[int, ...] | None = None
    sees_photo: bool = True
    grain: float = 0.0
    refinement: tuple[int, ...] | None = None
    optimizer: Optimizer = "lbfgs"
    learning_rate: float = 1.0
    average: float = 0.0
    gradient_tolerance: float = 0.0
    bounds: tuple[float, float] | None = None
    outside_weight: float = 0.0

    @property
    def kind(self) -> Kind:
        """The traits of its style loss."""
        return KINDS[self.style_loss]


def equal_weights(layers: tuple[str, ...], total: float = 1.0) -> dict[str, float]:
    """The same weight for each layer, together `total`."""
    return dict.fromkeys(layers, total / len(layers))


# α·relative content + β·matched cells. A stage's targets are fixed, so its loss is local: tiles take one pass.
# Composition and strokes are decided while pixels are cheap.
STUDIO = Preset(
    title="Studio",
    description="Our own: each small square becomes the painting's most similar one, and the photo stays itself.",
    source="Kolkin et al., arXiv 2203.13215; Li and Wand, CVPR 2016; the content of Gatys et al., CVPR 2016",
    content_layers={"relu3_1": 0.5, "relu4_2": 0.5},
    content_scaling="relative",
    salience=0.8,
    style_layers=equal_weights(CELL_LAYERS),
    style_loss="nearest",
    style_weight=6.5,
    content_weight=1.25,
    emphasis=1.25,
    tv_weight=12.0,
    outside_weight=50.0,
    pyramid=Pyramid(64, 2.0),
    evaluations=(50, 40, 30, 25, 20, 12, 6, 3),
    refinement=(14, 14, 14, 14, 12, 10, 10, 0),
)

# What most of the others vary: the conference paper's objective, with L-BFGS.
GATYS = Preset(
    title="Gatys 2016",
    description="The conference paper to the letter: the same objective, with L-BFGS.",
    source="Gatys et al., CVPR 2016, eq. 1 to 7, α/β = 10⁻³ (figure 3)",
    content_layers={"relu4_2": 1.0},
    content_scaling="half-sse",
    style_layers=equal_weights(STYLE_LAYERS),
    style_loss="gram-2015",
    style_weight=1e3,
    start="noise",
)
INETWORK = Preset(
    title="INetwork, as in the paper",
    description="The improvements as they were published: all layers, shifted, neighbours correlated.",
    source="Novak and Nikulin, arXiv 1605.04603, sections 3.1 to 3.5",
    content_layers={"relu5_2": 1.0},
    content_scaling="relative",
    content_weight=0.025,
    style_layers="geometric",
    style_loss="relative-gram",
    style_weight=1.0,
    activation_shift=-1.0,
    correlations=True,
    pooling="max",
    evaluations=(200,),
)

PRESETS: dict[PresetName, Preset] = {
    "studio": STUDIO,
    "instant": replace(
        STUDIO,
        title="Instant",
        description="The studio's matching, drawn by a network in one pass: a finished picture in a second.",
        source="Johnson et al., ECCV 2016; Chen and Schmidt, arXiv 1612.04337; with the studio's objective as the loss",
        content_weight=1.7,
        emphasis=1.5,
        evaluations=(20, 16, 12, 10, 8, 5, 3, 2),
        refinement=(0,),
    ),
    # No photo: each part of the map begins as its colour and noise, and what it is like is found anew several times.
    "doodle": replace(
        STUDIO,
        title="Doodle",
        description="From a map of colours: each is painted as the part of a painting that it means.",
        source="Champandard, arXiv 1603.01768; Li and Wand, CVPR 2016, eq. 3",
        content_layers={},
        content_weight=0.4,  # of nothing; beside it, the decoder draws as for a strong style
        matching=Matching(photo=(0.0, 0.0)),
        evaluations=(40, 40, 30, 25, 20, 12, 6, 3),
        rounds=(4, 3, 2, 2, 1),
        sees_photo=False,
        grain=0.15,
    ),
    # Matched anew after each round, whose evaluations are ROUND of these.
    "mrf": Preset(
        title="Patches",
        description="Pieces of the painting, matched patch by patch and put together anew.",
        source="Li and Wand, CVPR 2016, eq. 1 to 5",
        content_layers={"relu4_2": 1.0},
        content_scaling="relative",
        style_layers=equal_weights(PATCH_LAYERS),
        style_loss="mrf",
        style_weight=0.8,
        tv_weight=50.0,
        outside_weight=50.0,
        matching=Matching(photo=(0.0, 0.0)),
        pyramid=Pyramid(128, 2.0),  # from 64 on, the painting's own composition takes the photo's place
        evaluations=(42, 34, 25, 12, 6, 3),
        rounds=(4, 3, 2, 1),
    ),
    # α/β = 10⁻³ (section "Methods"). The paper descends the gradient; Adam is descent with a step that adapts.
    "gatys-2015": replace(
        GATYS,
        title="Gatys 2015",
        description="The first paper to the letter: from white noise, and with its weights close to the photo.",
        source="Gatys et al., arXiv 1508.06576, eq. 1, 4, 5 and 7",
        optimizer="adam",
        learning_rate=0.02,
    ),
    "gatys-2016": GATYS,
    "gatys-code": replace(
        GATYS,
        title="Gatys’ notebook",
        description="What the authors' own program does, which differs from their papers: from the photo, far bolder.",
        source="leongatys/PytorchNeuralStyleTransfer",
        content_scaling="mse",
        style_layers=equal_weights(STYLE_LAYERS, total=len(STYLE_LAYERS)),
        style_loss="gram-code",
        style_weight=1.0,
        start="photo",
        pooling="max",
    ),
    "seed": replace(
        GATYS,
        title="Eight steps",
        description="The textbook's recipe: white noise, and stop when the gradient vanishes.",
        source="Gatys et al., CVPR 2016, with each loss relative to its target, at one size",
        content_scaling="relative",
        style_loss="relative-gram",
        style_weight=40.0,
        gradient_tolerance=1e-3,
    ),
    # Without what the paper correlates. Its deepest layer's style error counts negatively, so the loss has no least
    # value: hence the bounds.
    "inetwork-as-shipped": replace(
        INETWORK,
        title="INetwork, as shipped",
        description="The improved network as its program computes it, with its chain of differences.",
        source="titu1994/Neural-Style-Transfer, INetwork.py",
        correlations=False,
        content_scaling="sse",
        style_layers="as-shipped",
        style_loss="gram-nst",
        smoothing="nst",
        tv_weight=8.5e-5,
        feature_scale=100.0,
        bounds=(-0.5, 1.5),
    ),
    "inetwork-paper": INETWORK,
    "multiscale-w2": Preset(
        title="Multi-scale, Wasserstein",
        description="Means and covariances instead of Gram matrices, slowly and coarse to fine.",
        source="crowsonkb/style-transfer-pytorch",
        content_layers={"relu4_2": 1.0},
        content_scaling="mse",
        content_weight=0.015,
        style_layers={layer: 4.0 ** (4 - index) / 341 for index, layer in enumerate(STYLE_LAYERS)},
        style_loss="wasserstein",
        style_weight=1.0,
        smoothing="nine-point",
        tv_weight=2.0,
        pooling="max",
        pyramid=ROOT_OF_TWO,
        evaluations=(1000, 500),
        optimizer="adam",
        learning_rate=0.02,
        average=0.99,
        bounds=(0.0, 1.0),
    ),
}


def series_weights(series: Series, layers: tuple[str, ...]) -> dict[str, float]:
    """Weights of all convolutions in their order, shallowest first.

    - `as-shipped`: Σ 2^−(L−2−i) (E_i − E_{i+1}) over i = 0 … L−2 telescopes to these coefficients, the last of which is
      −1 (titu1994/Neural-Style-Transfer, INetwork.py).
    - `geometric`: 2^(D−d) for depth d from 1, over their sum (arXiv 1605.04603, section 3.1, undivided there).
    """
    count = len(layers)
    if series == "geometric":
        weights = [2.0 ** (count - depth) for depth in range(1, count + 1)]
        return {layer: weight / sum(weights) for layer, weight in zip(layers, weights, strict=True)}
    steps = [2.0 ** -(count - 2 - index) for index in range(count - 1)]
    weights = [gain - loss for gain, loss in zip([*steps, 0.0], [0.0, *steps], strict=True)]
    return dict(zip(layers, weights, strict=True))
