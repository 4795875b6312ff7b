"""Convolution weights in channels-last order."""

from __future__ import annotations

import torch
from mmengine.hooks import Hook

from mmuda.registry import HOOKS


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Runs the model in ``torch.channels_last``: about 0.7 of a MobileNetV2 or ResNet step on a CPU.

    Leave it out for heads with dilated depth-wise convolutions (as in an ASPP), slower in this layout unless they are
    :class:`mmuda.AtrousConv2d`, as those of the DAFormer head. Under DDP torch warns that gradient buckets have another
    layout: they are copied then.
    """

    def before_run(self, runner) -> None:
        """Reorder the parameters in place; the activations follow the first convolution."""
        runner.model.to(memory_format=torch.channels_last)

    def before_train(self, runner) -> None:
        """Give loaded moments their parameters' layout, which a fused optimizer takes for granted."""
        optimizer = runner.optim_wrapper.optimizer
        for parameter, state in optimizer.state.items():
            for name, value in state.items():
                if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                    state[name] = torch.empty_like(parameter).copy_(value)
