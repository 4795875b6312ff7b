"""`pointwise_conv` is torch's convolution, whichever of torch's kernels computes it."""

import pytest
import torch
import torch.nn.functional as F

from mmuda.functional import pointwise_conv


def kernels_of(step):
    """Names of the convolutions that torch runs."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        step()
    return {event.key for event in profile.key_averages()} & {'aten::mkldnn_convolution', 'aten::_slow_conv2d_forward'}


@pytest.mark.parametrize('batch', [1, 2, 17])
@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('with_bias', [True, False])
def test_values_and_gradients_are_those_of_the_formula(one_thread, batch, layout, with_bias):
    torch.manual_seed(0)
    x = torch.randn(batch, 6, 5, 7).contiguous(memory_format=layout).requires_grad_()
    weight, bias = torch.randn(9, 6, 1, 1, requires_grad=True), torch.randn(9, requires_grad=True)
    found = pointwise_conv(x, weight, bias if with_bias else None)
    exact = torch.einsum('bchw,dc->bdhw', x.double(), weight[..., 0, 0].double())
    exact = exact + bias.double()[:, None, None] if with_bias else exact
    torch.testing.assert_close(found.double(), exact, rtol=1e-5, atol=1e-5)
    leaves = (x, weight, bias) if with_bias else (x, weight)
    given = torch.randn_like(found)
    ours, theirs = torch.autograd.grad(found, leaves, given), torch.autograd.grad(exact, leaves, given.double())
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason='torch without oneDNN')
def test_one_dnn_computes_it_where_torch_alone_would_not(one_thread):
    x, weight = torch.randn(4, 16, 8, 8), torch.randn(8, 16, 1, 1)
    assert kernels_of(lambda: F.conv2d(x, weight)) == {'aten::_slow_conv2d_forward'}
    assert kernels_of(lambda: pointwise_conv(x, weight)) == {'aten::mkldnn_convolution'}


def test_a_graph_holds_a_plain_convolution(one_thread):
    x, weight = torch.randn(1, 3, 4, 4), torch.randn(2, 3, 1, 1)
    traced = torch.jit.trace(pointwise_conv, (x, weight))
    assert '[2, 2]' not in str(traced.graph)
    program = torch.export.export(Pointwise(), (x, weight))
    (conv,) = [node for node in program.graph.nodes if 'conv2d' in str(node.target)]
    assert [2, 2] not in conv.args


class Pointwise(torch.nn.Module):
    def forward(self, x, weight):
        return pointwise_conv(x, weight)


def test_larger_filters_are_refused():
    with pytest.raises(ValueError, match='takes 1×1 filters, not 3×1'):
        pointwise_conv(torch.randn(1, 2, 4, 4), torch.randn(2, 2, 3, 1))
