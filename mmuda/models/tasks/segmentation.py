"""Semantic segmentation with mmseg: the only place of the models that knows its segmentors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from torch import Tensor, nn

from mmuda import compat
from mmuda.domain import VALID_MAP
from mmuda.functional import Box
from mmuda.registry import TASKS

from ..heads import HRDAHead
from ..views import IGNORE_INDEX
from .base import Task

compat.apply()

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.segmentors import EncoderDecoder
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample


class Detail(NamedTuple):
    """A second prediction of a part of each image: ``[B, K, h, w]`` and the B boxes, all of one size."""

    logits: Tensor
    boxes: tuple[Box, ...]

    def split(self, sizes: Sequence[int]) -> list[Detail]:
        """Return each part of the rows."""
        ends = [sum(sizes[: number + 1]) for number in range(len(sizes))]
        boxes = [self.boxes[end - size : end] for end, size in zip(ends, sizes)]
        return [Detail(*part) for part in zip(self.logits.split(list(sizes)), boxes, strict=True)]

    @staticmethod
    def joined(parts: Sequence[Detail]) -> Detail:
        """Join the rows of all parts."""
        return Detail(torch.cat([part.logits for part in parts]), sum((part.boxes for part in parts), ()))

    def crop(self, maps: Tensor) -> Tensor:
        """Crop from maps ``[B, H, W]`` what they show in the boxes."""
        return torch.stack([box.crop(x) for box, x in zip(self.boxes, maps, strict=True)])


class SegmentationOutputs:
    """``[B, K, h, w]`` of the decode head and of each auxiliary head, and the detail of a head with two resolutions.

    The decode head's scores at label size are made once, whoever asks for them.
    """

    def __init__(self, decode: Tensor, auxiliary: tuple[Tensor, ...] = (), detail: Detail | None = None) -> None:
        self.decode, self.auxiliary, self.detail = decode, auxiliary, detail
        self._resized: dict[tuple, Tensor] = {}

    def resized(self, size: Sequence[int], align_corners: bool) -> Tensor:
        """Resize ``[B, K, H, W]`` of the decode head."""
        key = (*size, align_corners, torch.is_grad_enabled())
        if key not in self._resized:
            self._resized[key] = _resize(self.decode, size, align_corners)
        return self._resized[key]


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
            if type(head).loss not in KNOWN_LOSSES or type(head).__name__ == 'EncHead':
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
        """Map ``[B, 3, H, W]`` → logits of the decode head, and of the auxiliary heads when asked for."""
        features = net.extract_feat(inputs)
        decode, detail = _predict(net.decode_head, features)
        heads = self._auxiliary_heads(net) if auxiliary else ()
        return SegmentationOutputs(decode, tuple(head(features) for head in heads), detail)

    def split(self, outputs: SegmentationOutputs, sizes: Sequence[int]) -> tuple[SegmentationOutputs, ...]:
        """Split outputs of a batch into outputs of each part."""
        heads = zip(*(x.split(list(sizes)) for x in (outputs.decode, *outputs.auxiliary)), strict=True)
        details = outputs.detail.split(sizes) if outputs.detail else [None] * len(sizes)
        return tuple(SegmentationOutputs(x, tuple(rest), detail) for (x, *rest), detail in zip(heads, details))

    def join(self, parts: Sequence[SegmentationOutputs]) -> SegmentationOutputs:
        """Join outputs of several batches to those of all their rows."""
        auxiliary = zip(*(part.auxiliary for part in parts), strict=True)
        detail = Detail.joined([part.detail for part in parts]) if parts[0].detail else None
        return SegmentationOutputs(torch.cat([part.decode for part in parts]), tuple(map(torch.cat, auxiliary)), detail)

    def num_classes(self, net: nn.Module) -> int:
        """Return the number of classes of the decode head."""
        return net.decode_head.num_classes

    def labels(self, samples: Sequence) -> Tensor:
        """Return ``[B, H, W]`` class indices.

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

    def losses(
        self,
        net: nn.Module,
        outputs: SegmentationOutputs,
        label: Tensor,
        weight: Tensor | None = None,
        reduction: str | None = None,
    ) -> dict[str, Tensor]:
        """Return the losses of the decode head's config, of its detail if any, and of the auxiliary heads' together."""
        if weight is not None and weight.dim() == 3 and weight.shape != label.shape:
            raise ValueError(
                f'Weights of shape {list(weight.shape)} are for labels of the same, not {list(label.shape)}.'
            )
        size = label.shape[-2:]
        rule = dict(label=label, weight=weight, reduction=reduction)
        head = net.decode_head
        losses = dict(loss=_head_loss(head, outputs.decode, outputs.resized(size, head.align_corners), **rule))
        if outputs.detail:
            share = head.detail_loss_weight
            losses = dict(
                loss=(1 - share) * losses['loss'], loss_detail=share * _detail_loss(head, outputs.detail, **rule)
            )
        heads = self._auxiliary_heads(net)
        if heads:
            losses['loss_auxiliary'] = sum(
                _head_loss(head, x, _resize(x, size, head.align_corners), **rule)
                for head, x in zip(heads, outputs.auxiliary, strict=True)
            )
        return losses

    def scores(self, net: nn.Module, outputs: SegmentationOutputs, label: Tensor, samples: Sequence) -> dict:
        """Return nothing: the accuracy that mmseg's heads log is the dearer half of their loss."""
        return {}

    def logits(self, net: nn.Module, outputs: SegmentationOutputs, size: tuple[int, int] | None = None) -> Tensor:
        """Return decode-head scores ``[B, K, h, w]``, or ``[B, K, H, W]`` at ``size``."""
        return outputs.decode if size is None else outputs.resized(size, net.decode_head.align_corners)

    def auxiliary_logits(
        self, net: nn.Module, outputs: SegmentationOutputs, size: tuple[int, int] | None = None
    ) -> tuple[Tensor, ...]:
        """Return scores ``[B, K, h, w]`` of each auxiliary head, or ``[B, K, H, W]`` at ``size``."""
        if size is None:
            return outputs.auxiliary
        heads = self._auxiliary_heads(net)
        return tuple(_resize(x, size, head.align_corners) for head, x in zip(heads, outputs.auxiliary, strict=True))

    def valid(self, samples: Sequence, inputs: Tensor) -> Tensor | None:
        """Return ``[B, H, W]`` bool from the padding that the preprocessor noted and the loader's margins.

        None where there is neither.
        """
        paddings = [sample.metainfo.get('padding_size', (0, 0, 0, 0)) for sample in samples]
        if not any(any(padding) for padding in paddings) and not any(VALID_MAP in sample for sample in samples):
            return None
        batch, _, height, width = inputs.shape
        valid = torch.zeros(batch, height, width, dtype=torch.bool, device=inputs.device)
        for image, sample, (left, right, top, bottom) in zip(valid, samples, paddings, strict=True):
            inside = sample.get(VALID_MAP).data[0] if VALID_MAP in sample else True
            image[top : height - bottom, left : width - right] = inside
        return valid

    @staticmethod
    def _auxiliary_heads(net: nn.Module) -> tuple[nn.Module, ...]:
        if not net.with_auxiliary_head:
            return ()
        heads = net.auxiliary_head
        return tuple(heads) if isinstance(heads, nn.ModuleList) else (heads,)


