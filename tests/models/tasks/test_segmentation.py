"""The segmentation task runs an mmseg segmentor in parts that add up to the stock one."""

import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmuda.domain import VALID_MAP
from mmuda.models.tasks import build_task
from mmuda.registry import MODELS

TASK = build_task('segmentation')

from mmuda.models.tasks.segmentation import SegmentationOutputs


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
    assert torch.equal(TASK.losses(net, outputs, TASK.labels(samples))['loss'], stock['decode.loss_ce'])


def test_auxiliary_heads_train_with_the_main_one(tiny_student):
    cfg = tiny_student(dropout_ratio=0)
    cfg['auxiliary_head'] = dict(type='FCNHead', in_channels=16, in_index=1, channels=8, num_convs=1, num_classes=5,
                                 dropout_ratio=0, norm_cfg=dict(type='BN'), align_corners=False,
                                 loss_decode=dict(type='CrossEntropyLoss', loss_weight=0.4))  # fmt: skip
    cfg['backbone']['drop_path_rate'] = 0
    net = TASK.build(cfg).train()
    inputs, samples = torch.randn(2, 3, 32, 32), [sample((32, 32)), sample((32, 32))]
    losses = TASK.losses(net, TASK.run(net, inputs, auxiliary=True), TASK.labels(samples))
    stock = net.loss(inputs, samples)
    assert not TASK.run(net, inputs).auxiliary
    torch.testing.assert_close(losses['loss'], stock['decode.loss_ce'])
    torch.testing.assert_close(losses['loss_auxiliary'], stock['aux.loss_ce'])


def pseudo_labels(ignored=0.5):
    """Logits at label size, label maps with ignored pixels, cross-entropies with 0 there."""
    logits, label = torch.randn(3, 5, 4, 6, dtype=torch.float64), torch.randint(0, 5, (3, 4, 6))
    valid = torch.rand(3, 4, 6) >= ignored
    valid[2] = ignored == 0
    cost = -logits.log_softmax(1).gather(1, label.unsqueeze(1)).squeeze(1)
    return SegmentationOutputs(logits), label.masked_fill(~valid, 255), valid, cost * valid


def test_valid_pixels_are_averaged_image_by_image(tiny_student):
    net = TASK.build(tiny_student())
    outputs, label, valid, cost = pseudo_labels()
    expected = cost.sum((1, 2)) / valid.sum((1, 2)).clamp_min(1)
    found = TASK.losses(net, outputs, label, reduction='valid')
    torch.testing.assert_close(found, dict(loss=expected.mean()))
    weight = torch.rand(3, dtype=torch.float64)
    found = TASK.losses(net, outputs, label, weight, 'valid')['loss']
    torch.testing.assert_close(found, (weight * expected).mean())


def test_a_weight_map_weighs_pixels_over_all_or_over_the_valid_ones(tiny_student):
    net = TASK.build(tiny_student())
    outputs, label, valid, cost = pseudo_labels()
    weight = torch.rand(3, 4, 6, dtype=torch.float64)
    torch.testing.assert_close(TASK.losses(net, outputs, label, weight, 'all')['loss'], (weight * cost).mean())
    expected = ((weight * cost).sum((1, 2)) / valid.sum((1, 2)).clamp_min(1)).mean()
    torch.testing.assert_close(TASK.losses(net, outputs, label, weight, 'valid')['loss'], expected)
    with pytest.raises(ValueError, match=r'shape \[3, 6, 4\] are for labels'):
        TASK.losses(net, outputs, label, weight.transpose(1, 2), 'all')


CE, DICE = dict(type='CrossEntropyLoss', loss_weight=0.5), dict(type='DiceLoss', loss_weight=2.0)
OHEM = dict(type='OHEMPixelSampler', thresh=0.3, min_kept=9)


