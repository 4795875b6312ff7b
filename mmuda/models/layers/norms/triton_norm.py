"""The training pass of a norm of two domains in few kernels: three forward and two backward, with Triton.

For a row x of domain d, where domain i's own rows have the moments (m_i, v_i):

    y = gain · (scale_d · (x − center_d) / sqrt(var_d + eps) + shift_d)
    center_d = Σ_i w_di · m_i        var_d = Σ_i w_di · (v_i + (m_i − center_d)²)

The mixture w says whose moments normalise a domain, the gain is TransNorm's, a constant. A :class:`Recipe` names both;
the classes of the norms have the formulas to read. Differentiated by hand, with G = Σ g and H = Σ g · x̂ of a domain:

    factor_d = gain · scale_d / sqrt(var_d + eps)
    ∂L/∂center_d = −factor_d · G_d     ∂L/∂var_d = −factor_d · H_d / (2 sqrt(var_d + eps))
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

from .kernels.torch_batch_norm import laid_out_as, values_per_channel
from .recipe import Recipe
from .running_statistics import RunningStatistics

PROGRAMS = 528  # as many as keep 132 multiprocessors busy
MOST_SPLITS = 32767  # a grid's second dimension has up to 65535 programs, for two domains


def has_triton_kernels(x: Tensor) -> bool:
    """Tell whether the kernels run where ``x`` is; a compiler makes its own of the plain formula."""
    return x.is_cuda and find_spec('triton') is not None and not torch.compiler.is_compiling()


def triton_norm(
    x: Tensor,
    num_source: int,
    recipe: Recipe,
    eps: float,
    weight: Tensor | None,
    bias: Tensor | None,
    running: RunningStatistics | None,
) -> Tensor:
    """Normalise ``[n_s + n_t, C, ...]``, source rows first.

    Args:
        x, num_source: The batch, and how many of its rows are source.
        recipe: The norm.
        eps: Added to a variance under the root.
        weight, bias: ``[C]``, or ``[2, C]`` of source and target; None: 1 and 0.
        running: What the batch moves; None: nothing.
    """
    return _TritonNorm.apply(x, weight, bias, recipe.mixing, num_source, recipe, eps, running)


class _Grid(NamedTuple):
    """How a batch is cut: into blocks of channels, and each domain's rows into splits."""

    sizes: tuple[int, int, int, int]  # source rows, target rows, channels, values of a row of one channel
    tile: dict[str, Any]

    @classmethod
    def of(cls, x: Tensor, num_source: int) -> _Grid:
        """Return blocks of channels where these lie side by side, otherwise one channel at a time."""
        values = values_per_channel(x)
        by_channel = values > 1 and x.is_contiguous()
        rows, channels = (1024, 1) if by_channel else (64, 32)
        sizes = (num_source * values, (len(x) - num_source) * values, x.shape[1], values)
        return cls(sizes, dict(CHANNELS_LAST=not by_channel, ROWS=rows, CHANNELS=channels))

    @property
    def blocks(self) -> int:
        """Of channels."""
        return _quotient(self.sizes[2], self.tile['CHANNELS'])

    @property
    def many_splits(self) -> int:
        """Splits of one tile each, where nothing is summed."""
        return min(_quotient(max(self.sizes[:2]), self.tile['ROWS']), MOST_SPLITS)

    @property
    def few_splits(self) -> int:
        """As many as keep the device busy, where a sum of each is kept."""
        return min(_quotient(PROGRAMS, 2 * self.blocks), self.many_splits)

    def launch(self, kernel: Any, splits: int, *args: Any, **constants: Any) -> None:
        """Run a kernel that passes over the rows of the batch."""
        kernel[(self.blocks, 2 * splits)](*args, *self.sizes, **constants, SPLITS=splits, **self.tile)


