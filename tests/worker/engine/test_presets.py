"""Every preset's loss and gradient, held against the papers' and programs' formulas, written out here in numpy.

The networks are random, the features raw and in float64; the gradient's second source is the formula's own difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from worker.engine.brief import Brief
from worker.engine.networks.extractors import STYLE_LAYERS
from worker.engine.objective import Objective, Part, Targets
from worker.engine.options import PaintOptions, recipe
from worker.engine.presets import PRESET_NAMES, PRESETS, PresetName, series_weights
from worker.engine.style.codebook import Book
from worker.engine.style.fingerprint import ScaleStatistics, pair_name
from worker.engine.style.match import CellPart
from worker.engine.style.patches import Patches, PatchPart
from worker.engine.style.statistics import cross_statistics, layer_statistics

Array = NDArray[np.float64]
Features = dict[str, Array]  # layer → [C, H, W]

SIDE = 32
CHANNELS = (3, 4, 5, 4, 6, 5, 3)
VGG = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1", "relu5_2")


@dataclass
class RandomExtractor:
    """Seven random layers with ReLU, those that begin a block coarser than the one before."""

    name: str = "random"
    layers: tuple[str, ...] = VGG
    decoder: None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float64
    channels: dict[str, int] = field(default_factory=lambda: dict(zip(VGG, CHANNELS, strict=True)))

    def __post_init__(self) -> None:
        generator = torch.Generator().manual_seed(7)
        widths = (3, *CHANNELS)
        self.weights = [
            torch.randn(after, before, 3, 3, dtype=torch.float64, generator=generator) / before
            for before, after in zip(widths, CHANNELS, strict=False)
        ]

    def check(self, layers: Sequence[str]) -> None:
        assert set(layers) <= set(self.layers)

    def __call__(self, x: Tensor, layers: Sequence[str] | None = None, pooling: str = "average") -> dict[str, Tensor]:
        return dict(self.walk(x, layers or self.layers, pooling))

    def walk(self, x: Tensor, layers: Sequence[str], pooling: str = "average") -> Iterator[tuple[str, Tensor]]:
        for index, (name, weight) in enumerate(zip(self.layers, self.weights, strict=True)):
            if index and name.endswith("_1"):
                x = F.avg_pool2d(x, 2)
            x = F.relu(F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), weight) + 0.1)
            if name in layers:
                yield name, x


def brief_of(options: PaintOptions, extractor: RandomExtractor) -> Brief:
    return Brief.of((SIDE, SIDE), options, extractor)  # type: ignore[arg-type]  # as far as it is called


def picture(seed: int) -> Tensor:
    return torch.rand(1, 3, SIDE, SIDE, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def undivided(f: Array, g: Array | None = None) -> Array:
    f, g = f.reshape(len(f), -1), (f if g is None else g).reshape(len(f if g is None else g), -1)
    return f @ g.T


def squares(a: Array, b: Array) -> float:
    return float(((a - b) ** 2).sum())


def differences(x: Array) -> tuple[Array, Array]:
    return x[:, 1:, :] - x[:, :-1, :], x[:, :, 1:] - x[:, :, :-1]


def gatys_paper(x: Array, f: Features, photo: Features, painting: Features) -> float:
    """α ½Σ(F−P)² + β Σ w_l E_l with E_l = Σ(G−A)²/(4 N² M²), α/β = 10⁻³."""
    content = squares(f["relu4_2"], photo["relu4_2"]) / 2
    style = 0.0
    for layer in STYLE_LAYERS:
        n, m = len(f[layer]), f[layer][0].size
        style += squares(undivided(f[layer]), undivided(painting[layer])) / (4 * n**2 * m**2) / 5
    return content + 1e3 * style


def gatys_code(x: Array, f: Features, photo: Features, painting: Features) -> float:
    """Means of squares; the Gram matrix over M; 10³/C² for each layer."""
    loss = float(((f["relu4_2"] - photo["relu4_2"]) ** 2).mean())
    for layer in STYLE_LAYERS:
        c, m = len(f[layer]), f[layer][0].size
        loss += 1e3 / c**2 * float(((undivided(f[layer]) / m - undivided(painting[layer]) / m) ** 2).mean())
    return loss


def relative(x: Array, f: Features, photo: Features, painting: Features, weight: float = 40) -> float:
    content = squares(f["relu4_2"], photo["relu4_2"]) / squares(photo["relu4_2"], 0 * photo["relu4_2"])
    style = 0.0
    for layer in STYLE_LAYERS:
        g = undivided(f[layer]) / f[layer][0].size
        a = undivided(painting[layer]) / painting[layer][0].size
        style += squares(g, a) / squares(a, 0 * a) / 5
    return content + weight * style


def pooled(values: Array, side: int) -> Array:
    """Means over squares of [C, H, W]."""
    means: Array = values.reshape(len(values), values.shape[1] // side, side, -1, side).mean((2, 4))
    return means


CELLS = {"relu1_1": 4, "relu2_1": 2, "relu3_1": 1, "relu4_1": 1}  # positions a side of a cell of 4 pixels


def cells_of_painting(painting: Features) -> Features:
    """Its 64 cells: of each layer [C, 8, 8], the coarse one's values each for four cells."""
    found = {layer: pooled(painting[layer], side) for layer, side in CELLS.items()}
    return found | {"relu4_1": upsampled(found["relu4_1"], found["relu3_1"])}


