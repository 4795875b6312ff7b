"""`HRDAHead`: the released fusion through the module, its loss, and what is refused."""

import json

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mmuda import compat

pytest.importorskip('mmseg')
compat.apply()

from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmuda.functional import Box
from mmuda.models.heads import HRDAHead
from mmuda.models.segmentors import ScaledFeatures

LEVEL = dict(
    type='mmuda.DAFormerHead',
    in_channels=[4],
    in_index=[0],
    channels=8,
    embed_dims=8,
    dilations=(1,),
    dropout_ratio=0.0,
)
ATTENTION = dict(LEVEL, bottleneck=False)


class FirstLevel(nn.Sequential):
    def forward(self, levels):
        return super().forward(levels[0])


def build(num_classes: int = 3, **kwargs) -> HRDAHead:
    torch.manual_seed(0)
    return HRDAHead(LEVEL, ATTENTION, num_classes=num_classes, align_corners=False, dropout_ratio=0.0, **kwargs)


def features(batch: int = 2) -> ScaledFeatures:
    """Of images of 32 × 32 pixels, at stride 4, with a detail of 16 × 16."""
    torch.manual_seed(1)
    context, detail = torch.randn(2, batch, 4, 4, 4)
    return ScaledFeatures((context,), (detail,), (Box(8, 24, 16, 32),), (32, 32), covers=False)


def samples(label: torch.Tensor) -> list[SegDataSample]:
    return [SegDataSample(gt_sem_seg=PixelData(data=x[None])) for x in label]


@pytest.mark.parametrize('key', ['hrda.fusion_train', 'hrda.fusion_slide'])
def test_the_released_fusion(repo, key):
    vector = json.loads((repo / 'tests/data/segmentation_vectors.json').read_text())[key]
    inputs, outputs = vector['inputs'], vector['outputs']
    head = build(num_classes=2)
    for name, weight in (('head', inputs['head_w']), ('attention', inputs['att_w'])):
        conv = nn.Conv2d(3, 2, 1, bias=False)
        conv.weight.data = torch.tensor(weight)[..., None, None]
        setattr(head, name, FirstLevel(conv))
    slide = key == 'hrda.fusion_slide'
    context, detail = torch.tensor(inputs['lr_feat']), torch.tensor(inputs['hr_feats' if slide else 'hr_feat'])
    boxes = tuple(Box(*box) for box in (inputs['boxes'] if slide else [inputs['box']]))
    size = (16, 16) if slide else (32, 32)
    found = head.predictions(ScaledFeatures([context], [detail], boxes, size, covers=slide))
    torch.testing.assert_close(found.fused, torch.tensor(outputs['fused']), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.detail, torch.tensor(outputs['hr']), atol=1e-5, rtol=0)


def test_the_loss_is_the_papers():
    head, inputs = build(detail_loss_weight=0.1), features()
    label = torch.randint(0, 3, (2, 32, 32))
    label[:, :3] = 255
    losses = head.loss(inputs, samples(label), None)
    fused, detail, box = head.predictions(inputs)
    scale = dict(mode='bilinear', align_corners=False)
    whole = F.cross_entropy(F.interpolate(fused, (32, 32), **scale), label, ignore_index=255, reduction='sum')
    part = F.cross_entropy(
        F.interpolate(detail, (16, 16), **scale), label[:, 8:24, 16:32], ignore_index=255, reduction='sum'
    )
    torch.testing.assert_close(losses['loss_ce'], 0.9 * whole / label.numel())  # mmseg's mean is over all pixels
    torch.testing.assert_close(losses['detail_loss_ce'], 0.1 * part / (2 * 16 * 16))
    sum(losses.values()).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in head.attention.parameters())
    assert box == (8, 24, 16, 32)


def test_without_a_detail_loss():
    losses = build(detail_loss_weight=0.0).loss(features(), samples(torch.zeros(2, 32, 32, dtype=torch.long)), None)
    assert list(losses) == ['loss_ce']


def test_attention_is_zero_outside_the_box():
    head, inputs = build().eval(), features()
    with torch.no_grad():
        before = head(inputs)
        inputs.detail[0].add_(5.0)
        after = head(inputs)
    changed = (before != after).any(1)
    assert changed[:, 2:6, 4:8].all()
    assert not changed[:, :, :2].any()


def test_a_share_outside_its_range():
    with pytest.raises(ValueError, match=r'detail_loss_weight=1.5 is no share'):
        build(detail_loss_weight=1.5)
