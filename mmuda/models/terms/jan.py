"""Joint adaptation (JAN, Long et al., ICML 2017): features and predictions of both domains have a small joint MMD.

    loss = loss_weight · MMD²(S, T)        k(a, b) = Π_l k_l(a_l, b_l),  l over the tapped layers and softmax(scores)

Where DAN matches each layer, the product of kernels matches the layers together. From the released code (Xlearn): the
softmax layer has one kernel of the fixed bandwidth 1.68, tapped layers have five around their mean squared distance.
JAN-A, whose layers an adversary transforms first, is not here.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from mmuda.functional import joint_mmd, widened
from mmuda.functional.mmd import check_estimator, check_kernels
from mmuda.registry import MODELS

from ..views import View
from .base import AlignmentTerm
from .features import all_rows, tapped_pairs

SOFTMAX_BANDWIDTH = 1.68


@MODELS.register_module()
class JAN(AlignmentTerm):
    """The joint MMD of the tapped features and the softmax of the main head's scores.

    Several processes: each computes the MMD of the whole batch, see :class:`.DAN`.

    Args:
        taps: Dotted names of the student's modules whose features are aligned, vectors or maps (flattened); of a module
            with several outputs the last counts.
        num_kernels: Kernels of each layer, the softmax last, or of all alike (None: five of a tapped layer, one of the
            softmax).
        multiplier: Ratio of neighbouring bandwidths.
        bandwidths: Centre of each layer's series, the softmax last; a None in it is the layer's mean squared distance,
            anew in each step (None: such for tapped layers, 1.68 for the softmax).
        reduction: ``mean`` or ``sum`` over the kernels of a layer; the released code sums.
        estimator: ``biased``, ``unbiased`` or ``linear``, see :func:`mmuda.functional.multi_kernel_mmd`. The paper's
            Eq. 10 is the linear one, the released code's default takes all pairs.
        loss_weight: Weight of the loss.
        gather: Whether the features and scores of all processes count.

    Example:
        >>> images, features, logits = torch.rand(4, 3, 8, 8), torch.rand(4, 16), torch.rand(4, 5)
        >>> source = View(images, features=dict(neck=features), logits=logits, domain='source')
        >>> far = View(images, features=dict(neck=features + 1), logits=logits)
        >>> term = JAN(taps=('neck',))
        >>> bool(term(source, far, step=torch.tensor(0))['loss'] > term(source, source, step=torch.tensor(0))['loss'])
        True
    """

    def __init__(
        self,
        taps: Sequence[str] = ('neck',),
        num_kernels: Sequence[int] | int | None = None,
        multiplier: float = 2.0,
        bandwidths: Sequence[float | None] | None = None,
        reduction: str = 'mean',
        estimator: str = 'biased',
        loss_weight: float = 1.0,
        gather: bool = True,
    ) -> None:
        super().__init__(taps=taps, loss_weight=loss_weight)
        if not taps:
            raise ValueError("JAN aligns features together with predictions, but has no tap: give taps=('neck',).")
        if isinstance(num_kernels, int):
            num_kernels = (num_kernels,) * (len(taps) + 1)
        num_kernels = (5,) * len(taps) + (1,) if num_kernels is None else tuple(num_kernels)
        bandwidths = (None,) * len(taps) + (SOFTMAX_BANDWIDTH,) if bandwidths is None else tuple(bandwidths)
        _check_layers(len(taps) + 1, num_kernels, bandwidths)
        for count in num_kernels:
            check_kernels(count, multiplier, reduction)
        check_estimator(estimator)
        self.gather = gather
        self.kernels = dict(
            num_kernels=num_kernels,
            multiplier=multiplier,
            bandwidths=bandwidths,
            reduction=reduction,
            estimator=estimator,
        )

    def forward(self, source: View, target: View, step: Tensor) -> dict[str, Tensor]:
        """Return the loss; the head gives ``[B, num_classes]``, or maps of them."""
        layers = [*tapped_pairs(self, source, target), tuple(widened(x.logits).softmax(1) for x in (source, target))]
        layers = [all_rows(layer, self.gather) for layer in layers]
        return dict(loss=self.loss_weight * joint_mmd(*zip(*layers, strict=True), **self.kernels))


def _check_layers(layers: int, num_kernels: tuple, bandwidths: tuple) -> None:
    if len(num_kernels) != layers or len(bandwidths) != layers:
        raise ValueError(
            f'JAN has {layers} layers with the softmax, but num_kernels={list(num_kernels)} and '
            f'bandwidths={list(bandwidths)}: give one of each for every layer, the softmax last.'
        )
    if any(bandwidth is not None and bandwidth <= 0 for bandwidth in bandwidths):
        raise ValueError(
            f'JAN has bandwidths={list(bandwidths)}: a bandwidth must be positive, or None for the mean distance.'
        )
