"""The norms of two domains as few kernels: three forward and two backward, on CUDA, where Triton is installed.

For a row x of domain d, whose own rows have the moments (m_d, v_d):

    y = gain · (scale_d · (x − center_d) / sqrt(var_d + eps) + shift_d)
    center_d = Σ_i w_di · m_i        var_d = Σ_i w_di · (v_i + (m_i − center_d)²)

The mixture w says whose moments normalise a domain, the gain is TransNorm's, a constant. A :class:`Recipe` names both;
the classes of the norms have the formulas to read. Differentiated by hand, with G = Σ g and H = Σ g · x̂ of a domain:

    a_d = gain · scale_d / sqrt(var_d + eps)
    ∂L/∂center_d = −a_d · G_d     ∂L/∂var_d = −a_d · H_d / (2 sqrt(var_d + eps))
    ∂L/∂v_i = Σ_d w_di · ∂L/∂var_d     ∂L/∂m_i = Σ_d w_di · (∂L/∂center_d + 2 (m_i − center_d) · ∂L/∂var_d)

With several processes the moments are those of all of them, by one collective forward and one backward.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mmuda.functional.moments import statistics_dtype
from mmuda.processes import gather_over_ranks, num_ranks, sum_over_ranks

from .norm_passes import laid_out_as, values_per_channel

PROGRAMS = 528  # as many as keep 132 multiprocessors busy
MOST_SPLITS = 32767  # a grid's second dimension has up to 65535 programs, for two domains


class Recipe(NamedTuple):
    """What a norm makes of two domains' moments.

    ``mixture``: a domain is normalised by its ``own`` moments, by the ``source``'s, by those of the ``joint`` batch or
    by a learned ``share`` of its own. ``residual`` and what follows: TransNorm's gain, 1 for ``none``.
    """

    mixture: str = 'own'
    residual: str = 'none'
    distance: str = 'none'
    probability: str = 'student_t'
    unbiased: bool = True


class Statistics(NamedTuple):
    """Running statistics, to be moved in place."""

    mean_source: Tensor
    var_source: Tensor
    mean_target: Tensor
    var_target: Tensor
    batches: Tensor


def has_fused_kernels(x: Tensor) -> bool:
    """Whether the kernels run where ``x`` is; a compiler makes its own of the plain formula."""
    return x.is_cuda and find_spec('triton') is not None and not torch.compiler.is_compiling()


def fused_norm(
    x: Tensor,
    num_source: int,
    recipe: Recipe,
    eps: float,
    momentum: float | None,
    weight: Tensor | None,
    bias: Tensor | None,
    mixing: Tensor | None,
    statistics: Statistics | None,
) -> Tensor:
    """Normalise ``[n_s + n_t, C, ...]``, source rows first.

    Args:
        x, num_source: The batch, and how many of its rows are source.
        recipe: The norm.
        eps, momentum: As a batch norm's; a momentum of None weighs all batches the same.
        weight, bias: ``[C]``, or ``[2, C]`` of source and target; None: 1 and 0.
        mixing: The raw parameter of a ``share``.
        statistics: What the batch moves; None: nothing.
    """
    return _FusedNorm.apply(x, weight, bias, mixing, num_source, recipe, eps, momentum, statistics)


class _Layout(NamedTuple):
    """How a batch is cut: into blocks of channels, and each domain's rows into splits."""

    sizes: tuple[int, int, int, int]  # source rows, target rows, channels, values of a row of one channel
    blocks: int
    tile: dict[str, Any]

    def splits(self, wanted: int) -> int:
        """At most ``wanted``, with no less than one tile of rows each."""
        return max(1, min(wanted, -(-max(self.sizes[:2]) // self.tile['ROWS']), MOST_SPLITS))

    def grid(self, splits: int) -> tuple[int, int]:
        """Return the programs of a kernel: blocks of channels, splits of both domains."""
        return self.blocks, 2 * splits


def _layout(x: Tensor, num_source: int) -> _Layout:
    values, channels = values_per_channel(x), x.shape[1]
    by_channel = values > 1 and x.is_contiguous()
    rows, block = (1024, 1) if by_channel else (64, 32)
    sizes = (num_source * values, (len(x) - num_source) * values, channels, values)
    tile = dict(CHANNELS_LAST=not by_channel, ACC=_accumulator(x), ROWS=rows, CHANNELS=block)
    return _Layout(sizes, -(-channels // block), tile)


def _accumulator(x: Tensor) -> Any:
    import triton.language as tl

    return tl.float64 if x.dtype == torch.float64 else tl.float32


class _FusedNorm(torch.autograd.Function):
    """See :func:`fused_norm`."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        mixing: Tensor | None,
        num_source: int,
        recipe: Recipe,
        eps: float,
        momentum: float | None,
        statistics: Statistics | None,
    ) -> Tensor:
        """Measure both domains, make the table of what normalises them, and map the batch by it."""
        from .norm_kernels import map_kernel

        x = _dense(x)
        layout = _layout(x, num_source)
        with torch.cuda.device_of(x):
            table = _table(x, layout, recipe, eps, momentum, mixing, statistics)
            out = torch.empty_like(x)
            splits = layout.splits(max(layout.sizes[:2]))  # of one tile each
            affine = _kind(weight)
            map_kernel[layout.grid(splits)](
                x, table, weight, bias, out, *layout.sizes, AFFINE=affine, SPLITS=splits, **layout.tile
            )
        ctx.save_for_backward(x, table, weight, bias, mixing)
        ctx.layout, ctx.mixture = layout, recipe.mixture
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Sum what both domains' gradients need, over all processes, and map the batch by it."""
        from .norm_kernels import gradient_kernel, sums_kernel

        x, table, weight, bias, mixing = ctx.saved_tensors
        layout, grad = ctx.layout, laid_out_as(x, grad)
        with_input, affine = ctx.needs_input_grad[0], _kind(weight)
        by_input, by_weight, by_bias = (_like(value) for value in (x if with_input else None, weight, bias))
        own = layout.splits(-(-PROGRAMS // (2 * layout.blocks)))
        with torch.cuda.device_of(x):
            sums = table.new_empty(2 * own, 2, x.shape[1])
            sums_kernel[layout.grid(own)](grad, x, table, sums, *layout.sizes, SPLITS=own, **layout.tile)
            total, parts = sums, own
            if with_input and num_ranks() > 1:
                total, parts = sum_over_ranks(sums.view(2, own, 2, -1).sum(1)), 1
            splits = layout.splits(max(layout.sizes[:2])) if with_input else 1
            gradient_kernel[layout.grid(splits)](
                grad, x, table, total, sums, weight, mixing, by_input, by_weight, by_bias, *layout.sizes, parts, own,
                MIXTURE=ctx.mixture, AFFINE=affine, WITH_INPUT=with_input, SPLITS=splits, **layout.tile,
            )  # fmt: skip
            by_mixing = _share_gradient(table, sums, weight, mixing, own, layout) if mixing is not None else None
        return by_input, by_weight, by_bias, by_mixing, None, None, None, None, None


def _table(
    x: Tensor,
    layout: _Layout,
    recipe: Recipe,
    eps: float,
    momentum: float | None,
    mixing: Tensor | None,
    statistics: Statistics | None,
) -> Tensor:
    """Moments of both domains, what normalises them, and the running statistics' next values."""
    from .norm_channels import channels_kernel
    from .norm_kernels import moments_kernel

    channels, dtype = x.shape[1], statistics_dtype(x)
    splits = layout.splits(-(-PROGRAMS // (2 * layout.blocks)))
    parts = torch.empty(2 * splits, 3, channels, dtype=dtype, device=x.device)
    moments_kernel[layout.grid(splits)](x, parts, *layout.sizes, SPLITS=splits, **layout.tile)
    count, domain_stride, part_stride = splits, splits * 3 * channels, 3 * channels
    if num_ranks() > 1:
        parts, count = _of_all_ranks(parts, splits, channels), num_ranks()
        domain_stride, part_stride = 3 * channels, 6 * channels
    table = torch.empty(2, 6, channels, dtype=dtype, device=x.device)
    channels_kernel[(1,)](
        parts, table, mixing, *(statistics or (None,) * 5), channels, count, domain_stride, part_stride,
        momentum or 0.0, eps, MIXTURE=recipe.mixture, RESIDUAL=recipe.residual, DISTANCE=recipe.distance,
        PROBABILITY=recipe.probability, UNBIASED=recipe.unbiased, TRACK=statistics is not None,
        CUMULATIVE=momentum is None, ACC=layout.tile['ACC'], BLOCK=_power_of_two(channels),
    )  # fmt: skip
    return table


def _of_all_ranks(parts: Tensor, splits: int, channels: int) -> Tensor:
    """``[ranks, 2, 3, C]``"""
    from .norm_channels import merge_kernel

    merged = parts.new_empty(2, 3, channels)
    merge_kernel[(2,)](parts, merged, channels, splits, BLOCK=_power_of_two(channels))
    return gather_over_ranks(merged)


def _share_gradient(
    table: Tensor, sums: Tensor, weight: Tensor | None, mixing: Tensor, parts: int, layout: _Layout
) -> Tensor:
    """The loss by AutoDIAL's parameter."""
    from .norm_channels import share_kernel

    out, channels = torch.empty_like(mixing), layout.sizes[2]
    share_kernel[(1,)](
        table, sums, weight, mixing, out, channels, parts, AFFINE=_kind(weight), ACC=layout.tile['ACC'],
        BLOCK=_power_of_two(channels),
    )  # fmt: skip
    return out


def _kind(weight: Tensor | None) -> str:
    """Whether scale and shift are shared by both domains."""
    if weight is None:
        return 'none'
    return 'own' if weight.dim() == 2 else 'shared'


def _like(value: Tensor | None) -> Tensor | None:
    return None if value is None else torch.empty_like(value)


def _power_of_two(number: int) -> int:
    return 1 << (number - 1).bit_length()


def _dense(x: Tensor) -> Tensor:
    """``x`` channel by channel or channels last."""
    last = {4: torch.channels_last, 5: torch.channels_last_3d}.get(x.dim())
    if x.is_contiguous() or (last and x.is_contiguous(memory_format=last)):
        return x
    return x.contiguous()
