"""What every alignment term is given, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass

from mmengine.model import BaseModule
from torch import Tensor, nn


@dataclass(frozen=True)
class DomainView:
    """One domain's part of a training step, as the student saw it.

    Args:
        inputs: ``[B, 3, H, W]`` normalised images.
        features: What the term's taps caught, by dotted module name; a tapped module that returns
            several maps gives a tuple of them.
        logits: ``[B, K, h, w]`` (segmentation) or ``[B, K]`` (classification) of the student's main
            head.
        label: ``[B, H, W]`` or ``[B]`` class indices of the source. Of the target None, or ``[B]`` pseudo-classes from
            clustering, negative where an image has none and does not count.
    """

    inputs: Tensor
    features: dict[str, Tensor | tuple[Tensor, ...]]
    logits: Tensor
    label: Tensor | None = None


class AlignmentTerm(BaseModule):
    """Base of all alignment terms: explicit source and target tensors in, a dict of losses out.

    A term owns its parameters inside the model, so that the optimizer, DDP and checkpoints see
    them, and never reads the domain context. The UDA model calls ``init_weights`` before the training, which follows
    ``init_cfg`` of the term and of the modules in it.

    Args:
        taps: Dotted names of the student's modules whose outputs the term wants, such as
            ``backbone.layer3``.
        loss_weight: What the term multiplies its loss with.
        init_cfg: The first weights of its parameters (None: those that its constructor drew).
    """

    def __init__(self, taps: tuple[str, ...] = (), loss_weight: float = 1.0, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        if isinstance(taps, str):
            raise ValueError(f'{type(self).__name__} has taps={taps!r}: give a list of names, [{taps!r}].')
        if loss_weight < 0:
            raise ValueError(
                f'{type(self).__name__} has loss_weight={loss_weight}: a loss weight must not be negative.'
            )
        self.taps = tuple(taps)
        self.loss_weight = loss_weight

    def attach(self, student: nn.Module) -> None:
        """See the student when it is built and again when it is initialised, e.g. to keep a frozen copy."""

    def forward(self, source: DomainView, target: DomainView, step: Tensor) -> dict[str, Tensor]:
        """Loss and log values of one step.

        The key ``loss`` is added to the total as ``loss_<term>``. Any other is only logged, as ``<term>.<key>``, and
        must not have ``loss`` in its name: mmengine adds up every key that does.
        """
        raise TypeError(f'{type(self).__name__} has no forward: an alignment term returns a dict of losses.')
