"""How a network works in a pass without gradient: what of it moves, what of it is random, whose statistics it takes.

A batch norm behind a global pooling, as in an ASPP or before a classifier's bottleneck, gets one value a channel while
one image is labelled. That has no variance: its running statistics take the place of the batch's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from torch import Tensor, nn
from torch.nn.modules.batchnorm import SyncBatchNorm, _BatchNorm, _NormBase
from torch.utils.hooks import RemovableHandle

from mmuda.domain import DomainLayer
from mmuda.processes import num_ranks

from .convert import evaluated_as
from .norms import adapting

NORMS = ('train', 'batch', 'running', 'adapt')


@contextmanager
def inference_pass(
    net: nn.Module, norm: str = 'running', domain: str | None = None, noise: bool = False
) -> Iterator[int]:
    """Change ``net`` for such a pass; afterwards every module is as it was. The gradient is the caller's to switch off.

    Norms and all other modules have a rule of their own. What the network has frozen stays frozen.

    Args:
        net: The network.
        norm: ``running``: norms work on running statistics, as in evaluation, and so does in all cases a norm that gets
            one value a channel. ``batch``: on the batch, running
            statistics stay as they are. ``train``: on the batch, and running statistics move. ``adapt``: as
            ``running``, but AdaBN's norms take the target's statistics from the batches of the block.
        domain: Whose statistics norms of two domains take (None: those that they are set to).
        noise: Whether the other modules are in training mode too: dropout, drop path, MixStyle and whatever else is
            random draws in this pass. False switches all of it off.

    Yields:
        The number of norms that adapt.
    """
    with ExitStack() as stack:
        stack.callback(_restore, _modes(net))
        _set_modes(net, norm, noise)
        for handle in single_values_by_running(net):
            stack.callback(handle.remove)
        if domain is not None:
            stack.enter_context(evaluated_as(net, domain))
        yield stack.enter_context(adapting(net)) if norm == 'adapt' else 0


def _modes(net: nn.Module) -> list[tuple[nn.Module, bool, bool | None]]:
    return [(module, module.training, getattr(module, 'track_running_stats', None)) for module in net.modules()]


def _set_modes(net: nn.Module, norm: str, noise: bool) -> None:
    for module in net.modules():
        if not isinstance(module, _NormBase):
            module.training = module.training and noise
        elif norm in ('running', 'adapt'):
            module.training = False
        elif norm == 'batch' and module.training:
            module.track_running_stats = False


def _restore(modes: list[tuple[nn.Module, bool, bool | None]]) -> None:
    for module, training, tracks in modes:
        module.training = training
        if tracks is not None:
            module.track_running_stats = tracks


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
