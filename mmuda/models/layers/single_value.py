"""Batch norm behind a global pooling while one image is labelled: one value a channel has no variance.

An ASPP pools each image to one value a channel, and so does what stands before a classifier's bottleneck.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.modules.batchnorm import SyncBatchNorm, _BatchNorm
from torch.utils.hooks import RemovableHandle

from mmuda.domain import DomainLayer

from .process_group import num_ranks


def single_values_by_running(net: nn.Module) -> list[RemovableHandle]:
    """Let each batch norm of ``net`` that trains on one value a channel use its running statistics for that pass.

    torch refuses such a pass. Norms of two domains have a sentence of their own. For networks without gradient.

    Returns:
        What takes this back; a teacher keeps it.
    """
    norms = [module for module in net.modules() if isinstance(module, _BatchNorm)]
    return [norm.register_forward_pre_hook(_pause) for norm in norms if not isinstance(norm, DomainLayer)]


def _pause(norm: nn.Module, args: tuple[Tensor, ...]) -> None:
    """Evaluate for one pass; after it the norm trains again."""
    synchronised = isinstance(norm, SyncBatchNorm) and num_ranks() > 1
    if not norm.training or synchronised or args[0].numel() > args[0].shape[1]:
        return

    def go_on(*_) -> None:
        norm.training = True
        handle.remove()

    norm.training = False
    handle = norm.register_forward_hook(go_on)
