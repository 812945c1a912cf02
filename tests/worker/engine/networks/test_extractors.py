"""The networks themselves: layers, pooling, loading. Fetching weights has its own file."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.worker.engine.conftest import MODELS
from worker.engine import Extractor, ExtractorUnavailableError, load_extractor
from worker.engine.networks.extractors import COMPACT_FILE, LAYERS, STYLE_LAYERS
from worker.engine.networks.operators import Pooling

CPU = torch.device("cpu")
# VGG's published table: convolutions before each pooling. The compact one ends at relu5_1.
COMPACT_LAYERS = [
    f"relu{block}_{number + 1}" for block, count in enumerate((2, 2, 4, 4, 1), 1) for number in range(count)
]
STOCK_POOLING = {
    "max": lambda x: F.max_pool2d(x, 2),
    "average": lambda x: F.avg_pool2d(x, 2),
    "l2": lambda x: 0.78 * F.lp_pool2d(x, 2, 2),
}


@pytest.fixture(scope="module")
def exact() -> Extractor:
    return load_extractor("compact", MODELS, MODELS, CPU, torch.float64)


def stock_activations(network: nn.Module, x: Tensor, pooling: Pooling) -> dict[str, Tensor]:
    """Every layer's activations by torch's own operators; the weights in the order in which they are stored."""
    found = {}
    level = "1"
    weights = list(network.parameters())
    for name, weight, bias in zip(COMPACT_LAYERS, weights[::2], weights[1::2], strict=True):
        if name[4] != level:
            x, level = STOCK_POOLING[pooling](x), name[4]
        x = F.relu(F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), weight, bias))
        found[name] = x
    return found


def sum_of_squares(activations: dict[str, Tensor]) -> Tensor:
    return torch.stack([each.square().mean() for each in activations.values()]).sum()


@pytest.mark.kernels
@pytest.mark.parametrize("pooling", ["max", "average", "l2"])
def test_every_layer_and_its_gradient_are_those_of_the_stock_operators(exact: Extractor, pooling: Pooling) -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(1, 3, 37, 52, dtype=torch.float64, generator=generator).requires_grad_(True)
    found, expected = exact(images, exact.layers, pooling), stock_activations(exact.network, images, pooling)
    assert list(found) == list(expected) == COMPACT_LAYERS
    for layer, activations in expected.items():
        torch.testing.assert_close(found[layer], activations, rtol=1e-9, atol=1e-9)
    (gradient,) = torch.autograd.grad(sum_of_squares(found), images)
    # L2 pooling of a window of zeros has no derivative in torch's own operator: it answers "not a number".
    assert gradient.isfinite().all()
    if pooling != "l2":
        (reference,) = torch.autograd.grad(sum_of_squares(expected), images)
        torch.testing.assert_close(gradient, reference, rtol=1e-9, atol=1e-12)


@pytest.mark.kernels
def test_gradient_through_l2_pooling_is_that_of_finite_differences(exact: Extractor) -> None:
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(1, 3, 34, 34, dtype=torch.float64, generator=generator).requires_grad_(True)
    step = torch.randn(images.shape, dtype=torch.float64, generator=generator)

    def loss(x: Tensor) -> Tensor:
        return exact(x, ["relu2_2"], "l2")["relu2_2"].square().mean()

    (gradient,) = torch.autograd.grad(loss(images), images)
    h = 1e-6
    slope = (loss(images + h * step) - loss(images - h * step)) / (2 * h)
    torch.testing.assert_close((gradient * step).sum(), slope, rtol=1e-5, atol=1e-9)


@pytest.mark.kernels
def test_asking_for_other_layers_changes_none(extractor: Extractor) -> None:
    images = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(2))
    every = extractor(images, extractor.layers)
    for layers in (LAYERS, STYLE_LAYERS, ["relu1_2", "relu3_4"]):
        taps = extractor(images, layers)
        assert set(taps) == set(layers)
        for layer, activations in taps.items():
            torch.testing.assert_close(activations, every[layer])


def test_nothing_behind_the_deepest_layer_is_computed(extractor: Extractor) -> None:
    # Two pixels are halved to one, on which the next convolution could not reflect.
    assert tuple(extractor(torch.rand(1, 3, 2, 2), ["relu1_2"])["relu1_2"].shape) == (1, 16, 2, 2)
    assert extractor(torch.rand(1, 3, 2, 2), []) == {}


@pytest.mark.parametrize("layer", ["relu5_2", "conv4_2", "relu1_3", ""])
def test_a_layer_that_is_not_there_is_an_error_that_names_those_that_are(extractor: Extractor, layer: str) -> None:
    with pytest.raises(ValueError, match=f"no layer {layer}; it has relu1_1, relu1_2, .*relu5_1$"):
        extractor(torch.rand(1, 3, 32, 32), ["relu1_1", layer])


def test_an_unknown_pooling_is_an_error(extractor: Extractor) -> None:
    with pytest.raises(ValueError, match="max, average, l2"):
        extractor(torch.rand(1, 3, 32, 32), None, "median")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["vgg19", "vgg16"])
def test_asking_for_a_vgg_without_weights_says_how_to_fetch_them(tmp_path: Path, name: str) -> None:
    with pytest.raises(ExtractorUnavailableError, match=f"atelier fetch {name}"):
        load_extractor(name, MODELS, tmp_path, CPU)


def test_truncated_weights_are_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / COMPACT_FILE).write_bytes((MODELS / COMPACT_FILE).read_bytes()[:100_000])
    with pytest.raises(ExtractorUnavailableError, match="Restore it"):
        load_extractor("compact", tmp_path, tmp_path, CPU)


def test_auto_is_compact_where_cuda_or_the_weights_are_missing(tmp_path: Path) -> None:
    assert load_extractor("auto", MODELS, tmp_path, CPU).name == "compact"


def test_an_unknown_name_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="resnet"):
        load_extractor("resnet", MODELS, tmp_path, CPU)


def test_compact_is_small_and_halves_the_picture_four_times(extractor: Extractor) -> None:
    assert sum(parameter.numel() for parameter in extractor.network.parameters()) < 1_000_000
    assert (MODELS / COMPACT_FILE).stat().st_size <= 4_000_000
    taps = extractor(torch.rand(1, 3, 64, 96))
    assert tuple(taps) == LAYERS
    assert [tuple(tap.shape[1:]) for tap in taps.values()] == [
        (16, 64, 96), (32, 32, 48), (64, 16, 24), (128, 8, 12), (128, 8, 12), (128, 4, 6),
    ]  # fmt: skip