KNOWN_LOSSES = (BaseDecodeHead.loss, HRDAHead.loss)


def _predict(head: BaseDecodeHead, features: Sequence[Tensor]) -> tuple[Tensor, Detail | None]:
    """Return logits of the images and, in training of a head with two resolutions that weighs it, of their detail."""
    if not isinstance(head, HRDAHead):
        return head(features), None
    found = head.predictions(features)
    learns = found.box is not None and head.detail_loss_weight
    return found.fused, Detail(found.detail, (found.box,) * len(found.detail)) if learns else None


def _detail_loss(
    head: BaseDecodeHead, detail: Detail, label: Tensor, weight: Tensor | None, reduction: str | None
) -> Tensor:
    """Return the head's loss of a detail by what labels and weights ``[B, H, W]`` show in its boxes."""
    label = detail.crop(label)
    weight = detail.crop(weight) if weight is not None and weight.dim() == 3 else weight
    logits = _resize(detail.logits, label.shape[-2:], head.align_corners)
    return _head_loss(head, detail.logits, logits, label, weight, reduction)


def _resize(logits: Tensor, size: Sequence[int], align_corners: bool) -> Tensor:
    return resize(logits, size=tuple(size), mode='bilinear', align_corners=align_corners)


def _head_loss(
    head: BaseDecodeHead, raw: Tensor, logits: Tensor, label: Tensor, weight: Tensor | None, reduction: str | None
) -> Tensor:
    """Return the sum of a head's losses on its scores ``raw`` ``[N, K, h, w]``, at label size ``logits``.

    mmseg's own ``loss_by_feat`` is run without its top-k accuracy; a head that has another one keeps it where nothing
    is weighed.
    """
    plain = weight is None and reduction is None
    if plain and type(head).loss_by_feat is not BaseDecodeHead.loss_by_feat:
        losses = head.loss_by_feat(raw, [SegDataSample(gt_sem_seg=PixelData(data=x[None])) for x in label])
        return sum(value for name, value in losses.items() if 'loss' in name)
    chosen = None if head.sampler is None else head.sampler.sample(logits, label[:, None])
    losses = head.loss_decode if isinstance(head.loss_decode, nn.ModuleList) else (head.loss_decode,)
    if plain:
        return _sum([loss(logits, label, weight=chosen, ignore_index=head.ignore_index) for loss in losses])
    if chosen is not None:
        weight = chosen if weight is None else chosen * weight.view(len(label), *weight.shape[1:] or (1, 1))
    maps = [loss(logits, label, reduction_override='none', ignore_index=head.ignore_index) for loss in losses]
    return _sum([_reduced(value, label, weight, reduction) for value in maps])


def _sum(values: Sequence[Tensor]) -> Tensor:
    """Add up without the addition to 0 that Python's ``sum`` begins with."""
    return values[0] if len(values) == 1 else sum(values[1:], values[0])


def _reduced(loss: Tensor, label: Tensor, weight: Tensor | None, reduction: str | None) -> Tensor:
    """Reduce to one number a loss a pixel ``[N, H, W]`` or ``[N, K, H, W]``, an image ``[N]`` or a batch."""
    if loss.dim() == 4:
        loss = loss.mean(1)
    if loss.dim() < 3:  # such as Dice: an image has the mean weight of its pixels
        return (loss if weight is None else loss * _per_image(weight)).mean()
    maps = weight is not None and weight.dim() == 3
    loss = (loss * weight if maps else loss).flatten(1)
    if reduction == 'valid':
        loss = loss.sum(1) / (label != IGNORE_INDEX).flatten(1).sum(1).clamp_min(1)
    else:
        loss = loss.mean(1)
    return (loss if weight is None or maps else weight * loss).mean()


def _per_image(weight: Tensor) -> Tensor:
    return weight if weight.dim() == 1 else weight.mean((1, 2))
