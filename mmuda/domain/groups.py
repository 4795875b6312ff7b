"""The mixin of network parts that want the tokens of a training batch split into groups."""

from __future__ import annotations

from torch import Tensor, nn

from .batch import DomainBatch


class GroupDrawer:
    """Mixin: a part, such as an encoder with hybrid attention, that completes the layout of a training batch.

    Whoever sets the layout asks for it once per step, so that all layers, and the recomputation of
    activation checkpointing, see one draw.
    """

    def draw_groups(self, layout: DomainBatch, inputs: Tensor, label: Tensor | None = None) -> DomainBatch:
        """Return the layout with its groups.

        Args:
            layout: The layout of the inputs.
            inputs: ``[B, 3, H, W]``, source first.
            label: Class indices of the source images ``[num_source, H, W]``, where there are any.
        """
        raise TypeError(f'{type(self).__name__} has no draw_groups: a GroupDrawer returns the completed layout.')


def group_drawers(net: nn.Module) -> tuple[GroupDrawer, ...]:
    """Return the parts of a network that want groups."""
    return tuple(module for module in net.modules() if isinstance(module, GroupDrawer))