# Cell (i, j) of the picture was matched with the painting's cell of this number.
MATCHED = np.random.default_rng(5).integers(0, 64, (8, 8))


def studio(
    x: Array, f: Features, photo: Features, painting: Features, content: float = 1.25, emphasis: float = 1.25
) -> float:
    """Content at two layers, where the photo is unusual above all, 6.5 · mean over four layers of ‖F−T‖²/var(A) on
    cells, T further from A's mean than the cells themselves, 12 · mean squared differences, 50 · what leaves [0, 1].
    """
    loss = 0.0
    for layer in ("relu3_1", "relu4_2"):
        p = photo[layer]
        d = ((p - p.mean((1, 2), keepdims=True)) ** 2).mean(0)
        d = np.minimum(d, 4 * d.mean())
        weights = 0.2 + 0.8 * d / d.mean()
        loss += content * 0.5 * float((weights * (f[layer] - p) ** 2).sum()) / squares(p, 0 * p)
    rows, columns = differences(x)
    loss += 12 * float((rows**2).mean() + (columns**2).mean())
    for layer, cells in cells_of_painting(painting).items():
        flat = cells.reshape(len(cells), -1)
        mean = flat.mean(1, keepdims=True)
        target = np.maximum(0, mean + emphasis * (flat - mean))[:, MATCHED.ravel()].reshape(cells.shape)
        target = pooled(target, 2) if layer == "relu4_1" else target
        variance = ((flat - mean) ** 2).mean()
        loss += 6.5 / 4 * float(((pooled(f[layer], CELLS[layer]) - target) ** 2).mean()) / variance
    return loss + 50 * float(((x - x.clip(0, 1)) ** 2).mean())


def patches_of(values: Array) -> Array:
    """All 3 × 3 patches [N, C, 9] of [C, H, W], row by row."""
    _, height, width = values.shape
    middles = [(row, column) for row in range(1, height - 1) for column in range(1, width - 1)]
    return np.stack([values[:, i - 1 : i + 2, j - 1 : j + 2].reshape(len(values), 9) for i, j in middles])


# Patch n of the picture was matched with the painting's of this number: 8 × 8 and 4 × 4 positions have these many.
PATCHED = {
    "relu3_1": np.random.default_rng(6).integers(0, 36, 36),
    "relu4_1": np.random.default_rng(7).integers(0, 4, 4),
}


def mrf(x: Array, f: Features, photo: Features, painting: Features) -> float:
    """Relative content at relu4_2; Σᵢ ‖Ψᵢ(F) − Ψ_NN(i)(A)‖² as a mean, over the variance of the painting's patches."""
    loss = squares(f["relu4_2"], photo["relu4_2"]) / squares(photo["relu4_2"], 0 * photo["relu4_2"])
    for layer, numbers in PATCHED.items():
        theirs = patches_of(painting[layer])
        variance = float(((theirs - theirs.mean((0, 2), keepdims=True)) ** 2).mean())
        loss += 0.8 / 2 * float(((patches_of(f[layer]) - theirs[numbers]) ** 2).mean()) / variance
    rows, columns = differences(x)
    loss += 50 * float((rows**2).mean() + (columns**2).mean())
    return loss + 50 * float(((x - x.clip(0, 1)) ** 2).mean())


