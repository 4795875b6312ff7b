"""Deep adaptation (DAN, Long et al., ICML 2015): features of both domains with a small MMD at each of several layers.

    loss = loss_weight · Σ_l MMD²(S_l, T_l)

The paper learns the weights β of the kernels by a quadratic program and takes the linear-time estimate; the released
code (Xlearn) has neither: it sums five kernels with one weight over all pairs of a batch. Both estimates are here, the
program is not.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from mmuda.functional import multi_kernel_mmd
from mmuda.functional.mmd import check_estimator, check_kernels
from mmuda.registry import MODELS

from ..views import View
from .base import AlignmentTerm
from .features import all_rows, tapped_pairs


@MODELS.register_module()
class DAN(AlignmentTerm):
    """Sum over layers of the MMD with several Gaussian kernels, each layer with its own bandwidths.

    Several processes: each computes the MMD of the whole batch from all processes' features, so the gradients are those
    of one process. With ``gather=False`` each computes that of its share, and DDP averages the gradients; the mean of
    the shares' MMDs is another number: the biased estimate has its bias at the share's size.

    Args:
        taps: Dotted names of the student's modules whose features are aligned, vectors or maps (flattened); of a module
            with several outputs the last counts.
        scores: Whether the main head's class scores are one more layer, the last, as in the paper.
        num_kernels: Kernels of a layer.
        multiplier: Ratio of neighbouring bandwidths.
        reduction: ``mean`` or ``sum`` over the kernels; the released code sums.
        estimator: ``biased``, ``unbiased`` or ``linear``, see :func:`mmuda.functional.multi_kernel_mmd`.
        loss_weight: Weight of the loss.
        gather: Whether the features of all processes count.

    Example:
        >>> images, features = torch.rand(4, 3, 8, 8), torch.rand(4, 16)
        >>> source = View(images, features=dict(neck=features), domain='source')
        >>> far = View(images, features=dict(neck=features + 1))
        >>> term = DAN(taps=('neck',))
        >>> bool(term(source, far, step=torch.tensor(0))['loss'] > term(source, source, step=torch.tensor(0))['loss'])
        True
    """

    def __init__(
        self,
        taps: Sequence[str] = ('neck',),
        scores: bool = False,
        num_kernels: int = 5,
        multiplier: float = 2.0,
        reduction: str = 'mean',
        estimator: str = 'biased',
        loss_weight: float = 1.0,
        gather: bool = True,
    ) -> None:
        super().__init__(taps=taps, loss_weight=loss_weight)
        if not (taps or scores):
            raise ValueError("DAN has nothing to align: give taps=('neck',), or scores=True for the head's scores.")
        check_kernels(num_kernels, multiplier, reduction)
        check_estimator(estimator)
        self.scores, self.gather = scores, gather
        self.kernels = dict(num_kernels=num_kernels, multiplier=multiplier, reduction=reduction, estimator=estimator)

    def forward(self, source: View, target: View, step: Tensor) -> dict[str, Tensor]:
        """Return the loss and, for the log, ``mmd_<l>`` of each layer in the order of the taps."""
        pairs = tapped_pairs(self, source, target)
        if self.scores:
            pairs.append((source.logits, target.logits))
        distances = [multi_kernel_mmd(*all_rows(pair, self.gather), **self.kernels) for pair in pairs]
        logged = {f'mmd_{layer}': distance.detach() for layer, distance in enumerate(distances)}
        return dict(loss=self.loss_weight * sum(distances), **logged)
