"""Entropy of the target's predictions as a loss: MinEnt (Vu et al., CVPR 2019) and FDA's robust penalty (CVPR 2020)."""

from __future__ import annotations

from torch import Tensor, nn

from mmuda.functional import charbonnier, normalized_entropy
from mmuda.registry import MODELS

from ..views import View
from .base import Term, check_auxiliary


@MODELS.register_module()
class EntropyLoss(Term):
    """The mean of E = −Σ_c p_c log p_c / log C over a view's pixels, of the main head and of the auxiliary one.

    ADVENT measures it on logits scaled up to the image; FDA on logits as they are, and means (E² + 1e-8)^power.

    Args:
        view: Name of the view.
        power: η of FDA's penalty, 2.0 there (None: E itself, as in MinEnt).
        resize: Whether logits are scaled up to the image first.
        loss_weight: Of the main head; 0.001 for MinEnt, 0.005 for FDA.
        auxiliary_loss_weight: Of the auxiliary head; 0.0002 for MinEnt.

    Example:
        >>> heads = SimpleNamespace(logits=lambda size: torch.zeros(2, 5, *size))  # nothing is known: entropy 1
        >>> target = View(torch.rand(2, 3, 8, 8), outputs=heads)
        >>> EntropyLoss(loss_weight=0.001)(target, step=torch.tensor(0))
        {'loss': tensor(0.0010), 'entropy': tensor(1.)}
    """

    def __init__(
        self,
        view: str = 'target',
        power: float | None = None,
        resize: bool = True,
        loss_weight: float = 0.001,
        auxiliary_loss_weight: float = 0.0,
    ) -> None:
        super().__init__((view,), loss_weight=loss_weight)
        self.power, self.resize = power, resize
        self.auxiliary_loss_weight = auxiliary_loss_weight

    def attach(self, student: nn.Module) -> None:
        """Look for the auxiliary head.

        Raises:
            ValueError: It is weighed, and the student has none or several.
        """
        check_auxiliary(self, self.auxiliary_loss_weight, student)

    def forward(self, view: View, step: Tensor) -> dict[str, Tensor]:
        """Return ``loss``, ``loss_auxiliary`` where it is weighed, and the main head's mean ``entropy`` for the log."""
        size = tuple(view.inputs.shape[-2:]) if self.resize else None
        entropy = normalized_entropy(view.outputs.logits(size))
        found = dict(loss=self.loss_weight * self._penalty(entropy), entropy=entropy.detach().mean())
        if self.auxiliary_loss_weight:
            (logits,) = view.outputs.auxiliary_logits(size)
            found['loss_auxiliary'] = self.auxiliary_loss_weight * self._penalty(normalized_entropy(logits))
        return found

    def _penalty(self, entropy: Tensor) -> Tensor:
        return (entropy if self.power is None else charbonnier(entropy, self.power)).mean()
