"""The mixin of networks that want the tokens of a training batch split into groups."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from .batch import DomainBatch


class GroupDrawer:
    """Mixin: a network part, such as an encoder with hybrid attention, that completes the layout of a training batch.

    Whoever sets the layout asks for it once per step, so that all layers, and the recomputation of
    activation checkpointing, see one draw.
    """

    @abstractmethod
    def draw_groups(self, layout: DomainBatch, inputs: Tensor, label: Tensor | None = None) -> DomainBatch:
        """The layout with its groups.

        Args:
            layout: The layout of the inputs.
            inputs: ``[B, 3, H, W]``, source first.
            label: Class indices of the source images ``[num_source, H, W]``, where there are any.
        """
