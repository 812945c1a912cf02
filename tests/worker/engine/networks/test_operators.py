from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tests.worker.engine import rounding
from worker.engine.networks.operators import conv_relu, mirrored

pytestmark = pytest.mark.kernels

# Of a 3×3 convolution of 3 channels to 4, on the way there with the bias and a pooling's four.
TERMS_THERE, TERMS_BACK = 3 * 9 + 1 + 4, 4 * 9
# A pixel next to a corner takes its own gradient and those of three that mirror it.
MIRRORED = 4
# Activations, and what is pooled of them. On the way back all nine of a kernel, where torch itself convolves.
ROUNDINGS_THERE, ROUNDINGS_BACK = 2, 9 + MIRRORED


def before_relu(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), weight, bias)


def stock(x: Tensor, weight: Tensor, bias: Tensor, pool: bool) -> Tensor:
    y = F.relu(before_relu(x, weight, bias))
    return F.avg_pool2d(y, 2) if pool else y


def and_gradient(found: Tensor, outer: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    return found.detach(), torch.autograd.grad((found * outer).sum(), x)[0]


class Names(TorchDispatchMode):
    """Notes the names of the operators that run."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch leaves it without types
        self.seen: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("size", [(2, 2), (3, 2), (5, 8), (9, 7), (16, 16)])
@pytest.mark.parametrize("pool", [False, True], ids=["plain", "pooled"])
@pytest.mark.parametrize("turns", [False, True], ids=["backward", "mirrored"])
def test_values_and_gradients_are_those_of_the_stock_operators(
    dtype: torch.dtype, size: tuple[int, int], pool: bool, turns: bool
) -> None:
    """The same numbers in float64, and no further from them than the rounding of sums of so many terms brings."""
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator).to(dtype)

    x = random(2, 3, *size).contiguous(memory_format=torch.channels_last).requires_grad_(True)
    weight, bias = random(4, 3, 3, 3), random(4)
    found = conv_relu(x, weight, bias, pool, mirrored(weight) if turns else None)
    outer = random(*found.shape)

    def leaves(made: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        x_, weight_, bias_ = (made(each.detach().double()).requires_grad_(True) for each in (x, weight, bias))
        return x_, weight_, bias_

    exact, sizes = leaves(torch.clone), leaves(torch.abs)
    # Farther from zero than the error is, so that what is cut off is cut off everywhere.
    there = rounding.of_sum(dtype, TERMS_THERE, 0)
    assert (before_relu(*exact).abs() > there * before_relu(*sizes)).all(), "another seed has no such activation"
    expected = and_gradient(stock(*exact, pool), outer.double(), exact[0])
    bounds = and_gradient(stock(*sizes, pool), outer.double().abs(), sizes[0])
    errors = (
        rounding.of_sum(dtype, TERMS_THERE, ROUNDINGS_THERE),
        rounding.of_sum(dtype, MIRRORED * TERMS_BACK, ROUNDINGS_BACK),
    )
    for values, wanted, bound, error in zip(and_gradient(found, outer, x), expected, bounds, errors, strict=True):
        assert values.dtype == dtype
        assert ((values.double() - wanted).abs() / bound).max().item() < error


def test_a_torch_without_onednn_takes_its_own_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(2)
    x, weight, bias = (torch.randn(shape, generator=generator) for shape in ((1, 3, 6, 6), (4, 3, 3, 3), (4,)))
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    with Names() as names:
        conv_relu(x.requires_grad_(True), weight, bias, True, mirrored(weight)).sum().backward()
    assert "aten.convolution.default" in names.seen
    assert not [name for name in names.seen if name.startswith("mkldnn")]


def test_a_gradient_that_others_still_need_is_not_overwritten() -> None:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(1, 3, 6, 6, generator=generator, requires_grad=True)
    weight, bias = torch.randn(4, 3, 3, 3, generator=generator), torch.zeros(4)
    for pool in (False, True):
        y = conv_relu(x, weight, bias, pool)
        outer = torch.ones_like(y)
        y.backward(outer)
        assert torch.equal(outer, torch.ones_like(y))
