"""`MultiResolutionSegmentor`: its boxes, windows and resolutions, training and sliding tests as a stock mmseg model."""

import pytest
import torch

from mmuda import compat

pytest.importorskip('mmseg')
compat.apply()

from mmengine.config import Config, ConfigDict
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

MHA = dict(type='mmuda.MHAMixVisionTransformer', embed_dims=8, num_layers=[1] * 4, num_heads=[1, 2, 2, 4])
LEVEL = dict(in_channels=[8, 16, 16, 32], in_index=[0, 1, 2, 3], channels=8, norm_cfg=dict(type='BN'))


@pytest.fixture
def segmentor(hrda_student):
    def make(**kwargs):
        torch.manual_seed(0)
        return build(hrda_student() | kwargs)

    return make


def build(cfg: dict) -> torch.nn.Module:
    with DefaultScope.overwrite_default_scope('mmseg'):
        return MODELS.build(ConfigDict(cfg))


def samples(count: int, size: int = 64) -> list[SegDataSample]:
    label = torch.randint(0, 5, (count, 1, size, size))
    meta = dict(img_shape=(size, size), ori_shape=(size, size), pad_shape=(size, size))
    return [SegDataSample(metainfo=meta, gt_sem_seg=PixelData(data=x)) for x in label]


def test_a_training_pass(segmentor):
    net = segmentor().train()
    images = torch.randn(2, 3, 64, 64)
    found = net.extract_feat(images)
    assert [tuple(x.shape[-2:]) for x in found] == [(8, 8), (4, 4), (2, 2), (1, 1)]
    assert [tuple(x.shape[-2:]) for x in found.detail] == [(8, 8), (4, 4), (2, 2), (1, 1)]
    (box,) = found.boxes
    assert (box.bottom - box.top, box.right - box.left) == (32, 32)
    losses = net(images, samples(2), mode='loss')
    assert {'decode.loss_ce', 'decode.detail_loss_ce'} <= set(losses)
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    missing = [name for name, p in net.named_parameters() if p.grad is None]
    assert missing == []


def test_deeplabv2_sees_two_resolutions(repo):
    """The base model with a small ResNet: a pixel of the context's map stands for 16 pixels."""
    cfg = Config.fromfile(repo / 'configs/_base_/models/hrda_deeplabv2_r101.py').model
    cfg.backbone.update(depth=18, base_channels=4, stem_channels=4)
    for part in (cfg.decode_head.head, cfg.decode_head.attention):
        part.in_channels = 32
    cfg.decode_head.num_classes = 5
    cfg.update(detail_crop=(32, 32), detail_stride=(16, 16))
    net = build(cfg).train()
    boxes = {net.extract_feat(torch.zeros(2, 3, 96, 96)).boxes[0] for _ in range(20)}
    assert {place % 16 for box in boxes for place in box} == {0}
    losses = net(torch.randn(2, 3, 96, 96), samples(2, 96), mode='loss')
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    assert [name for name, parameter in net.named_parameters() if parameter.grad is None] == []
    assert net.eval()(torch.randn(1, 3, 96, 96)).shape == (1, 5, 12, 12)


def test_each_pass_draws_its_box_and_a_seed_repeats_it(segmentor):
    net = segmentor().train()
    images = torch.zeros(1, 3, 64, 64)
    torch.manual_seed(0)
    first = [net.extract_feat(images).boxes for _ in range(6)]
    torch.manual_seed(0)
    assert [net.extract_feat(images).boxes for _ in range(6)] == first
    assert len(set(first)) > 2


def test_windows_cover_the_image_in_evaluation(segmentor):
    net = segmentor().eval()
    found = net.extract_feat(torch.randn(2, 3, 64, 64))
    assert len(found.boxes) == 9
    assert found.detail[0].shape[0] == 18
    assert found.covers


def test_windows_are_encoded_as_they_would_be_alone(segmentor):
    net = segmentor().eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        found = net.extract_feat(images)
        for number, box in enumerate(found.boxes):
            alone = net.backbone(box.crop(images))
            torch.testing.assert_close(found.detail[0][2 * number : 2 * number + 2], alone[0], atol=1e-5, rtol=1e-5)


def test_it_predicts_whole_images_and_by_sliding(segmentor):
    net = segmentor().eval()
    with torch.no_grad():
        (whole,) = net(torch.randn(1, 3, 64, 64), samples(1), mode='predict')
        net.test_cfg.update(mode='slide', crop_size=(64, 64), stride=(32, 32))
        (slid,) = net(torch.randn(1, 3, 96, 128), [_sized(96, 128)], mode='predict')
    assert whole.pred_sem_seg.shape == (64, 64)
    assert slid.pred_sem_seg.shape == (96, 128)


def _sized(height: int, width: int) -> SegDataSample:
    size = (height, width)
    return SegDataSample(metainfo=dict(img_shape=size, ori_shape=size, pad_shape=size))


def test_what_taps_the_encoder_sees_the_context_last(segmentor):
    net = segmentor().train()
    seen = []
    net.backbone.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].shape[-1]))
    images = torch.randn(1, 3, 64, 64)
    net.detail_crop = (48, 48)
    net.extract_feat(images)
    assert seen == [48, 32]


@pytest.mark.parametrize(
    'arguments, sentence',
    [
        (dict(context_scale=2.0), 'context_scale=2.0 does not scale down'),
        (dict(detail_stride=(64, 16)), r'detail_stride=\(64, 16\) leaves gaps between windows'),
        (dict(detail_crop=(36, 32)), r'detail_crop=\(36, 32\) has a number that is no multiple of divisible=8'),
        (dict(detail_stride=(16, 12)), r'detail_stride=\(16, 12\) has a number that is no multiple of divisible=8'),
        (dict(backbone=MHA), 'MHAMixVisionTransformer groups the tokens of whole images'),
        (dict(decode_head=dict(type='mmuda.SegformerHead', num_classes=5, **LEVEL)), 'SegformerHead, which reads one'),
    ],
)
def test_what_cannot_work_is_refused_when_built(segmentor, arguments, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        segmentor(**arguments)


def test_an_auxiliary_head_sees_the_context(segmentor):
    head = dict(type='FCNHead', in_channels=16, in_index=2, channels=4, num_convs=1, num_classes=5, align_corners=False)
    net = segmentor(auxiliary_head=head).train()
    images = torch.randn(2, 3, 64, 64)
    assert net.auxiliary_head(net.extract_feat(images)).shape == (2, 5, 2, 2)
    assert 'aux.loss_ce' in net(images, samples(2), mode='loss')


def test_boxes_are_the_same_when_activations_are_made_again(segmentor):
    """The same draws and gradients with activation checkpointing."""
    gradients, images, labelled = [], torch.randn(2, 3, 64, 64), samples(2)
    for with_cp in (False, True):
        net = segmentor().train()
        for module in net.modules():
            if hasattr(module, 'with_cp'):
                module.with_cp = with_cp
        torch.manual_seed(3)
        losses = net(images, labelled, mode='loss')
        sum(value for name, value in losses.items() if 'loss' in name).backward()
        gradients.append([parameter.grad for parameter in net.parameters()])
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, recomputed)


def test_a_crop_that_does_not_fit(segmentor):
    net = segmentor(detail_crop=(128, 128), detail_stride=(64, 64)).train()
    for look in (lambda: net.extract_feat(torch.zeros(1, 3, 64, 64)), lambda: net.check_size((64, 64))):
        with pytest.raises(ValueError, match='A detail crop of 128×128 does not fit into an image of 64×64'):
            look()
