"""Instance-adaptive convolution: the factorised form is the one that makes every kernel, at the cost of none."""

import pytest
import torch
import torch.nn.functional as F

from mmuda.functional import dynamic_depthwise_conv, instance_conv, instance_kernels, shared_filters

SHAPES = [  # batch, channels, height, width, kernel, dilation, stride
    (3, 4, 7, 7, 3, 1, 1),
    (3, 4, 7, 7, 3, 2, 1),
    (2, 3, 14, 14, 3, 2, 2),
    (2, 1, 5, 8, 3, 1, 2),
    (1, 2, 6, 6, 5, 2, 3),
    (2, 3, 4, 4, 1, 1, 2),
    (2, 3, 15, 17, 3, 1, 2),
    (2, 2, 16, 20, 3, 2, 1),
]


def tensors(batch, channels, height, width, kernel, dtype=torch.float64):
    shapes = ((batch, channels, height, width), (batch, channels), (kernel, kernel), (kernel, kernel))
    return [torch.randn(shape, dtype=dtype, requires_grad=True) for shape in shapes]


def with_gradients(y, inputs):
    weight = torch.sin(torch.arange(y.numel(), dtype=y.dtype)).view_as(y)
    return y.detach(), *torch.autograd.grad((y * weight).sum(), inputs)


@pytest.mark.parametrize('form', ['factorized', 'convolved', 'grouped'])
@pytest.mark.parametrize('batch, channels, height, width, kernel, dilation, stride', SHAPES)
def test_every_form_is_the_loop_over_instances(batch, channels, height, width, kernel, dilation, stride, form):
    inputs = tensors(batch, channels, height, width, kernel)
    results = [with_gradients(instance_conv(*inputs, dilation, stride, f), inputs) for f in (form, 'loop')]
    torch.testing.assert_close(*results, rtol=1e-10, atol=1e-10)
    assert results[0][0].shape == (batch, channels, -(-height // stride), -(-width // stride))


def test_the_loop_is_the_definition():
    """One output value, summed by hand."""
    x, gate, slope, offset = tensors(2, 3, 6, 5, 3)
    y = instance_conv(x, gate, slope, offset, dilation=2, stride=2, form='loop')
    kernel = gate[1, 2] * slope + offset
    total = sum(kernel[i, j] * x[1, 2, 2 + 2 * (i - 1), 2 + 2 * (j - 1)] for i in range(3) for j in range(3))
    torch.testing.assert_close(y[1, 2, 1, 1], total)


@pytest.mark.parametrize('form', ['factorized', 'grouped', 'loop'])
def test_without_an_offset_the_kernel_is_gate_times_slope(form):
    x, gate, slope, _ = tensors(2, 3, 5, 5, 3)
    y = instance_conv(x, gate, slope, form=form)
    torch.testing.assert_close(y, instance_conv(x, gate, slope, torch.zeros_like(slope)))
    torch.testing.assert_close(y, gate[..., None, None] * F.conv2d(x, slope.expand(3, 1, 3, 3), padding=1, groups=3))


@pytest.mark.parametrize('size', [3, 15])
def test_gradients_are_those_of_finite_differences(size):
    inputs = tensors(2, 2, size, size, 3) if size == 3 else tensors(1, 1, size, size, 3)
    assert torch.autograd.gradcheck(lambda *a: instance_conv(*a, dilation=2, stride=2), inputs)


@pytest.mark.parametrize('limit', [0, 10**6])
def test_matrix_and_convolution_are_one_result(limit, monkeypatch):
    x, filters = torch.randn(2, 3, 6, 9, dtype=torch.float64), torch.randn(4, 3, 3, dtype=torch.float64)
    monkeypatch.setattr('mmuda.functional.dida.MATRIX_POSITIONS', limit)
    maps = shared_filters(x, filters, dilation=2, stride=3)
    assert len(maps) == 4
    for y, kernel in zip(maps, filters):
        torch.testing.assert_close(y, F.conv2d(x, kernel.expand(3, 1, 3, 3), None, 3, 2, 2, 3))


def test_kernels_may_come_from_elsewhere():
    """A generator that is not the same for all channels has no factorised form, but the general one takes it."""
    x, kernels = torch.randn(3, 4, 6, 6), torch.randn(3, 4, 3, 3)
    y = dynamic_depthwise_conv(x, kernels, dilation=2)
    torch.testing.assert_close(y, dynamic_depthwise_conv(x, kernels, dilation=2, loop=True))
    torch.testing.assert_close(y[1, 2], F.conv2d(x[1, 2][None], kernels[1, 2][None, None], padding=2, dilation=2)[0])
    gate, slope, offset = torch.randn(3, 4), torch.randn(3, 3), torch.randn(3, 3)
    torch.testing.assert_close(instance_kernels(gate, slope, offset)[2, 1], gate[2, 1] * slope + offset)


@pytest.mark.parametrize('form, grows', [('factorized', False), ('grouped', False), ('loop', True)])
def test_operations_do_not_grow_with_the_batch(form, grows, count_operations):
    counts = []
    for batch in (2, 9):
        inputs = tensors(batch, 3, 7, 7, 3)
        counts.append(count_operations(lambda inputs=inputs: instance_conv(*inputs, form=form).sum().backward()))
    assert (counts[1] > counts[0]) == grows
    assert grows or counts[1] == counts[0]


def test_auto_is_the_factorised_form_on_a_cpu(count_operations):
    """On a GPU it is the grouped one: tests/test_cuda.py."""
    inputs = tensors(2, 3, 7, 7, 3)
    auto, factorized, grouped = (
        count_operations(lambda form=form: instance_conv(*inputs, form=form))
        for form in ('auto', 'factorized', 'grouped')
    )
    assert auto == factorized != grouped
