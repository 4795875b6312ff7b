"""The mode in which a student labels its own training batch: what of it moves, and what of it is random."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from ..layers.single_value import single_values_by_running

PSEUDO_NORMS = ('train', 'batch', 'running')


@contextmanager
def labelling_mode(net: nn.Module, norm: str, noise: bool) -> Iterator[None]:
    """Change ``net`` for a pass without gradient; afterwards every module is as it was.

    Norms and all other modules have a rule of their own. What the network has frozen stays frozen.

    Args:
        net: The network, in training.
        norm: ``train``: norms work on the batch, and their running statistics move. ``batch``: they work on the batch,
            running statistics stay as they are. ``running``: they work on running statistics, as in evaluation, and
            so does in all cases a norm that gets one value a channel.
        noise: Whether the other modules are in training mode too: dropout, drop path, MixStyle and whatever else is
            random draws in this pass. False switches all of it off.
    """
    modules = list(net.modules())
    before = [(module.training, getattr(module, 'track_running_stats', None)) for module in modules]
    for module in modules:
        if not isinstance(module, _NormBase):
            module.training = module.training and noise
        elif norm == 'running':
            module.training = False
        elif norm == 'batch' and module.training:
            module.track_running_stats = False
    handles = single_values_by_running(net)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        for module, (training, tracks) in zip(modules, before, strict=True):
            module.training = training
            if tracks is not None:
                module.track_running_stats = tracks
