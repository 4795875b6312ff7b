"""Thing-class feature distance: keep the encoder near its ImageNet features where the source shows things.

DAFormer (Hoyer et al., CVPR 2022, Sec. 3.3). Rare thing classes are what a network unlearns first
on synthetic sources; their ImageNet features hold it back. The released code runs a backward pass
of its own for this loss; here it is one more term of the step's single backward.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import torch
from mmengine import dist
from torch import Tensor, nn

from mmuda.functional import masked_feature_distance, shrink, thing_mask
from mmuda.registry import MODELS

from ..layers import set_exact
from ..views import View
from .base import Term
from .features import last


@MODELS.register_module()
class FeatureDistance(Term):
    """``loss_weight · mean_j∈M ‖F_j − F_j^ImageNet‖₂`` on the last feature map of the source images.

    The reference is the student's encoder as it was after initialisation, frozen and kept in the
    checkpoint. It only makes sense for a pretrained encoder. Of a student that sees two resolutions the context's
    features are compared, as in HRDA.

    Args:
        classes: The thing classes. DAFormer on Cityscapes: 6, 7 and 11–18.
        encoder: Dotted name of the student's module that encodes an image; a tuple of maps counts
            with its last one.
        min_ratio: Share of a feature's patch that one thing class must fill.
        loss_weight: 0.005 in DAFormer.

    Example:
        >>> student = nn.ModuleDict(dict(backbone=nn.Conv2d(3, 4, 8, stride=8)))
        >>> term = FeatureDistance(classes=[1])
        >>> term.attach(student)
        >>> images = torch.rand(2, 3, 16, 16)
        >>> moved = student['backbone'](images).detach() + 1  # each of 4 channels by 1: a distance of 2
        >>> label = torch.ones(2, 16, 16, dtype=torch.long)
        >>> source = View(images, features=dict(backbone=moved), label=label)
        >>> term(source, step=torch.tensor(0))
        {'loss': tensor(0.0100)}
    """

    def __init__(
        self,
        classes: Sequence[int],
        encoder: str = 'backbone',
        min_ratio: float = 0.75,
        loss_weight: float = 0.005,
    ) -> None:
        super().__init__(('source',), taps=(encoder,), loss_weight=loss_weight)
        if not classes:
            raise ValueError('FeatureDistance needs at least one thing class: give classes=[...] of the data set.')
        if not 0.5 < min_ratio <= 1:
            raise ValueError(
                f'FeatureDistance has min_ratio={min_ratio}: a patch belongs to one class only above one half, '
                'give a number in (0.5, 1].'
            )
        self.encoder = encoder
        self.min_ratio = min_ratio
        self.reference: nn.Module | None = None
        self.scale = 1.0
        self.register_buffer('classes', torch.tensor(sorted(classes)), persistent=False)

    def init_weights(self) -> None:
        """Draw nothing: the reference's weights are the student's."""

    def attach(self, student: nn.Module) -> None:
        """Freeze a copy of the initialised encoder as the reference."""
        self.scale = getattr(student, 'context_scale', 1.0)
        self.reference = deepcopy(student.get_submodule(self.encoder)).requires_grad_(False)
        self.reference.eval()  # not chained: train() of some mmseg backbones returns None
        set_exact(self.reference, False)

    def train(self, mode: bool = True) -> FeatureDistance:
        """Leave the reference in evaluation: no dropout, no moving statistics."""
        self.training = mode
        return self

    def forward(self, source: View, step: Tensor) -> dict[str, Tensor]:
        """Return the distance on the source images.

        Raises:
            RuntimeError: The term was not attached to a student.
        """
        if self.reference is None:
            raise RuntimeError(
                'FeatureDistance has no reference encoder: call init_weights() of the UDA model before training.'
            )
        with torch.no_grad():
            images = source.inputs if self.scale == 1 else shrink(source.inputs, self.scale)
            reference = last(self.reference(images))
        features = last(source.features[self.encoder])
        mask = thing_mask(source.label, self.classes, features.shape[-2:], self.min_ratio)
        count = mask.sum().float()
        dist.all_reduce(count)  # the mean over all processes' positions, whose gradients DDP averages
        count = count.clamp_min(1) / dist.get_world_size()
        return dict(loss=self.loss_weight * masked_feature_distance(features, reference, mask, count))
