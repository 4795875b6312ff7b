"""The mixin of layers whose training pass depends on each sample's domain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .batch import DomainBatch

if TYPE_CHECKING:
    from torch import nn

    from .context import DomainContext

_HINT = (
    "add custom_hooks=[dict(type='mmuda.DomainContextHook')] to a stock model's config, or call "
    'bind_domain_context(net).set(DomainBatch(num_source, num_target)) before the training pass.'
)


class DomainLayer:
    """Mixin: a module that reads the batch layout in training and never in evaluation."""

    domain_context: DomainContext | None = None

    def followed_by(self, follower: nn.Module) -> None:
        """Hear which module was registered right after this layer, before the first training pass."""

    def domain_batch(self, batch_size: int) -> DomainBatch:
        """Return the layout of the batch that this layer is working on.

        Raises:
            RuntimeError: No layout is set, or it does not describe ``batch_size`` samples.
        """
        batch = None if self.domain_context is None else self.domain_context.batch
        name = type(self).__name__
        if batch is None:
            raise RuntimeError(f'{name} is training without a domain layout: {_HINT}')
        if len(batch) != batch_size:
            raise RuntimeError(
                f'{name} got {batch_size} samples, but the domain layout says {batch.num_source} source + '
                f'{batch.num_target} target: {_HINT}'
            )
        return batch