class _TritonNorm(torch.autograd.Function):
    """See :func:`triton_norm`."""

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
        running: RunningStatistics | None,
    ) -> Tensor:
        """Measure both domains, make each one's map of that, and map the batch."""
        from .kernels.triton_channels import maps_kernel
        from .kernels.triton_rows import map_kernel

        x = _dense(x)
        grid, channels, own_affine = _Grid.of(x, num_source), x.shape[1], _has_own_affine(weight)
        out = torch.empty_like(x)
        with torch.cuda.device_of(x):
            parts = _parts_of_all_ranks(x, grid)
            table = parts.new_empty(3, 2, 3, channels)
            moments, maps, ingredients = table
            maps_kernel[(1,)](
                parts, len(parts), moments, maps, ingredients, weight, bias, mixing, eps, *(running or [None] * 6),
                channels, MIXTURE=recipe.mixture, RESIDUAL=recipe.residual, DISTANCE=recipe.distance,
                PROBABILITY=recipe.probability, UNBIASED=recipe.unbiased, OWN_AFFINE=own_affine,
                BLOCK=_power_of_two(channels),
            )  # fmt: skip
            grid.launch(map_kernel, grid.many_splits, x, maps, out)
        ctx.save_for_backward(x, table, weight, bias, mixing)
        ctx.grid, ctx.own_affine = grid, own_affine
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Sum what both domains' gradients need, over all processes, and map the batch by it."""
        from .kernels.triton_channels import share_kernel
        from .kernels.triton_rows import gradient_kernel, sums_kernel

        x, table, weight, bias, mixing = ctx.saved_tensors
        (moments, maps, ingredients), grid, grad = table, ctx.grid, laid_out_as(x, grad)
        wanted = (x if ctx.needs_input_grad[0] else None, weight, bias, mixing)
        by_input, by_weight, by_bias, by_mixing = (None if to is None else torch.empty_like(to) for to in wanted)
        own_splits, channels = grid.few_splits, x.shape[1]
        own_sums = table.new_empty(own_splits, 2, 2, channels)
        with torch.cuda.device_of(x):
            grid.launch(sums_kernel, own_splits, grad, x, maps, ingredients, own_sums)
            sums = own_sums
            if by_input is not None and num_ranks() > 1:
                sums = sum_over_ranks(own_sums.sum(0, keepdim=True))
            grid.launch(
                gradient_kernel, grid.many_splits if by_input is not None else 1,
                grad, x, moments, maps, ingredients, sums, len(sums), own_sums, own_splits,
                by_input, by_weight, by_bias, OWN_AFFINE=ctx.own_affine,
            )  # fmt: skip
            if by_mixing is not None:
                share_kernel[(1,)](
                    moments, maps, ingredients, own_sums, own_splits, mixing, by_mixing, channels,
                    BLOCK=_power_of_two(channels),
                )  # fmt: skip
        return by_input, by_weight, by_bias, by_mixing, None, None, None, None


def _parts_of_all_ranks(x: Tensor, grid: _Grid) -> Tensor:
    """Return moments of both domains' splits, or of the whole domains of each process, ``[parts, 2, 3, C]``."""
    from .kernels.triton_channels import merge_kernel
    from .kernels.triton_rows import moments_kernel

    splits, channels = grid.few_splits, x.shape[1]
    parts = torch.empty(splits, 2, 3, channels, dtype=statistics_dtype(x), device=x.device)
    grid.launch(moments_kernel, splits, x, parts)
    if num_ranks() == 1:
        return parts
    merged = torch.empty_like(parts[0])
    merge_kernel[(2,)](parts, merged, splits, channels, BLOCK=_power_of_two(channels))
    return gather_over_ranks(merged)


def _has_own_affine(weight: Tensor | None) -> bool:
    """Tell whether each domain has its own scale and shift."""
    return weight is not None and weight.dim() == 2


def _quotient(number: int, size: int) -> int:
    """Divide, and round up."""
    return -(-number // size)


def _power_of_two(number: int) -> int:
    return 1 << (number - 1).bit_length()


def _dense(x: Tensor) -> Tensor:
    """Lay ``x`` out channel by channel or channels last."""
    last = {4: torch.channels_last, 5: torch.channels_last_3d}.get(x.dim())
    if x.is_contiguous() or (last and x.is_contiguous(memory_format=last)):
        return x
    return x.contiguous()
