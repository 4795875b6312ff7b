"""bfloat16 forward, float32 weights and gradients."""

import torch
from mmengine.optim import build_optim_wrapper
from torch import nn

import mmuda.engine  # noqa: F401


def test_the_forward_pass_is_bfloat16_and_the_weights_stay_float32():
    net = nn.Linear(4, 4)
    wrapper = build_optim_wrapper(net, dict(type='mmuda.BFloat16OptimWrapper', optimizer=dict(type='SGD', lr=0.1)))
    before = net.weight.detach().clone()
    with wrapper.optim_context(net):
        output = net(torch.randn(2, 4))
        loss = output.float().square().mean()
    wrapper.update_params(loss)
    assert output.dtype == torch.bfloat16
    assert net.weight.dtype == torch.float32
    assert not torch.equal(net.weight, before)