@pytest.mark.parametrize('losses, sampler', [([CE, DICE], None), ([CE, dict(CE, loss_name='loss_twice')], OHEM)])
def test_every_loss_of_a_head_counts_and_hard_pixels_are_its_own_choice(tiny_student, losses, sampler):
    """With weights too; a loss of whole images takes an image's mean weight."""
    cfg = tiny_student(sampler=sampler)
    cfg['decode_head']['loss_decode'] = losses
    net = TASK.build(cfg)
    outputs, label, _, _ = pseudo_labels(ignored=0)
    outputs.decode = outputs.decode.float()
    stock = net.decode_head.loss_by_feat(outputs.decode, [sample_of(x) for x in label])
    stock = sum(value for key, value in stock.items() if 'loss' in key)
    torch.testing.assert_close(TASK.losses(net, outputs, label)['loss'], stock)
    for weight in (torch.ones(3), torch.ones(3, 4, 6)):
        torch.testing.assert_close(TASK.losses(net, outputs, label, weight, 'all')['loss'], stock)
        torch.testing.assert_close(TASK.losses(net, outputs, label, 0.5 * weight, 'all')['loss'], 0.5 * stock)


@pytest.mark.parametrize('avg_non_ignore', [False, True])
def test_released_losses_of_dacs(tiny_student, segmentation_vectors, avg_non_ignore):
    """Mixed images: the mean over all pixels, ignored ones among them. Source: over labelled ones, if asked for."""
    inputs, outputs = segmentation_vectors('dacs.pixel_weighted_ce')
    cfg = tiny_student()
    cfg['decode_head']['loss_decode'] = dict(type='CrossEntropyLoss', avg_non_ignore=avg_non_ignore)
    net = TASK.build(cfg)
    logits, label, weight = (torch.tensor(inputs[key]) for key in ('logits', 'target', 'weight'))
    mixed = TASK.losses(net, SegmentationOutputs(logits), label, weight, 'all')['loss']
    assert mixed.item() == pytest.approx(outputs['target_loss'], abs=1e-5)
    source = TASK.losses(net, SegmentationOutputs(logits), label)['loss']
    share = 1 if avg_non_ignore else (label != 255).double().mean().item()  # mmseg's default is over all, too
    assert source.item() == pytest.approx(share * outputs['source_loss'], abs=1e-5)


def test_ignored_pixels_lower_the_mean_over_all(tiny_student):
    """Of pixels that are alike, half of them ignored: half the loss over all, the same over the valid ones."""
    net = TASK.build(tiny_student())
    outputs = SegmentationOutputs(torch.randn(1, 5, 1, 1).expand(2, 5, 4, 6))
    whole = torch.ones(2, 4, 6, dtype=torch.long)
    half = whole.clone()
    half[:, ::2] = 255
    for reduction, share in (('all', 0.5), ('valid', 1.0)):
        before, after = (TASK.losses(net, outputs, label, None, reduction)['loss'] for label in (whole, half))
        torch.testing.assert_close(after, share * before)


def test_scores_at_label_size_are_made_once(tiny_student):
    net = TASK.build(tiny_student())
    outputs = SegmentationOutputs(torch.randn(1, 5, 2, 3))
    assert TASK.logits(net, outputs, (4, 6)) is TASK.logits(net, outputs, (4, 6))


def test_parts_of_outputs_join_again():
    outputs = SegmentationOutputs(torch.randn(5, 2, 3, 3), (torch.randn(5, 2, 1, 1),))
    parts = TASK.split(outputs, (1, 3, 1))
    assert [len(part.decode) for part in parts] == [1, 3, 1]
    joined = TASK.join(parts)
    assert torch.equal(joined.decode, outputs.decode)
    assert torch.equal(joined.auxiliary[0], outputs.auxiliary[0])


