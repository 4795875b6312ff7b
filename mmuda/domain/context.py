"""How a layer deep inside a network learns which samples are source and which are target.

One :class:`DomainContext` belongs to one network and is shared by all its domain layers. It is
neither global nor thread-local nor a ContextVar (those fail under torch.compile and in the threads
of a CUDA backward), and it is not reset after the forward pass, because activation checkpointing
recomputes in the backward pass. A deep copy of the network, such as a teacher, gets a holder of its
own.
"""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from .batch import DomainBatch
from .layer import DomainLayer


class DomainContext:
    """Holds the layout of the batch which its network is working on."""

    def __init__(self) -> None:
        self.batch: DomainBatch | None = None

    def set(self, batch: DomainBatch | None) -> None:
        """Announce the layout of the next training pass (None forgets it)."""
        self.batch = batch


def bind_domain_context(net: nn.Module) -> DomainContext:
    """Give ``net`` a context and share it with every :class:`DomainLayer` inside.

    Binding twice returns the same holder, and picks up layers that were added in between.
    """
    context = net.__dict__.get('domain_context')
    if context is None:
        context = DomainContext()
        net.__dict__['domain_context'] = context
    for layer in net.modules():
        if isinstance(layer, DomainLayer):
            layer.domain_context = context
    announce_followers(net)
    return context


def announce_followers(net: nn.Module) -> None:
    """Tell every :class:`DomainLayer` inside ``net`` which module was registered right after it."""
    for parent in net.modules():
        for layer, follower in pairwise(parent.children()):
            if isinstance(layer, DomainLayer):
                layer.followed_by(follower)
