"""Moments of rows, of mixtures, and of parts together."""

import pytest
import torch

from mmuda.functional import Moments, channel_moments, joined_moments, mixed_moments


@pytest.mark.parametrize('shape', [(6, 3), (6, 3, 4), (6, 3, 4, 2), (6, 3, 2, 2, 2)])
def test_moments_and_their_join_are_torchs(shape):
    x = torch.randn(shape, dtype=torch.float64) * 3 + 5
    dims = [dim for dim in range(len(shape)) if dim != 1]
    for part in (channel_moments(x), joined_moments([channel_moments(x[:1]), channel_moments(x[1:])])):
        torch.testing.assert_close(part.mean, x.mean(dims))
        torch.testing.assert_close(part.var, x.var(dims, correction=0))
        torch.testing.assert_close(part.unbiased_var(), x.var(dims))
        assert part.count == x[:, 0].numel()


def test_low_precision_is_measured_in_float32():
    x = torch.randn(300, 2).bfloat16() + 8
    part = channel_moments(x)
    assert part.mean.dtype == part.var.dtype == torch.float32
    torch.testing.assert_close(part.mean, x.float().mean(0))


def test_a_mixture_has_the_variance_between_its_parts():
    mean, var = mixed_moments(torch.tensor([[0.0], [4.0]]), torch.tensor([[1.0], [2.0]]), torch.tensor([0.75, 0.25]))
    assert mean.tolist() == [1]
    assert var.tolist() == [0.75 * 1 + 0.25 * 2 + 0.75 * 0.25 * 16]


def test_parts_keep_gradients():
    x = torch.randn(5, 2, dtype=torch.float64, requires_grad=True)

    def both(x):
        return joined_moments([channel_moments(x[:2]), channel_moments(x[2:])])[:2]

    assert torch.autograd.gradcheck(both, x)
    assert isinstance(channel_moments(x), Moments)