def test_a_detail_is_learned_where_it_lies(hrda_student):
    """Shares of the stock head's loss; each row has the box of its pass, also where rows are cut and joined."""
    net, inputs = TASK.build(hrda_student(detail_loss_weight=0.3)).train(), torch.randn(4, 3, 64, 64)
    labelled = [sample((64, 64)) for _ in inputs]
    label = TASK.labels(labelled)
    torch.manual_seed(3)
    outputs = TASK.run(net, inputs)
    torch.manual_seed(3)
    stock = net.loss(inputs, labelled)
    whole = TASK.losses(net, outputs, label)
    torch.testing.assert_close(whole['loss'], stock['decode.loss_ce'])
    torch.testing.assert_close(whole['loss_detail'], stock['decode.detail_loss_ce'])
    first, second = TASK.split(outputs, (1, 3))
    other = TASK.run(net, inputs[:2])
    assert other.detail.boxes[0] != outputs.detail.boxes[0]
    joined = TASK.join([second, other])
    labels, weight = torch.cat((label[1:], label[:2])), torch.rand(5, 64, 64)
    parts = [
        TASK.losses(net, part, labels[rows], weight[rows], 'all')
        for part, rows in ((second, slice(0, 3)), (other, slice(3, 5)))
    ]
    for key, value in TASK.losses(net, joined, labels, weight, 'all').items():
        torch.testing.assert_close(value, (3 * parts[0][key] + 2 * parts[1][key]) / 5)
    box = other.detail.boxes[0]
    cut = torch.nn.functional.interpolate(other.detail.logits, (32, 32), mode='bilinear')
    cost = torch.nn.functional.cross_entropy(cut, box.crop(labels[3:]), reduction='none') * box.crop(weight[3:])
    torch.testing.assert_close(parts[1]['loss_detail'], 0.3 * cost.mean())
    assert first.detail.boxes == outputs.detail.boxes[:1]


def test_a_detail_without_weight_or_in_evaluation_has_no_loss(hrda_student):
    images = torch.randn(2, 3, 64, 64)
    assert TASK.run(TASK.build(hrda_student(detail_loss_weight=0)).train(), images).detail is None
    assert TASK.run(TASK.build(hrda_student()).eval(), images).detail is None


def test_marked_margins_are_not_valid():
    inside = torch.zeros(1, 8, 8, dtype=torch.bool)
    inside[:, 2:6, 1:8] = True
    marked = sample()
    marked.set_field(PixelData(data=inside), VALID_MAP)
    assert torch.equal(TASK.valid([marked], torch.zeros(1, 3, 8, 8)), inside)
    marked.set_metainfo(dict(padding_size=(0, 3, 0, 2)))
    valid = TASK.valid([marked, sample((10, 11))], torch.zeros(2, 3, 10, 11))
    assert torch.equal(valid[0, :8, :8], inside[0])
    assert valid[0].sum() == inside.sum()
    assert valid[1].all()


def test_padding_is_not_valid():
    inputs = torch.zeros(2, 3, 8, 10)
    assert TASK.valid([sample(), sample()], inputs) is None
    valid = TASK.valid([sample(padding=(0, 3, 0, 2)), sample()], inputs)
    assert valid[0].sum() == 7 * 6
    assert not valid[0, :, 7:].any()
    assert valid[1].all()


def sample_of(label):
    return SegDataSample(gt_sem_seg=PixelData(data=label[None]))


@pytest.mark.parametrize('scope', ['mmengine', 'mmseg', 'mmuda'])
def test_a_model_builds_in_any_default_scope(tiny_student, scope):
    with DefaultScope.overwrite_default_scope(scope):
        assert type(TASK.build(tiny_student())).__name__ == 'EncoderDecoder'
        model = MODELS.get('mmuda.SelfTrainingUDA')(task='segmentation', student=tiny_student())
    assert type(model.labeller).__name__ == 'TeacherLabels'


def test_networks_that_cannot_be_split_are_refused(tiny_student):
    with pytest.raises(TypeError, match=r'mmseg\.EncoderDecoder, but the student is a Linear'):
        TASK.build(torch.nn.Linear(1, 1))
    with pytest.raises(TypeError, match=r'out_channels=1.*num_classes=2'):
        TASK.build(tiny_student(out_channels=1, threshold=0.3) | dict())
    cfg = tiny_student()
    cfg['decode_head'] = [cfg['decode_head'], dict(cfg['decode_head'])]
    with pytest.raises(TypeError, match='CascadeEncoderDecoder'):
        TASK.build(dict(cfg, type='CascadeEncoderDecoder', num_stages=2))
