import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from worker.engine.operators import conv_relu, mirrored


def stock(x: Tensor, weight: Tensor, bias: Tensor, pool: bool) -> Tensor:
    y = F.relu(F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), weight, bias))
    return F.avg_pool2d(y, 2) if pool else y


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("size", [(2, 2), (3, 2), (5, 8), (9, 7), (16, 16)])
@pytest.mark.parametrize("pool", [False, True], ids=["plain", "pooled"])
@pytest.mark.parametrize("turns", [False, True], ids=["backward", "mirrored"])
def test_values_and_gradients_are_those_of_the_stock_operators(
    dtype: torch.dtype, size: tuple[int, int], pool: bool, turns: bool
) -> None:
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=dtype, generator=generator)

    x = random(2, 3, *size).contiguous(memory_format=torch.channels_last).requires_grad_(True)
    weight, bias = random(4, 3, 3, 3), random(4)
    expected = stock(x, weight, bias, pool)
    found = conv_relu(x, weight, bias, pool, mirrored(weight) if turns else None)
    outer = random(*expected.shape)
    (gradient,) = torch.autograd.grad((found * outer).sum(), x)
    (reference,) = torch.autograd.grad((expected * outer).sum(), x)
    tolerance = 1e-12 if dtype == torch.float64 else 1e-5
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(gradient, reference, rtol=tolerance, atol=tolerance)


def test_a_gradient_that_others_still_need_is_not_overwritten() -> None:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(1, 3, 6, 6, generator=generator, requires_grad=True)
    weight, bias = torch.randn(4, 3, 3, 3, generator=generator), torch.zeros(4)
    for pool in (False, True):
        y = conv_relu(x, weight, bias, pool)
        outer = torch.ones_like(y)
        y.backward(outer)
        assert torch.equal(outer, torch.ones_like(y))
