"""Sums and rows of tensors over all processes of a group; a process by itself is a group of one."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable


def num_ranks() -> int:
    """Return the number of processes that train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def sum_over_ranks(x: Tensor) -> Tensor:
    """Return the sum of every process's ``x``, in the place of ``x`` where it is contiguous."""
    if num_ranks() > 1:
        x = x.contiguous()
        dist.all_reduce(x)
    return x


def gather_over_ranks(x: Tensor) -> Tensor:
    """Map ``[...]`` of every process → ``[ranks, ...]`` on every process; differentiable."""
    return _Gather.apply(x)


def rows_of_all_ranks(x: Tensor) -> Tensor:
    """Map ``[n, ...]`` of every process → ``[ranks · n, ...]``, differentiable; n is the same on all.

    A loss of all rows that every process computes has, after DDP's mean of the gradients, those of one process with the
    whole batch. Rows take turns between the processes, as units of a :class:`mmuda.DomainSampler` do.
    """
    return x if num_ranks() == 1 else gather_over_ranks(x).transpose(0, 1).flatten(0, 1)


class _Gather(torch.autograd.Function):
    """``[...]`` of every process → ``[ranks, ...]`` on every process."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Stack the tensors of all processes."""
        gathered = [torch.empty_like(x) for _ in range(num_ranks())]
        dist.all_gather(gathered, x.contiguous())
        return torch.stack(gathered)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        """Sum the gradients that all processes have for this one's tensor."""
        return sum_over_ranks(grad.clone())[dist.get_rank()]
