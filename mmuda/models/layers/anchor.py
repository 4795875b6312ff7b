"""Let batch norms remember given data, without a change of what the network computes in evaluation.

A norm evaluates the fixed map x ↦ a·x + b with a = gamma / sqrt(var + eps) and b = beta − a·mean. Any statistics (m, v)
stand for the same map with gamma' = a·sqrt(v + eps) and beta' = b + a·m. With those of real inputs, normalising by a
batch is close to normalising by the running statistics, as it is after training.

Norms that were rebuilt from folded weights (an exported or quantised network) need it: their statistics are any that
give the right map, so a network which trains on them starts from features that it never had.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from mmuda.functional import Moments, channel_moments, joined_moments

from .two_domain_norm import TwoDomainNorm

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@torch.no_grad()
def anchor_norms(net: nn.Module, batches: Iterable[Tensor]) -> int:
    """Rewrite the batch norms of ``net``, in place, by one pass of evaluation over ``batches``.

    Args:
        net: In evaluation mode; norms that no batch reaches stay as they are.
        batches: Inputs of ``net``, as it sees them in training.

    Returns:
        How many norms were rewritten.

    Raises:
        ValueError: ``net`` is in training mode, or has a norm of two domains or one without parameters or statistics.
    """
    norms = _plain_norms(net)
    moments: dict[nn.Module, Moments] = {}

    def record(norm: nn.Module, args: tuple[Tensor]) -> None:
        found = channel_moments(args[0].double())
        moments[norm] = joined_moments([moments[norm], found]) if norm in moments else found

    handles = [norm.register_forward_pre_hook(record) for norm in norms]
    try:
        for batch in batches:
            net(batch)
    finally:
        for handle in handles:
            handle.remove()
    for norm, seen in moments.items():
        _anchor(norm, seen)
    return len(moments)


def _anchor(norm: nn.Module, seen: Moments) -> None:
    """The same map of one norm by other statistics ``[C]``; float64 inside."""
    scale = norm.weight.double() * (norm.running_var.double() + norm.eps).rsqrt()
    norm.bias.copy_(norm.bias.double() + scale * (seen.mean - norm.running_mean.double()))
    norm.weight.copy_(scale * (seen.var + norm.eps).sqrt())
    norm.running_mean.copy_(seen.mean)
    norm.running_var.copy_(seen.var)


def _plain_norms(net: nn.Module) -> list[nn.Module]:
    if net.training:
        raise ValueError('The network is in training mode, where its norms follow each batch: call eval() on it first.')
    norms = [module for module in net.modules() if isinstance(module, NORMS)]
    for norm in norms:
        if isinstance(norm, TwoDomainNorm) or not (norm.affine and norm.track_running_stats):
            raise ValueError(
                f'{type(norm).__name__} is no plain batch norm with parameters and running statistics: rewrite the '
                'network with BatchNorm, and exchange its norms afterwards.'
            )
    return norms
