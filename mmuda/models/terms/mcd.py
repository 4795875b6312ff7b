"""Maximum classifier discrepancy (MCD, Saito et al., CVPR 2018) in one backward pass, by gradient reversal.

    max_F min_G  mean_t d(F1(G(x)), F2(G(x)))        d(p_1, p_2) = mean_k |p_1k − p_2k|

The paper alternates three steps (:class:`mmuda.MCDUDA`). Here, as by its released code's option ``one_step``,
classifiers F and generator G train at once: F descends the loss −d, and by the reversed gradient G descends d. λ scales
what G receives; in the released code it is 1 throughout.
"""

from __future__ import annotations

from torch import Tensor, nn

from mmuda.functional import adaptation_ramp, classifier_discrepancy
from mmuda.registry import MODELS

from ..heads import TwoClassifierHead
from ..layers import reverse_gradient
from ..views import View
from .balance import domain_means
from .base import AlignmentTerm, check_ramp
from .features import joint_features


@MODELS.register_module()
class MCD(AlignmentTerm):
    """``−loss_weight · d`` of the target, the gradient of its features reversed and times λ.

    The student's head, a :class:`mmuda.TwoClassifierHead`, runs once more on the features of both domains, so that its
    norms, if it has any, work on the batch of the student's pass; their running statistics move twice a step.

    Args:
        tap: Dotted name of the student's module that feeds the head.
        high: Where λ ends.
        ramp_steps: Steps after which progress p of λ = high · (2 / (1 + e^(−γp)) − 1) is 1; a float up to 1 is a share
            of the training.
        ramp_gamma: γ.
        loss_weight: Weight of the loss.

    Example:
        >>> classifier = dict(type='mmpretrain.LinearClsHead', num_classes=3, in_channels=16)
        >>> term = MCD(tap='neck')
        >>> term.attach(SimpleNamespace(head=TwoClassifierHead(classifier)))
        >>> source = View(torch.rand(4, 3, 8, 8), features=dict(neck=torch.rand(4, 16)), domain='source')
        >>> sorted(term(source, source, step=torch.tensor(0)))
        ['coefficient', 'loss', 'source_discrepancy', 'target_discrepancy']
    """

    def __init__(
        self,
        tap: str = 'neck',
        high: float = 1.0,
        ramp_steps: float = 10000,
        ramp_gamma: float = 10.0,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(taps=(tap,), loss_weight=loss_weight)
        check_ramp(self, ramp_steps=ramp_steps, ramp_gamma=ramp_gamma, high=high)
        self.ramp_steps = ramp_steps
        self.ramp = dict(gamma=ramp_gamma, high=high)
        self._heads: tuple[TwoClassifierHead, ...] = ()

    def attach(self, student: nn.Module) -> None:
        """Keep the student's head: in a tuple, since it is the student's module and parameter, not the term's.

        Raises:
            TypeError: It has one classifier.
        """
        self._heads = (two_classifiers(student, 'MCD'),)

    def forward(self, source: View, target: View, step: Tensor) -> dict[str, Tensor]:
        """Return the loss, the discrepancy of each domain and λ; the tap gives ``[B, in_channels]`` of the head."""
        (head,) = self._heads
        features = joint_features(self, source, target, head.in_channels)
        coefficient = adaptation_ramp(step, self.steps(self.ramp_steps, 'ramp_steps'), **self.ramp)
        distances = classifier_discrepancy(head.scores((reverse_gradient(features, coefficient),)))
        count = len(source.inputs)
        on_source, on_target = domain_means(distances[:count], distances[count:])
        return dict(
            loss=-self.loss_weight * on_target,
            source_discrepancy=on_source.detach(),
            target_discrepancy=on_target.detach(),
            coefficient=coefficient,
        )


def two_classifiers(student: nn.Module, method: str) -> TwoClassifierHead:
    """Return the head of a student that has two classifiers.

    Raises:
        TypeError: It has another head.
    """
    head = getattr(student, 'head', None)
    if not isinstance(head, TwoClassifierHead):
        raise TypeError(
            f"{method} compares two classifiers, but the student's head is a {type(head).__name__}: set "
            "head=dict(type='mmuda.TwoClassifierHead', classifier=...), the head of now as the classifier."
        )
    return head