def inetwork_program(x: Array, f: Features, photo: Features, painting: Features) -> float:
    """The program's own loop over neighbouring layers, on activations in units a hundred times as small."""
    f, photo, painting = ({layer: 100 * each for layer, each in taps.items()} for taps in (f, photo, painting))
    loss = 0.025 * squares(f["relu5_2"], photo["relu5_2"])
    errors = [squares(undivided(f[layer] - 1), undivided(painting[layer] - 1)) / (4 * 9 * SIDE**4) for layer in VGG]
    for i in range(len(VGG) - 1):
        loss += 2.0 ** -(len(VGG) - 1 - (i + 1)) * (errors[i] - errors[i + 1])
    rows, columns = differences(255 * x)
    return loss + 8.5e-5 * float(((rows[:, :, :-1] ** 2 + columns[:, :-1, :] ** 2) ** 1.25).sum())


def upsampled(coarse: Array, like: Array) -> Array:
    factor = like.shape[1] // coarse.shape[1]
    return coarse.repeat(factor, 1).repeat(factor, 2)


def inetwork_paper(x: Array, f: Features, photo: Features, painting: Features) -> float:
    """Shifted activations of neighbouring layers, correlated; weights 2^(D−d) over their sum."""
    loss = 0.025 * squares(f["relu5_2"], photo["relu5_2"]) / squares(photo["relu5_2"], 0 * photo["relu5_2"])
    depth = len(VGG)
    total = sum(2.0 ** (depth - d) for d in range(1, depth + 1))
    for d in range(2, depth + 1):
        deep, shallow = VGG[d - 1], VGG[d - 2]
        g, a = (
            undivided(upsampled(taps[deep], taps[shallow]) - 1, taps[shallow] - 1) / taps[shallow][0].size
            for taps in (f, painting)
        )
        loss += 2.0 ** (depth - d) / total * squares(g, a) / squares(a, 0 * a)
    return loss


def root(matrix: Array) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    found: Array = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    return found


def multiscale(x: Array, f: Features, photo: Features, painting: Features) -> float:
    loss = 0.015 * float(((f["relu4_2"] - photo["relu4_2"]) ** 2).mean())
    for layer, weight in zip(STYLE_LAYERS, (256, 64, 16, 4, 1), strict=True):
        flat, flat_a = (taps[layer].reshape(len(taps[layer]), -1) for taps in (f, painting))
        mean, mean_a = flat.mean(1), flat_a.mean(1)
        ridge = 1e-4 * np.eye(len(flat))
        cov = np.cov(flat, bias=True) + ridge
        cov_a = np.cov(flat_a, bias=True) + ridge
        inner = root(root(cov_a) @ cov @ root(cov_a))
        loss += weight / 341 * float(((mean - mean_a) ** 2).mean() + np.diag(cov + cov_a - 2 * inner).mean())
    straight = sum(float((each**2).mean()) for each in differences(x))
    falling, rising = x[:, 1:, 1:] - x[:, :-1, :-1], x[:, 1:, :-1] - x[:, :-1, 1:]
    return loss + 2 * (straight + (float((falling**2).mean()) + float((rising**2).mean())) / 2) / 3


FORMULAS: dict[PresetName, Callable[[Array, Features, Features, Features], float]] = {
    "studio": studio,
    "instant": partial(studio, content=1.7, emphasis=1.5),
    "doodle": partial(studio, content=0.0),
    "mrf": mrf,
    "gatys-2015": gatys_paper,
    "gatys-2016": gatys_paper,
    "gatys-code": gatys_code,
    "seed": relative,
    "inetwork-as-shipped": inetwork_program,
    "inetwork-paper": inetwork_paper,
    "multiscale-w2": multiscale,
}


def statistics_of(taps: dict[str, Tensor]) -> ScaleStatistics:
    """What a fingerprint would hold, in float64."""
    found = {layer: layer_statistics(values) for layer, values in taps.items()}
    for shallow, deep in pairwise(VGG):
        found[pair_name(deep, shallow)] = cross_statistics(taps[deep], taps[shallow])
    return found


def book_of(taps: dict[str, Tensor]) -> Book:
    """The painting's 64 cells, each for as much of it."""
    cells = cells_of_painting({layer: values[0].numpy() for layer, values in taps.items()})
    columns = torch.from_numpy(np.concatenate([each.reshape(len(each), -1) for each in cells.values()])).T
    mean, count = columns.mean(0), len(columns)
    shares, sources = torch.full((count,), 1 / count, dtype=torch.float64), torch.zeros(count, dtype=torch.long)
    eye = torch.eye(len(mean), dtype=mean.dtype)
    return Book(columns - mean, eye, torch.zeros(count, 3), shares, sources, mean[None], torch.ones(1))


