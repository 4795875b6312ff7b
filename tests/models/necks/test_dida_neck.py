"""DIDA-Net's neck behind mmpretrain's networks: sizes of the paper, gradients, what is added to what."""

import copy

import pytest
import torch
from mmengine.registry import DefaultScope

pytest.importorskip('mmpretrain')
pytest.importorskip('torchvision')

from mmuda.models.necks import DIDANeck
from mmuda.registry import MODELS


def classifier(neck=None, classes=7, **backbone):
    cfg = dict(
        _scope_='mmpretrain',
        type='ImageClassifier',
        backbone=dict(type='ResNet', depth=18, out_indices=(2, 3)) | backbone,
        neck=neck or dict(type='mmuda.DIDANeck'),
        head=dict(type='LinearClsHead', num_classes=classes, in_channels=512),
    )
    return MODELS.build(cfg)


def size(module):
    return sum(parameter.numel() for parameter in module.parameters())


def stages(batch=3, channels=8, size=6):
    return torch.randn(batch, channels, size, size), torch.randn(batch, 2 * channels, size // 2, size // 2)


def small(**options):
    return DIDANeck(8, 16, **dict(num_blocks=1, module=dict(reduction=4)) | options)


def test_parameters_of_tables_ix_and_xii():
    net = classifier()
    assert size(net) == 11_215_559  # "11.22 M", classifier of 7 classes included
    assert size(net.backbone) == 11_176_512
    assert size(net.neck) == 35_456


def test_a_whole_classifier_trains_every_parameter():
    net = classifier()
    net(torch.randn(4, 3, 64, 64)).square().mean().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())
    assert all(parameter.grad.abs().sum() > 0 for parameter in net.neck.parameters())


def test_the_backbone_is_the_stock_one():
    plain = classifier(neck=dict(type='GlobalAveragePooling'), out_indices=(3,))
    net = classifier()
    assert net.backbone.state_dict().keys() == plain.backbone.state_dict().keys()
    net.backbone.load_state_dict(plain.backbone.state_dict())
    x = torch.randn(2, 3, 64, 64)
    net.eval()
    plain.eval()
    with torch.no_grad():
        before, _ = net.backbone(x)
        branch = net.neck.branch(before).mean((2, 3))
        torch.testing.assert_close(net.extract_feat(x)[0], plain.extract_feat(x)[0] + branch)


def test_initialising_a_classifier_draws_the_branch_as_its_module_says():
    net = classifier(neck=dict(type='mmuda.DIDANeck', module=dict(unit_scale=True)))
    before = net.neck.branch.blocks[0][0].reduce.weight.clone()
    net.init_weights()
    module = net.neck.branch.blocks[0][0]
    assert not torch.equal(module.reduce.weight, before)
    assert [g.rescale.weight.item() for g in module.generators] == [1, 1]


def test_a_map_may_go_on_to_a_stock_neck():
    neck = [dict(type='mmuda.DIDANeck', pool=False), dict(type='GlobalAveragePooling')]
    stacked, own = classifier(neck), classifier()
    own.load_state_dict({name.replace('neck.0.', 'neck.'): value for name, value in stacked.state_dict().items()})
    x = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(stacked.eval()(x), own.eval()(x))
    assert stacked.neck[0](stacked.backbone(x))[0].shape == (2, 512, 2, 2)


def test_all_levels_for_a_segmentation_head():
    neck, maps = small(pool=False, all_levels=True), stages()
    finest = torch.randn(3, 4, 12, 12)
    found = neck((finest, *maps))
    assert found[0] is finest
    assert found[1] is maps[0]
    torch.testing.assert_close(found[2], maps[1] + neck.branch(maps[0]))
    assert len(found) == 3


def test_without_main_stream():
    """Table IV: the backbone ends before the last stage, so nothing is there that has no gradient."""
    net = classifier(
        dict(type='mmuda.DIDANeck', main_stream=False),
        num_stages=3,
        strides=(1, 2, 2),
        dilations=(1,) * 3,
        out_indices=(2,),
    )
    x = torch.randn(4, 3, 64, 64)
    torch.testing.assert_close(net.neck(net.backbone(x))[0], net.neck.branch(net.backbone(x)[0]).mean((2, 3)))
    net(x).square().mean().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())


@pytest.mark.parametrize('backbone, channels', [(dict(type='MobileNetV2', out_indices=(5, 6)), (160, 320))])
def test_behind_another_backbone(backbone, channels):
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        net = MODELS.build(backbone)
    neck = DIDANeck(*channels, num_blocks=1, stride=1)
    assert neck(net(torch.randn(2, 3, 64, 64)))[0].shape == (2, 320)


def test_evaluation_of_an_image_depends_on_it_alone():
    neck, (before, last) = small(), stages()
    neck((before, last))
    neck.eval()
    torch.testing.assert_close(neck((before[1:2], last[1:2]))[0], neck((before, last))[0][1:2])


def test_copies_state_dicts_and_further_levels():
    neck, maps = small(), stages()
    other = copy.deepcopy(neck)
    torch.testing.assert_close(other(maps), neck(maps))
    fresh = small()
    fresh.load_state_dict(neck.state_dict())
    torch.testing.assert_close(fresh.eval()(maps), neck.eval()(maps))
    torch.testing.assert_close(neck((torch.zeros(3, 4, 12, 12), *maps)), neck(maps))


def test_it_compiles_in_one_graph():
    torch._dynamo.reset()
    neck, maps = small(), stages()
    results = []
    for run in (neck, torch.compile(neck, backend='aot_eager', fullgraph=True)):
        neck.zero_grad()
        out = run(maps)[0]
        out.square().sum().backward()
        results.append([out, *(parameter.grad.clone() for parameter in neck.parameters())])
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-4)


def test_what_does_not_fit():
    before, last = stages()
    with pytest.raises(ValueError, match=r'DIDANeck got one feature map, .*out_indices=\(2, 3\).*main_stream=False'):
        small()((last,))
    with pytest.raises(ValueError, match=r'DIDANeck got one feature map'):
        small()(last)
    with pytest.raises(ValueError, match=r'A branch gives \[3, 16, 6, 6\].*gives \[3, 16, 3, 3\]: set'):
        small(stride=1)((before, last))
    with pytest.raises(ValueError, match='DIDAModule has in_channels=8, but its input has 16 channels'):
        small()((last, last))
