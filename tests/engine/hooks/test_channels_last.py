"""Weights and moments change their layout, not their values."""

from types import SimpleNamespace

import torch
from torch import nn

from mmuda.engine.hooks import ChannelsLastHook


def test_a_resumed_fused_optimizer_steps_as_a_contiguous_one():
    torch.manual_seed(0)
    nets = [nn.Conv2d(4, 8, 3) for _ in range(2)]
    nets[1].load_state_dict(nets[0].state_dict())
    optimizers = [torch.optim.AdamW(net.parameters(), lr=0.1, fused=True) for net in nets]
    x = torch.randn(2, 4, 6, 6)
    for step in range(2):
        if step:  # the second network resumes in another layout
            run = SimpleNamespace(model=nets[1], optim_wrapper=SimpleNamespace(optimizer=optimizers[1]))
            ChannelsLastHook().before_run(run)
            ChannelsLastHook().before_train(run)
        for net, optimizer in zip(nets, optimizers, strict=True):
            optimizer.zero_grad()
            net(x).square().mean().backward()
            optimizer.step()
    assert nets[1].weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(nets[1].weight, nets[0].weight)