def patch_part_of(taps: dict[str, Tensor]) -> PatchPart:
    """All of the painting's patches, everywhere."""
    values = {layer: torch.from_numpy(patches_of(taps[layer][0].numpy())) for layer in PATCHED}
    patches = {layer: Patches(each, each.flatten(1).norm(dim=1)) for layer, each in values.items()}
    return PatchPart(patches, {"relu3_1": torch.ones(8, 8), "relu4_1": torch.ones(4, 4)})


def test_gram_matrices_count_beside_cells_where_both_are_asked_for() -> None:
    extractor, options = RandomExtractor(), PaintOptions(style_loss="nearest-and-gram")
    photo, painting, x = picture(1), picture(2), picture(3)
    brief = brief_of(options, extractor)
    parts, cells = (
        [Part(statistics_of(extractor(painting)))],
        [CellPart(book_of(extractor(painting)), torch.ones(8, 8), 1.25)],
    )
    objective = Objective(brief, Targets(photo, parts=parts, cells=cells))
    objective.match(x, 0.5, 0, [torch.from_numpy(MATCHED)])
    f, p, a = ({layer: values[0].numpy() for layer, values in extractor(each).items()} for each in (x, photo, painting))
    grams = [(undivided(f[layer]), undivided(a[layer])) for layer in brief.style_weights]
    beside = sum(squares(g, wanted) / squares(wanted, 0 * wanted) for g, wanted in grams) / 4
    assert objective(x).item() == pytest.approx(studio(x[0].numpy(), f, p, a) + 3 * 6.5 * beside, rel=1e-9)


@pytest.mark.parametrize("name", PRESET_NAMES)
def test_loss_and_gradient_are_those_of_the_published_formula(name: PresetName) -> None:
    extractor, options = RandomExtractor(), PaintOptions(preset=name)
    photo, painting, x = picture(1), picture(2), picture(3)
    brief = brief_of(options, extractor)
    parts, cells = [Part(statistics_of(extractor(painting)))], []
    if brief.recipe.kind.matches_cells:
        parts, cells = [], [CellPart(book_of(extractor(painting)), torch.ones(8, 8), brief.recipe.emphasis)]
        x = 1.4 * x - 0.2  # some of it outside of [0, 1]
    patches = [patch_part_of(extractor(painting))] if brief.recipe.kind.matches_patches else []
    x = 1.4 * x - 0.2 if patches else x
    objective = Objective(brief, Targets(photo, parts=parts, cells=cells, patches=patches))
    if cells:
        objective.match(x, 0.5, 0, [torch.from_numpy(MATCHED)])
    elif patches:
        known = [torch.from_numpy(PATCHED["relu3_1"].reshape(6, 6)), torch.from_numpy(PATCHED["relu4_1"].reshape(2, 2))]
        objective.match(x, 0.0, 0, known)

    def features(image: Tensor) -> Features:
        return {layer: values[0].numpy() for layer, values in extractor(image).items()}

    def by_hand(image: Tensor) -> float:
        return FORMULAS[name](image[0].numpy(), features(image), features(photo), features(painting))

    loss = objective(x.requires_grad_(True))
    (gradient,) = torch.autograd.grad(loss, x)
    x = x.detach()
    assert loss.item() == pytest.approx(by_hand(x), rel=1e-9)
    step = 1e-6
    for seed in range(6):
        direction = picture(10 + seed) - 0.5
        difference = (by_hand(x + step * direction) - by_hand(x - step * direction)) / (2 * step)
        assert (gradient * direction).sum().item() == pytest.approx(difference, rel=1e-4, abs=1e-7)


def test_every_preset_names_its_source_and_describes_itself_in_a_sentence() -> None:
    assert set(PRESETS) == set(FORMULAS)
    for preset in PRESETS.values():
        assert preset.source
        assert preset.description.endswith(".")


def test_the_shipped_chain_telescopes_to_the_coefficients_that_were_read_in_its_code() -> None:
    thirteen = tuple(f"relu{index}" for index in range(13))
    weights = list(series_weights("as-shipped", thirteen).values())
    assert weights == [2.0**-11, *(2.0 ** -(12 - index) for index in range(1, 12)), -1.0]


def test_strength_and_smoothing_scale_their_terms_in_every_preset() -> None:
    for name in PRESET_NAMES:
        plain, asked = recipe(PaintOptions(preset=name)), recipe(PaintOptions(preset=name, strength=3, smoothing=2))
        assert asked.style_weight == pytest.approx(3 * plain.style_weight)
        assert asked.tv_weight == pytest.approx(2 * plain.tv_weight)
        assert asked.content_weight == plain.content_weight
