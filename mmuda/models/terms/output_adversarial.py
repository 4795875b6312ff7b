"""Adversarial alignment of predictions: AdaptSegNet (Tsai et al., CVPR 2018) and AdvEnt (Vu et al., CVPR 2019).

A discriminator D of maps learns ½ L(D(m_s), source) + ½ L(D(m_t), target); the network learns λ · L(D(m_t), source),
the flipped label, where m is the softmax of the logits (AdaptSegNet) or its self-information (AdvEnt).

Where it differs: the released codes step network and discriminator one after the other with the same batch. Here D
learns from detached maps and the network through D's weights held constant, both in one backward pass, which gives the
same gradients.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.func import functional_call

from mmuda.functional import domain_loss, self_information
from mmuda.functional.domain_loss import KINDS, SOURCE, TARGET
from mmuda.registry import MODELS

from ..heads import MapDiscriminator
from ..views import View
from .base import AlignmentTerm, check_auxiliary

MAPS = ('softmax', 'self_information')


@MODELS.register_module()
class OutputAdversarial(AlignmentTerm):
    """Aligns the predictions of two domains by a discriminator for each head.

    The discriminators' learning rate is set by ``optim_wrapper.paramwise_cfg.custom_keys`` for the name of the term,
    such as ``{'terms.advent': dict(lr_mult=0.4)}``.

    Args:
        num_classes: Channels of the maps.
        maps: What a discriminator sees: ``softmax`` (AdaptSegNet) or ``self_information`` (AdvEnt).
        kind: ``vanilla`` or ``least_squares``, see :func:`mmuda.functional.domain_loss`.
        channels: Width of the discriminators' first layer.
        loss_weight: λ of the main head; 0.001 in both papers.
        auxiliary_loss_weight: λ of the auxiliary head; 0.0002 in both papers. 0: the student's auxiliary head, if it
            has one, is not aligned.
        init_cfg: The first weights of the discriminators.

    Example:
        >>> heads = SimpleNamespace(logits=lambda size: torch.rand(2, 5, *size))
        >>> source, target = (View(torch.rand(2, 3, 32, 32), outputs=heads) for _ in range(2))
        >>> sorted(OutputAdversarial(num_classes=5)(source, target, step=torch.tensor(0)))
        ['loss', 'loss_discriminator']
    """

    def __init__(
        self,
        num_classes: int,
        maps: str = 'self_information',
        kind: str = 'vanilla',
        channels: int = 64,
        loss_weight: float = 0.001,
        auxiliary_loss_weight: float = 0.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(loss_weight=loss_weight, init_cfg=init_cfg)
        for name, value, known in (('maps', maps, MAPS), ('kind', kind, KINDS)):
            if value not in known:
                raise ValueError(f'OutputAdversarial has {name}={value!r}: use one of {", ".join(known)}.')
        self.num_classes, self.maps, self.kind = num_classes, maps, kind
        self.auxiliary_loss_weight = auxiliary_loss_weight
        self.discriminator = MapDiscriminator(num_classes, channels)
        self.auxiliary = MapDiscriminator(num_classes, channels) if auxiliary_loss_weight else None

    def attach(self, student: nn.Module) -> None:
        """Compare the heads with what the term names.

        Raises:
            ValueError: Another number of classes, no auxiliary head, or several.
        """
        head = getattr(student, 'decode_head', None)
        if head is not None and head.out_channels != self.num_classes:
            raise ValueError(
                f'OutputAdversarial has num_classes={self.num_classes}, but the student predicts {head.out_channels}: '
                'set num_classes to that.'
            )
        check_auxiliary(self, self.auxiliary_loss_weight, student)

    def forward(self, source: View, target: View, step: Tensor) -> dict[str, Tensor]:
        """Return ``loss`` of the student, ``loss_discriminator``, and the auxiliary head's where it is aligned."""
        size = tuple(source.inputs.shape[-2:])
        pairs = [view.outputs.logits(size) for view in (source, target)]
        learned, judged = self._play(self.discriminator, *pairs)
        found = dict(loss=self.loss_weight * learned, loss_discriminator=judged)
        if self.auxiliary is not None:
            (pair,) = zip(*(view.outputs.auxiliary_logits(size) for view in (source, target)))
            learned, judged = self._play(self.auxiliary, *pair)
            found |= dict(loss_auxiliary=self.auxiliary_loss_weight * learned, loss_discriminator_auxiliary=judged)
        return found

    def _play(self, discriminator: nn.Module, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss of the student on the target's maps, and the discriminator's on both."""
        source, target = self._map(source), self._map(target)
        constant = {name: weight.detach() for name, weight in discriminator.named_parameters()}
        student = domain_loss(functional_call(discriminator, constant, (target,)), SOURCE, self.kind)
        right = [
            domain_loss(discriminator(maps.detach()), domain, self.kind)
            for maps, domain in ((source, SOURCE), (target, TARGET))
        ]
        return student, sum(right) / 2

    def _map(self, logits: Tensor) -> Tensor:
        return logits.float().softmax(1) if self.maps == 'softmax' else self_information(logits)
