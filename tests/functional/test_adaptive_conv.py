"""Kernels of all dilations in one convolution are those that are made and applied one by one; so are the gradients."""

import pytest
import torch

from mmuda.functional.adaptive_conv import Maps, adaptive_conv
from mmuda.functional.dida import instance_conv

KINDS = {
    'released': (True, True, True),
    'paper': (False, False, False),
    'biases': (True, False, False),
    'scale': (False, True, False),
    'scale and shift': (False, True, True),
}


def draw(sizes, kind):
    """Parameters of each dilation, in float64."""
    shapes = zip((True, *KINDS[kind]), ('weight', 'bias', 'scale', 'shift'))
    names = [(name, 'square' if name in ('weight', 'bias') else 'one') for known, name in shapes if known]
    return [
        Maps(**{
            name: torch.randn(size**2 if shape == 'square' else 1, dtype=torch.float64, requires_grad=True)
            for name, shape in names
        })
        for size in sizes
    ]  # fmt: skip


def one_by_one(reduced, maps, dilations, stride):
    gate, out = reduced.mean((2, 3)).relu(), []
    for (weight, bias, scale, shift), dilation in zip(maps, dilations):
        scale = 1 if scale is None else scale
        offset = 0 * weight + (0 if bias is None else scale * bias) + (0 if shift is None else shift)
        size = (round(len(weight) ** 0.5),) * 2
        kernels = (scale * weight).view(size), offset.view(size)
        out.append(instance_conv(reduced.relu(), gate, *kernels, dilation, stride, 'loop'))
    return torch.stack(out, 1)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize(
    'sizes, dilations, stride',
    [((3, 3), (1, 2), 1), ((3, 3), (1, 2), 2), ((1, 3), (1, 1), 1), ((5, 3, 3), (1, 3, 2), 1), ((3,), (2,), 1)],
)
def test_values_and_gradients(kind, sizes, dilations, stride):
    maps = draw(sizes, kind)
    reduced = torch.randn(3, 4, 6, 5, dtype=torch.float64, requires_grad=True)
    inputs = [reduced, *(parameter for each in maps for parameter in each if parameter is not None)]
    wanted = one_by_one(reduced, maps, dilations, stride)
    found = adaptive_conv(reduced, maps, dilations, stride)
    torch.testing.assert_close(found, wanted)
    weight = torch.randn_like(wanted)
    for ours, theirs in zip(*(torch.autograd.grad(y, inputs, weight) for y in (found, wanted)), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_the_gradients_are_those_of_finite_differences():
    maps = draw((3, 3), 'released')
    reduced = torch.randn(2, 2, 4, 3, dtype=torch.float64, requires_grad=True)
    flat = [reduced, *(parameter for each in maps for parameter in each)]
    assert torch.autograd.gradcheck(lambda x, *rest: adaptive_conv(x, [Maps(*rest[:4]), Maps(*rest[4:])], (1, 2)), flat)


def test_kernels_keep_their_precision_in_half_precision():
    maps = [Maps(*(p.detach().float().requires_grad_() for p in each)) for each in draw((3, 3), 'released')]
    reduced = torch.randn(3, 4, 6, 5).bfloat16()
    with torch.autocast('cpu', torch.bfloat16):
        found = adaptive_conv(reduced, maps, (1, 2))
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), one_by_one(reduced.float(), maps, (1, 2), 1), rtol=0.02, atol=0.05)
    found.float().sum().backward()
    assert all(parameter.grad.dtype == torch.float32 for each in maps for parameter in each)
