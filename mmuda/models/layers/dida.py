"""The DIDA module: a residual whose convolution kernels are made from the instance that they are applied to.

DIDA-Net (Deng et al., IEEE T-IP 2022), Sec. III-B and Fig. 5. The input is reduced to C/m channels (conv1); the means
of these channels make kernels of several dilations (conv2, conv3), which convolve them depth-wise; one 1×1 convolution
(conv4) widens each result, and the results are concatenated (Eq. 4).

As the released module, and unlike the paper's text, each kernel passes one more scale and shift; ``rescale=False`` is
the paper's form. Different from it only in how things are computed: no loop over the instances
(:mod:`mmuda.functional.dida`), conv4 runs once for all dilations, and as the mean of a 1×1 convolution is the
convolution of the mean, the kernels cost no second pass over the input.

Shapes: B images, C channels, R = C/m reduced channels, D dilations, P output channels.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmuda.functional.adaptive_conv import Maps, adaptive_conv
from mmuda.functional.dida import FORMS as CONV_FORMS
from mmuda.functional.dida import full_precision, instance_conv
from mmuda.registry import MODELS

FORMS = (*CONV_FORMS, 'fused')
INITS = ('kaiming', 'torch')


class MultiBranchModule(BaseModule):
    """What the DIDA module and its controls share: reduce the channels, make D maps of them, widen and concatenate.

    Args:
        in_channels, out_channels: C and P.
        reduction: m.
        num_maps: D.
        bias: Whether the 1×1 convolutions have biases.
        init: ``kaiming`` (normal, fan out, as the released ResNets) or ``torch`` (its default, as the released digit
            network).

    Raises:
        ValueError: A reduction or a number of maps that does not divide the channels.
    """

    def __init__(
        self, in_channels: int, out_channels: int, reduction: int, num_maps: int, bias: bool, init: str
    ) -> None:
        super().__init__()
        _check(type(self).__name__, in_channels, out_channels, reduction, num_maps, init)
        self.in_channels = in_channels
        self.init = init
        reduced = in_channels // reduction
        self.reduce = nn.Conv2d(in_channels, reduced, 1, bias=bias)
        self.fuse = nn.Conv2d(reduced, out_channels // num_maps, 1, bias=bias)

    def init_weights(self) -> None:
        """Draw the weights of all convolutions; a constructor calls this at its end."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                init_conv(module, self.init)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, C, H, W]`` → ``[B, P, ⌈H / stride⌉, ⌈W / stride⌉]``.

        Raises:
            ValueError: An input of another number of channels.
        """
        if x.shape[1] != self.in_channels:
            raise ValueError(
                f'{type(self).__name__} has in_channels={self.in_channels}, but its input has {x.shape[1]} channels: '
                'set in_channels to that of the stage whose output it gets.'
            )
        out = self.fuse(self.maps(x, self.reduce(x)).flatten(0, 1))
        return out.reshape(x.shape[0], -1, *out.shape[2:])  # a copy in channels-last, whose strides no view can join

    @abstractmethod
    def maps(self, x: Tensor, reduced: Tensor) -> Tensor:
        """Make ``[B, D, R, H', W']`` of the input ``[B, C, H, W]`` and its reduction ``[B, R, H, W]`` before a ReLU."""


@MODELS.register_module()
class DIDAModule(MultiBranchModule):
    """The DIDA module (Fig. 5).

    Args:
        in_channels, out_channels: Of input and output; ``reduction`` divides the first, the number of dilations the
            second.
        reduction: m, how many times fewer channels the depth-wise convolutions have.
        kernel_size: Of the kernels, odd; one number, or one for each dilation (Table VI: ``(1, 3)``).
        dilations: One branch of generated kernels each (Table V).
        stride: Of the depth-wise convolutions.
        rescale: Whether kernels pass another scale and shift, as in the released code.
        bias: Whether the convolutions, and so the kernels, have biases. None: as ``rescale``, which gives the parameter
            counts of the released code (24 904 for 512 channels) and of the paper (24 594).
        share_reduction: Whether kernels are made from the reduced input (True) or each branch has a reduction of its
            own (Table VI: "'conv1' not shared among three branches").
        init: See :class:`MultiBranchModule`.
        unit_scale: Let that scale begin at 1. Otherwise it is drawn like any other weight, and its sign and size are an
            accident of the seed.
        form: How to compute it: as :func:`mmuda.functional.instance_conv` does for each dilation, or all of them
            ``fused`` (:mod:`mmuda.functional.adaptive_conv`), in the fewest operations, which ``auto`` is on a GPU
            wherever the branches share their reduction. A compiler gets the formula in its place.

    Raises:
        ValueError: An unknown form, or ``fused`` without a shared reduction.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        reduction: int = 16,
        kernel_size: int | tuple[int, ...] = 3,
        dilations: tuple[int, ...] = (1, 2),
        stride: int = 1,
        rescale: bool = True,
        bias: bool | None = None,
        share_reduction: bool = True,
        init: str = 'kaiming',
        unit_scale: bool = False,
        form: str = 'auto',
    ) -> None:
        bias = rescale if bias is None else bias
        super().__init__(in_channels, out_channels, reduction, len(dilations), bias, init)
        if form not in FORMS:
            raise ValueError(f'form={form!r} is no way to compute a DIDAModule: choose one of {list(FORMS)}.')
        if form == 'fused' and not share_reduction:
            raise ValueError(
                "form='fused' makes the kernels of all branches from one reduction: set share_reduction=True, or "
                "form='auto'."
            )
        self.dilations, self.stride, self.form = tuple(dilations), stride, form
        self.unit_scale = unit_scale and rescale
        sizes = kernel_sizes(kernel_size, len(self.dilations))
        self.generators = nn.ModuleList(KernelGenerator(size, rescale, bias) for size in sizes)
        self.reductions = nn.ModuleList()
        if not share_reduction:
            self.reductions.extend(nn.Conv2d(in_channels, in_channels // reduction, 1, bias=bias) for _ in sizes)
        self.init_weights()

    def init_weights(self) -> None:
        """Draw the weights of all convolutions, those that make kernels included."""
        super().init_weights()
        for generator in self.generators if self.unit_scale else ():
            nn.init.ones_(generator.rescale.weight)

    def maps(self, x: Tensor, reduced: Tensor) -> Tensor:
        """Compute Ô and Õ of Eqs. 2 and 3."""
        fused = self.form == 'fused' or (self.form == 'auto' and x.is_cuda and not self.reductions)
        if fused and not torch.compiler.is_compiling():
            return adaptive_conv(
                reduced, [generator.maps() for generator in self.generators], self.dilations, self.stride
            )
        feature = reduced.relu()
        if self.reductions:
            mean = x.mean((2, 3), keepdim=True)
            gates = [reduce(mean).relu().flatten(1) for reduce in self.reductions]
        else:
            gates = [reduced.mean((2, 3)).relu()] * len(self.dilations)
        form = 'auto' if fused else self.form
        maps = [
            instance_conv(feature, gate, *generator(), dilation, self.stride, form)
            for gate, generator, dilation in zip(gates, self.generators, self.dilations)
        ]
        return torch.stack(maps, 1)


class KernelGenerator(nn.Module):
    """conv2 (conv3) of Fig. 5: channel mean g → kernel g · U + V, the same map for all channels.

    Args:
        kernel_size: k.
        rescale: Another scale a and shift d: U = a · w, V = a · b + d.
        bias: Whether there are b and d.
    """

    def __init__(self, kernel_size: int, rescale: bool, bias: bool) -> None:
        super().__init__()
        self.expand = nn.Conv2d(1, kernel_size**2, 1, bias=bias)
        self.rescale = nn.Conv2d(1, 1, 1, bias=bias) if rescale else None
        self.kernel_size = kernel_size

    def maps(self) -> Maps:
        """Return w, b, a and d."""
        scale, shift = (None, None) if self.rescale is None else (self.rescale.weight, self.rescale.bias)
        return Maps(self.expand.weight, self.expand.bias, scale, shift)

    def forward(self) -> tuple[Tensor, Tensor | None]:
        """Return U and V ``[k, k]``; no V without biases."""
        slope, offset = self.expand.weight.view(-1, 1), self.expand.bias
        if self.rescale is not None:  # as products, whose gradients need no sums of their own
            scale = self.rescale.weight.view(1, 1)
            with full_precision(scale.device):
                slope = slope @ scale
                if offset is not None:
                    offset = torch.addmm(self.rescale.bias.view(1, 1), offset.view(-1, 1), scale)
        shape = (self.kernel_size, self.kernel_size)
        return slope.view(shape), None if offset is None else offset.view(shape)


def init_conv(conv: nn.Conv2d, init: str) -> None:
    """Initialise a convolution by one of ``INITS``."""
    if init == 'torch':
        conv.reset_parameters()
        return
    nn.init.kaiming_normal_(conv.weight, mode='fan_out', nonlinearity='relu')
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)


def kernel_sizes(kernel_size: int | tuple[int, ...], count: int) -> tuple[int, ...]:
    """Return one odd size for each branch.

    Raises:
        ValueError: Another number of sizes, or an even one.
    """
    sizes = (kernel_size,) * count if isinstance(kernel_size, int) else tuple(kernel_size)
    if len(sizes) != count or any(size < 1 or size % 2 == 0 for size in sizes):
        raise ValueError(
            f'kernel_size={kernel_size} does not fit {count} dilations: give one odd size, or an odd size for each.'
        )
    return sizes


def _check(name: str, in_channels: int, out_channels: int, reduction: int, num_maps: int, init: str) -> None:
    if reduction < 1 or in_channels % reduction:
        raise ValueError(
            f'{name} has in_channels={in_channels}, which reduction={reduction} does not divide: choose a reduction '
            'that does.'
        )
    if num_maps < 1 or out_channels % num_maps:
        raise ValueError(
            f'{name} has out_channels={out_channels}, which {num_maps} dilations cannot share equally: choose a '
            'multiple of their number.'
        )
    if init not in INITS:
        raise ValueError(f'{name} has init={init!r}, which is none: choose one of {list(INITS)}.')
