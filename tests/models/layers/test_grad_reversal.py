"""Identity forward; backward the sign turns and the coefficient scales."""

import pytest
import torch

from mmuda.models.layers import GradientReversal, reverse_gradient


@pytest.mark.parametrize('coefficient', [0.0, 0.3, torch.tensor(0.3), torch.tensor(1.0, dtype=torch.float64)])
def test_gradients_turn_around_and_shrink(coefficient):
    x = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    y = reverse_gradient(x, coefficient)
    assert torch.equal(y, x)
    (y**2).sum().backward()
    torch.testing.assert_close(x.grad, -float(coefficient) * 2 * x.detach(), rtol=1e-6, atol=0)
    assert x.grad.dtype == x.dtype


def test_a_low_precision_gradient_keeps_its_type():
    x = torch.ones(2, dtype=torch.bfloat16, requires_grad=True)
    reverse_gradient(x, torch.tensor(0.5)).sum().backward()
    assert x.grad.dtype == torch.bfloat16


def test_the_coefficient_gets_no_gradient_and_the_second_derivative_is_right():
    x = torch.tensor(3.0, requires_grad=True)
    coefficient = torch.tensor(0.5, requires_grad=True)
    (first,) = torch.autograd.grad(reverse_gradient(x, coefficient) ** 2, x, create_graph=True)
    (second,) = torch.autograd.grad(first, x)
    assert (first.item(), second.item()) == (-3.0, 0.5)  # reversed once, and once more on the way through the first
    reverse_gradient(x, coefficient).backward()
    assert coefficient.grad is None


def test_the_module_takes_its_own_coefficient_or_another():
    layer = GradientReversal(0.5)
    for given, expected in ((None, -0.5), (2.0, -2.0)):
        x = torch.zeros((), requires_grad=True)
        layer(x, given).backward()
        assert x.grad == expected
    assert not layer.state_dict()
    assert 'coefficient=0.5' in repr(layer)


def test_it_compiles_without_a_break():
    counts = torch._dynamo.explain(lambda x, c: reverse_gradient(x * 2, c).sum())(
        torch.ones(2, requires_grad=True), torch.tensor(0.5)
    )
    assert counts.graph_break_count == 0
