"""1×1 convolutions that take the faster of torch's kernels on a CPU, see :mod:`mmuda.functional.pointwise`."""

from __future__ import annotations

from torch import Tensor, nn

from mmuda.functional import pointwise_conv

from .torch_conv import TorchConv2d


class PointwiseConv2d(TorchConv2d):
    """``nn.Conv2d`` of 1×1 filters, with the same parameters and, up to rounding, the same outputs.

    In evaluation it is ``nn.Conv2d`` to the bit, unless ``exact`` is False, as in a teacher.
    """

    exact = True

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, C, H, W]`` → ``[B, out_channels, H, W]``."""
        if self.exact and not self.training:
            return super().forward(x)
        return pointwise_conv(x, self.weight, self.bias)


def make_pointwise(network: nn.Module) -> None:
    """Let the 1×1 convolutions below a network be :class:`PointwiseConv2d`; parameters and their names stay.

    Convolutions of another class, with a stride, padding or groups keep theirs.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 3))
        >>> make_pointwise(net)
        >>> [type(layer).__name__ for layer in net]
        ['PointwiseConv2d', 'Conv2d']
    """
    for module in list(network.modules()):
        for name, child in module.named_children():
            if _is_plain(child):
                setattr(module, name, PointwiseConv2d.of(child))


def _is_plain(module: nn.Module) -> bool:
    """Tell whether a module is torch's convolution, or mmcv's of that name, of 1×1 filters and nothing else."""
    return (
        isinstance(module, nn.Conv2d)
        and type(module).__name__ == 'Conv2d'
        and (module.kernel_size, module.stride, module.padding, module.groups) == ((1, 1), (1, 1), (0, 0), 1)
    )
