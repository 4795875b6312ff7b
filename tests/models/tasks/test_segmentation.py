"""The segmentation task runs an mmseg segmentor in parts that add up to the stock one."""

import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmuda.models.tasks import build_task
from mmuda.registry import MODELS

TASK = build_task('segmentation')


def sample(size=(8, 8), padding=(0, 0, 0, 0)):
    result = SegDataSample(metainfo=dict(padding_size=padding))
    result.gt_sem_seg = PixelData(data=torch.randint(0, 5, (1, *size)))
    return result


def test_parts_equal_the_stock_forward_and_loss(tiny_student):
    net = TASK.build(tiny_student()).eval()
    inputs, samples = torch.randn(2, 3, 32, 32), [sample((32, 32)), sample((32, 32))]
    outputs = TASK.run(net, inputs)
    assert torch.equal(TASK.logits(net, outputs), net(inputs))
    stock = net.loss(inputs, samples)
    assert torch.equal(TASK.source_losses(net, outputs, samples)['loss_source'], stock['decode.loss_ce'])


def test_auxiliary_heads_train_with_the_main_one(tiny_student):
    cfg = tiny_student(dropout_ratio=0)
    cfg['auxiliary_head'] = dict(type='FCNHead', in_channels=16, in_index=1, channels=8, num_convs=1, num_classes=5,
                                 dropout_ratio=0, norm_cfg=dict(type='BN'), align_corners=False,
                                 loss_decode=dict(type='CrossEntropyLoss', loss_weight=0.4))  # fmt: skip
    cfg['backbone']['drop_path_rate'] = 0
    net = TASK.build(cfg).train()
    inputs, samples = torch.randn(2, 3, 32, 32), [sample((32, 32)), sample((32, 32))]
    losses = TASK.source_losses(net, TASK.run(net, inputs, auxiliary=True), samples)
    stock = net.loss(inputs, samples)
    assert not TASK.run(net, inputs).auxiliary
    torch.testing.assert_close(losses['loss_source'], stock['decode.loss_ce'])
    torch.testing.assert_close(losses['loss_source_auxiliary'], stock['aux.loss_ce'])


def test_target_loss_averages_over_each_images_valid_pixels():
    logits, label = torch.randn(3, 5, 4, 6, dtype=torch.float64), torch.randint(0, 5, (3, 4, 6))
    valid = torch.rand(3, 4, 6) < 0.5
    valid[2] = False
    cost = -logits.log_softmax(1).gather(1, label.unsqueeze(1)).squeeze(1)
    expected = [cost[0][valid[0]].mean(), cost[1][valid[1]].mean(), torch.zeros((), dtype=torch.float64)]
    torch.testing.assert_close(TASK.target_loss(logits, label, valid), torch.stack(expected))
    torch.testing.assert_close(TASK.target_loss(logits, label, None), cost.mean((1, 2)))


def test_label_maps_have_no_pseudo_classes():
    labelled = sample()
    labelled.set_metainfo(dict(pseudo_label=1))
    assert build_task('segmentation').pseudo_labels([labelled]) is None


def test_padding_is_not_valid():
    inputs = torch.zeros(2, 3, 8, 10)
    assert TASK.valid([sample(), sample()], inputs) is None
    valid = TASK.valid([sample(padding=(0, 3, 0, 2)), sample()], inputs)
    assert valid[0].sum() == 7 * 6
    assert not valid[0, :, 7:].any()
    assert valid[1].all()


@pytest.mark.parametrize('scope', ['mmengine', 'mmseg', 'mmuda'])
def test_a_model_builds_in_any_default_scope(tiny_student, scope):
    with DefaultScope.overwrite_default_scope(scope):
        assert type(TASK.build(tiny_student())).__name__ == 'EncoderDecoder'
        model = MODELS.get('mmuda.SelfTrainingUDA')(task='segmentation', student=tiny_student())
    assert type(model.coordination).__name__ == 'CoordinationWeight'


def test_networks_that_cannot_be_split_are_refused(tiny_student):
    with pytest.raises(TypeError, match=r'mmseg\.EncoderDecoder, but the student is a Linear'):
        TASK.build(torch.nn.Linear(1, 1))
    with pytest.raises(TypeError, match=r'out_channels=1.*num_classes=2'):
        TASK.build(tiny_student(out_channels=1, threshold=0.3) | dict())
    cfg = tiny_student()
    cfg['decode_head'] = [cfg['decode_head'], dict(cfg['decode_head'])]
    with pytest.raises(TypeError, match='CascadeEncoderDecoder'):
        TASK.build(dict(cfg, type='CascadeEncoderDecoder', num_stages=2))
