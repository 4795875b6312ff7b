"""The loss of a view by labels that a model gave: self-training's second term (STCT, FixMatch, DACS).

    loss = loss_weight · mean_i w_i · L_i

w is the view's weight, times the coordination weight where there is one.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mmuda.registry import MODELS, build_own

from ..views import View, counted, weight_of_places
from .base import Term

REDUCTIONS = ('valid', 'all')


@MODELS.register_module()
class PseudoLabelLoss(Term):
    """The heads' own loss, averaged over what counts, or over all pixels as in DACS.

    Args:
        view: Name of the view; of several, all rows are averaged together.
        weight: Config of a weight such as :class:`mmuda.CoordinationWeight` (None: the view's own alone).
        loss_weight: Weight of the loss.
        reduction: ``valid``: each image's mean over the places that count, then the mean over images. ``all``: the mean
            over all places, to which one that does not count adds 0.

    Example:
        >>> term = MODELS.build(dict(type='mmuda.PseudoLabelLoss', view=('mixed', 'masked'), weight=dict(alpha=2e-4)))
        >>> term.reads, type(term.weight).__name__
        (('mixed', 'masked'), 'CoordinationWeight')
    """

    def __init__(
        self,
        view: str | Sequence[str] = 'target',
        weight: dict | None = None,
        loss_weight: float = 1.0,
        reduction: str = 'valid',
    ) -> None:
        super().__init__((view,) if isinstance(view, str) else view, loss_weight=loss_weight)
        if reduction not in REDUCTIONS:
            raise ValueError(f'PseudoLabelLoss has reduction={reduction!r}: use one of {", ".join(REDUCTIONS)}.')
        self.reduction = reduction
        self.weight = None if weight is None else build_own(MODELS, dict(type='CoordinationWeight') | dict(weight))

    def forward(self, *views: View, step: Tensor) -> dict[str, Tensor]:
        """Return ``loss``, ``loss_auxiliary`` of other heads, and for the log how far the student agrees with it.

        Raises:
            ValueError: A view without labels.
        """
        for name, view in zip(self.reads, views):
            if view.label is None:
                raise ValueError(
                    f'PseudoLabelLoss learns from the labels of {name!r}, which has none in this step: give the model '
                    'a labeller, or a maker that labels this view.'
                )
        outputs = type(views[0].outputs).joined([view.outputs for view in views])
        label = views[0].label if len(views) == 1 else torch.cat([view.label for view in views])
        weight = _weights(views)
        everywhere = all(view.counts_everywhere for view in views)
        log = {}
        if self.weight is not None or label.dim() == 1:
            agreement = self._agreement(outputs.logits(label.shape[1:] or None), label, everywhere)
            log['pseudo_accuracy'] = agreement.mean()
        if self.weight is not None:
            weight = _times(self.weight.weigh(agreement, step), weight)
            log['coordination'] = weight.mean()
        losses = outputs.losses(label, weight, 'all' if everywhere else self.reduction)
        if self.loss_weight != 1:
            losses = {key: self.loss_weight * loss for key, loss in losses.items()}
        return losses | log

    @torch.no_grad()
    def _agreement(self, logits: Tensor, label: Tensor, everywhere: bool) -> Tensor:
        """Return ``[N]``; ``everywhere``: each place of the label counts."""
        if self.weight is None:
            return (logits.max(1).indices == label).float()
        return self.weight.agreement(logits, label, None if everywhere else counted(label))


def _weights(views: Sequence[View]) -> Tensor | None:
    """Return the weights of all rows, of places where any view has such; None where none is weighed."""
    known = [view.weight for view in views if view.weight is not None]
    if not known:
        return None
    if len(views) == 1:
        return known[0]
    places = max((weight.shape[1:] for weight in known), key=len)
    ones = known[0].new_ones(())
    return torch.cat(
        [weight_of_places(ones if view.weight is None else view.weight, (len(view), *places)) for view in views]
    )


def _times(weight: Tensor, other: Tensor | None) -> Tensor:
    """Return ``[N]`` times ``[N]`` or ``[N, H, W]``."""
    return weight if other is None else weight_of_places(weight, other.shape) * other
