"""How a network works in a pass without gradient: what of it moves, what of it is random, whose statistics it takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from .convert import evaluated_as
from .domain_norm import adapting
from .single_value import single_values_by_running

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
