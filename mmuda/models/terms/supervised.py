"""The supervised loss of a view whose labels are known: the source."""

from __future__ import annotations

from torch import Tensor

from mmuda.registry import MODELS

from ..views import View
from .base import Term


@MODELS.register_module()
class SupervisedLoss(Term):
    """The heads' own loss by the view's labels, and the accuracies that they log.

    Args:
        view: Name of the view.
        loss_weight: Weight of the loss.

    Example:
        >>> MODELS.build(dict(type='mmuda.SupervisedLoss', loss_weight=0.5)).reads
        ('source',)
    """

    def __init__(self, view: str = 'source', loss_weight: float = 1.0) -> None:
        super().__init__((view,), loss_weight=loss_weight)

    def forward(self, view: View, step: Tensor) -> dict[str, Tensor]:
        """Return ``loss`` of the main head, ``loss_auxiliary`` of the others if there are any, and log values."""
        losses = view.outputs.losses(view.label, view.weight)
        if self.loss_weight != 1:
            losses = {key: self.loss_weight * value for key, value in losses.items()}
        return losses | view.outputs.scores(view.label, view.samples)
