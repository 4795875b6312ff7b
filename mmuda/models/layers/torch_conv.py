"""A convolution with the parameters of another one, computed otherwise."""

from __future__ import annotations

from torch import nn
from torch.nn.utils import skip_init

OPTIONS = ('in_channels', 'out_channels', 'kernel_size', 'stride', 'padding', 'dilation', 'groups', 'padding_mode')


class TorchConv2d(nn.Conv2d):
    """``nn.Conv2d``, which can take over the options and the very parameters of another one."""

    @classmethod
    def of(cls, conv: nn.Conv2d) -> TorchConv2d:
        """Return a convolution with the options and the very parameters of ``conv``; nothing is drawn."""
        made = skip_init(cls, **{name: getattr(conv, name) for name in OPTIONS}, bias=conv.bias is not None)
        made.weight, made.bias, made.training = conv.weight, conv.bias, conv.training
        return made
