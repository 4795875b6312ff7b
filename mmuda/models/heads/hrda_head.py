"""The head of HRDA: one prediction of a context and a detail, joined by a learned attention of their scales.

Hoyer et al., HRDA (ECCV 2022), https://arxiv.org/abs/2204.13132, Eqs. 7 to 10:

    z = ζ(a) ∘ z_detail + ζ((1 − a) ∘ z_context)        a = σ(attention of the context)
    L = (1 − λ) CE(z, y) + λ CE(z_detail, crop(y))

The same head predicts from both resolutions. In training a is 0 outside the detail's box.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mmuda import compat

compat.apply()

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.utils import resize
from mmseg.registry import MODELS as MMSEG_MODELS
from mmseg.utils import SampleList

from mmuda.functional import Box, average_windows, fuse_scales, inserted
from mmuda.registry import MODELS


class ScalePredictions(NamedTuple):
    """Logits of an image and of its detail.

    Attributes:
        fused: ``[B, K, H / s, W / s]`` at the head's stride s.
        detail: ``[B, K, h / s, w / s]`` of the box.
        box: The detail's place in the image; None where windows cover the image.
    """

    fused: Tensor
    detail: Tensor
    box: Box | None


@MODELS.register_module()
class HRDAHead(BaseDecodeHead):
    """Joins the predictions of :class:`mmuda.MultiResolutionSegmentor`'s two resolutions.

    Args:
        head: Config of the head of one resolution; ``num_classes``, ``align_corners`` and the loss are this head's.
        attention: Config of the head that gives a, one channel a class.
        detail_loss_weight: λ; 0.1 in the paper.
        kwargs: For mmseg's `BaseDecodeHead`.
    """

    def __init__(self, head: dict, attention: dict, detail_loss_weight: float = 0.1, **kwargs) -> None:
        if not 0 <= detail_loss_weight <= 1:
            raise ValueError(f'detail_loss_weight={detail_loss_weight} is no share: give a number from 0 to 1.')
        super().__init__(in_channels=1, channels=1, **kwargs)
        del self.conv_seg  # the two heads have classifiers of their own
        shared = dict(num_classes=self.num_classes, out_channels=self.out_channels, align_corners=self.align_corners)
        self.head = MMSEG_MODELS.build(dict(head, **shared))
        self.attention = MMSEG_MODELS.build(dict(attention, **shared))
        self.detail_loss_weight = detail_loss_weight

    def init_weights(self) -> None:
        """Let both heads initialise themselves."""
        self.head.init_weights()
        self.attention.init_weights()

    def forward(self, inputs) -> Tensor:
        """Map features of both resolutions → fused logits ``[B, K, H / s, W / s]``."""
        return self.predictions(inputs).fused

    def predictions(self, inputs) -> ScalePredictions:
        """Map features of both resolutions → logits of the image and of its detail."""
        context, detail = self.head(inputs), self.head(inputs.detail)
        attention = self.attention(inputs).sigmoid()
        side = inputs.boxes[0]
        stride = (side.bottom - side.top) // int(detail.shape[-2])
        size = tuple(length // stride for length in inputs.size)
        boxes = [box.scaled(stride) for box in inputs.boxes]
        if inputs.covers:
            whole = average_windows(detail, boxes, size)
            return ScalePredictions(fuse_scales(context, whole, attention), whole, None)
        (box,) = inputs.boxes
        place = box.scaled(inputs.size[0] // attention.shape[-2])
        attention = inserted(place.crop(attention), place, attention.shape[-2:])
        whole = inserted(detail, boxes[0], size)
        return ScalePredictions(fuse_scales(context, whole, attention), detail, box)

    def loss(self, inputs, batch_data_samples: SampleList, train_cfg) -> dict[str, Tensor]:
        """Return (1 − λ) times the loss of the fused prediction, and λ times that of the detail."""
        found = self.predictions(inputs)
        label = self._stack_batch_gt(batch_data_samples)
        losses = self._weighed(found.fused, label, 1 - self.detail_loss_weight, '')
        if found.box is not None and self.detail_loss_weight:
            losses |= self._weighed(found.detail, found.box.crop(label), self.detail_loss_weight, 'detail_')
        return losses

    def _weighed(self, logits: Tensor, label: Tensor, weight: float, prefix: str) -> dict[str, Tensor]:
        """Return the head's own losses of logits at label size ``[B, 1, H, W]``, times their share."""
        logits = resize(logits, size=label.shape[-2:], mode='bilinear', align_corners=self.align_corners)
        chosen = None if self.sampler is None else self.sampler.sample(logits, label)
        losses = self.loss_decode if isinstance(self.loss_decode, torch.nn.ModuleList) else [self.loss_decode]
        found: dict[str, Tensor] = {}
        for loss in losses:
            value = loss(logits, label.squeeze(1), weight=chosen, ignore_index=self.ignore_index)
            name = prefix + loss.loss_name
            found[name] = found.get(name, 0) + weight * value
        return found
