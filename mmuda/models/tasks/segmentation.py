"""Semantic segmentation with mmseg: the only place of the models that knows its segmentors."""

from __future__ import annotations

from typing import NamedTuple

import torch
from mmengine.registry import DefaultScope
from torch import Tensor, nn
from torch.nn import functional as F

from mmuda import compat
from mmuda.registry import TASKS

from .base import Task

compat.apply()

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.segmentors import EncoderDecoder
from mmseg.models.utils import resize
from mmseg.registry import MODELS

IGNORE_INDEX = 255


class SegmentationOutputs(NamedTuple):
    """``[B, K, h, w]`` of the decode head, and of each auxiliary head."""

    decode: Tensor
    auxiliary: tuple[Tensor, ...] = ()


@TASKS.register_module(name='segmentation')
class SegmentationTask(Task):
    """Runs an mmseg ``EncoderDecoder`` in parts: encoder, heads, losses."""

    def build(self, cfg: dict | nn.Module) -> nn.Module:
        """Build the segmentor in mmseg's scope, so that a stock ``model = dict(...)`` works unchanged.

        Raises:
            TypeError: Not an ``EncoderDecoder``, or one whose heads depend on each other.
        """
        net = cfg if isinstance(cfg, nn.Module) else self._build(dict(cfg))
        joint = getattr(type(net), '_decode_head_forward_train', None)
        if joint is not EncoderDecoder._decode_head_forward_train:
            raise TypeError(
                f'The segmentation task adapts mmseg.EncoderDecoder, but the student is a {type(net).__name__}: '
                "give a model whose decode head trains on the encoder's features alone."
            )
        for head in (net.decode_head, *self._auxiliary_heads(net)):
            if head.out_channels == 1:
                raise TypeError(
                    f'{type(head).__name__} has out_channels=1, a sigmoid for two classes, whose argmax says nothing: '
                    'set num_classes=2 and out_channels=2.'
                )
            if type(head).loss is not BaseDecodeHead.loss or type(head).__name__ == 'EncHead':
                raise TypeError(
                    f'{type(head).__name__} computes its loss from more than its own logits, which a joint pass over '
                    'two domains cannot split: choose a head that keeps BaseDecodeHead.loss.'
                )
        return net

    @staticmethod
    def _build(cfg: dict) -> nn.Module:
        scope = cfg.pop('_scope_', 'mmseg')
        with DefaultScope.overwrite_default_scope(scope):
            return MODELS.build(cfg)

    def run(self, net: nn.Module, inputs: Tensor, auxiliary: bool = False) -> SegmentationOutputs:
        """``[B, 3, H, W]`` → logits of the decode head, and of the auxiliary heads when asked for."""
        features = net.extract_feat(inputs)
        heads = self._auxiliary_heads(net) if auxiliary else ()
        return SegmentationOutputs(net.decode_head(features), tuple(head(features) for head in heads))

    def split(self, outputs: SegmentationOutputs, num_source: int) -> tuple[SegmentationOutputs, SegmentationOutputs]:
        """Outputs of ``[source | target]`` → outputs of each."""
        decode, auxiliary = outputs
        return (
            SegmentationOutputs(decode[:num_source], tuple(x[:num_source] for x in auxiliary)),
            SegmentationOutputs(decode[num_source:], tuple(x[num_source:] for x in auxiliary)),
        )

    def labels(self, samples: list) -> Tensor:
        """``[B, H, W]`` class indices.

        Raises:
            ValueError: A sample without a label map.
        """
        for sample in samples:
            if 'gt_sem_seg' not in sample:
                raise ValueError(
                    f'{sample.metainfo.get("img_path", "A source image")} has no label map: add '
                    "dict(type='mmuda.LoadLabel') to the pipeline of the source."
                )
        return torch.cat([sample.gt_sem_seg.data for sample in samples])

    def source_losses(self, net: nn.Module, outputs: SegmentationOutputs, samples: list) -> dict[str, Tensor]:
        """``loss_source`` of the decode head and ``loss_source_auxiliary`` of the others, if there are any."""
        losses = dict(loss_source=_head_loss(net.decode_head, outputs.decode, samples))
        heads = self._auxiliary_heads(net)
        if heads:
            losses['loss_source_auxiliary'] = sum(
                _head_loss(head, x, samples) for head, x in zip(heads, outputs.auxiliary, strict=True)
            )
        return losses

    def logits(self, net: nn.Module, outputs: SegmentationOutputs, size: tuple[int, int] | None = None) -> Tensor:
        """Decode-head scores ``[B, K, h, w]``, or ``[B, K, H, W]`` at ``size``."""
        if size is None:
            return outputs.decode
        return resize(outputs.decode, size=size, mode='bilinear', align_corners=net.decode_head.align_corners)

    def valid(self, samples: list, inputs: Tensor) -> Tensor | None:
        """``[B, H, W]`` bool from the padding that the preprocessor noted; None when it padded nothing."""
        paddings = [sample.metainfo.get('padding_size', (0, 0, 0, 0)) for sample in samples]
        if not any(any(padding) for padding in paddings):
            return None
        batch, _, height, width = inputs.shape
        valid = torch.zeros(batch, height, width, dtype=torch.bool, device=inputs.device)
        for image, (left, right, top, bottom) in zip(valid, paddings, strict=True):
            image[top : height - bottom, left : width - right] = True
        return valid

    def target_loss(self, logits: Tensor, label: Tensor, valid: Tensor | None) -> Tensor:
        """``[B, K, H, W]``, ``[B, H, W]`` → mean over each image's valid pixels ``[B]``, 0 without any."""
        if valid is None:
            return F.cross_entropy(logits, label, reduction='none').flatten(1).mean(1)
        loss = F.cross_entropy(
            logits,
            label.masked_fill(~valid, IGNORE_INDEX),
            reduction='none',
            ignore_index=IGNORE_INDEX,
        )
        return loss.flatten(1).sum(1) / valid.flatten(1).sum(1).clamp_min(1)

    @staticmethod
    def _auxiliary_heads(net: nn.Module) -> tuple[nn.Module, ...]:
        if not net.with_auxiliary_head:
            return ()
        heads = net.auxiliary_head
        return tuple(heads) if isinstance(heads, nn.ModuleList) else (heads,)


def _head_loss(head: BaseDecodeHead, logits: Tensor, samples: list) -> Tensor:
    """The head's stock loss; mmseg's own ``loss_by_feat`` is run without its top-k accuracy, the dearer half."""
    if type(head).loss_by_feat is not BaseDecodeHead.loss_by_feat:
        losses = head.loss_by_feat(logits, samples)
        return sum(value for name, value in losses.items() if 'loss' in name)
    label = torch.stack([sample.gt_sem_seg.data for sample in samples])  # [B, 1, H, W]
    logits = resize(logits, size=label.shape[2:], mode='bilinear', align_corners=head.align_corners)
    weight = None if head.sampler is None else head.sampler.sample(logits, label)
    losses = head.loss_decode if isinstance(head.loss_decode, nn.ModuleList) else (head.loss_decode,)
    return sum(loss(logits, label.squeeze(1), weight=weight, ignore_index=head.ignore_index) for loss in losses)
