"""Dilated depth-wise convolutions by sub-grids against torch's own."""

import pytest
import torch
import torch.nn.functional as F

from mmuda.functional import atrous_depthwise, joined_grids, sub_grids

SHAPES = [(2, 5, 12, 18), (1, 3, 13, 7), (2, 4, 5, 4)]  # with whole sub-grids, with others, smaller than a kernel


def both(shape, dilation, kernel=3, bias=True, dtype=torch.float64, seed=0):
    """Output and gradients of either form, from the same tensors."""
    torch.manual_seed(seed)
    x = torch.randn(shape, dtype=dtype).contiguous(memory_format=torch.channels_last)
    leaves = [x, torch.randn(shape[1], 1, kernel, kernel, dtype=dtype)] + bias * [torch.randn(shape[1], dtype=dtype)]
    upper = torch.randn(shape, dtype=dtype)
    results = []
    for form in ('plain', 'grids'):
        x, weight, *rest = (leaf.clone().requires_grad_() for leaf in leaves)
        b = rest[0] if rest else None
        if form == 'plain':
            y = F.conv2d(x, weight, b, padding=dilation * (kernel // 2), dilation=dilation, groups=shape[1])
        else:
            y = atrous_depthwise(x, weight, b, dilation)
        results.append((y, torch.autograd.grad(y, (x, weight, *rest), upper)))
    return results


@pytest.mark.parametrize('shape', SHAPES, ids=str)
@pytest.mark.parametrize('dilation', [2, 3, 6, 18])
@pytest.mark.parametrize('kernel, bias', [(3, True), (5, False)])
def test_outputs_and_gradients_are_torchs(shape, dilation, kernel, bias):
    (plain, wanted), (found, gradients) = both(shape, dilation, kernel, bias)
    torch.testing.assert_close(found, plain, rtol=0, atol=1e-13)
    torch.testing.assert_close(gradients, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize('dilation', [6, 12, 18])
def test_float32_outputs_are_equal_to_the_bit(dilation):
    """Sums of the same nine products in the same order, in the kernels of oneDNN; gradients add up in another order."""
    (plain, wanted), (found, gradients) = both((2, 64, 32, 32), dilation, bias=False, dtype=torch.float32)
    if torch.backends.mkldnn.is_available():
        assert torch.equal(found, plain)
    torch.testing.assert_close(gradients, wanted, rtol=1e-4, atol=1e-4)


def test_sub_grids_have_each_pixel_once():
    x = torch.randn(2, 3, 7, 5)
    grids = sub_grids(x, 3)
    assert grids.shape == (18, 3, 3, 2)
    assert torch.equal(grids[1 * 3 + 2, :, :2, :1], x[0, :, 1::3, 2::3])
    assert torch.equal(joined_grids(grids, 3, x.shape), x)
    torch.testing.assert_close(grids.sum(), x.sum())


def test_second_derivative():
    torch.manual_seed(0)
    leaves = [torch.randn(1, 2, 5, 4), torch.randn(2, 1, 3, 3), torch.randn(2)]
    leaves = [x.double().requires_grad_() for x in leaves]
    assert torch.autograd.gradgradcheck(lambda *x: atrous_depthwise(*x, 2), leaves)
