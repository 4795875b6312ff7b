"""HRDA as the student of a UDA model: joint passes, the teacher's windows, bfloat16, and sliding tests.

The step itself is compared with the released one in `test_released_steps.py`.
"""

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

pytest.importorskip('mmseg')

from mmuda.models.uda import SelfTrainingUDA, base
from mmuda.registry import MODELS

COORDINATED = dict(target=dict(type='PseudoLabelLoss', weight=dict(alpha=0.1)))


@pytest.fixture
def model(hrda_student):
    """``model(**options)`` → a self-training with HRDA's network."""

    def make(**options):
        options = dict(terms=COORDINATED) | options
        found = SelfTrainingUDA(task='segmentation', student=hrda_student(), **options)
        found.init_weights()
        found.teacher_updater = 'a test'
        return found.train()

    return make


@pytest.mark.parametrize('passes', ['joint', 'separate'])
def test_each_pass_has_one_box(model, domain_batch, monkeypatch, passes):
    """STCT on HRDA: weights of images, and one box for all views of a pass."""
    seen, original = [], base.pass_views

    def remember(task, net, views, taps):
        found = original(task, net, views, taps)
        seen.append({box for view in found.values() for box in view.outputs.raw.detail.boxes})
        return found

    monkeypatch.setattr(base, 'pass_views', remember)
    model = model(passes=passes)
    torch.manual_seed(1)
    losses = model(**model.data_preprocessor(domain_batch('sstt', size=64), True), mode='loss')
    assert [len(boxes) for boxes in seen] == ([1] if passes == 'joint' else [1, 1])
    assert len(set.union(*seen)) == len(seen)
    assert {'loss_source', 'loss_source_detail', 'loss_target', 'loss_target_detail', 'coordination'} <= set(losses)
    model.parse_losses(losses)[0].backward()
    assert all(parameter.grad is not None for parameter in model.student.parameters())
    assert all(parameter.grad is None for parameter in model.teacher.parameters())


@pytest.mark.parametrize('norm', ['batch', 'running'])
def test_the_teacher_labels_by_windows_in_one_batch(model, domain_batch, norm):
    """Nine windows of each image and the contexts, whichever statistics its batch norms have."""
    model, seen = model(teacher_norm=norm), []
    model.teacher.backbone.register_forward_hook(lambda module, inputs, output: seen.append(len(inputs[0])))
    model(**model.data_preprocessor(domain_batch('sttt', size=64), True), mode='loss')
    assert seen == [27, 3]


def test_a_step_in_bfloat16_is_near_one_without(model, domain_batch):
    model = model()
    data = model.data_preprocessor(domain_batch('sstt', size=64), True)
    found = []
    for enabled in (False, True):
        torch.manual_seed(1)
        model.zero_grad()
        with torch.autocast('cpu', torch.bfloat16, enabled=enabled):
            loss = model.parse_losses(model.loss(**data))[0]
        loss.backward()
        found.append((loss, model.student.decode_head.attention.conv_seg.weight.grad))
    torch.testing.assert_close(found[1][0].float(), found[0][0], rtol=0.02, atol=0.02)
    similarity = torch.cosine_similarity(found[0][1].flatten(), found[1][1].flatten(), dim=0)
    assert similarity > 0.95


def test_a_pseudo_loss_on_several_views_has_the_box_of_each(model, domain_batch):
    """Also where their passes, and so their boxes, differ."""
    model = model(
        views=dict(plain=dict(type='StudentView', jitter_prob=0, blur_prob=0)),
        terms=dict(target=dict(type='PseudoLabelLoss', view=('target', 'plain'))),
        passes='separate',
    )
    losses = model(**model.data_preprocessor(domain_batch('sstt', size=64), True), mode='loss')
    assert torch.isfinite(losses['loss_target_detail'])


def test_the_toy_leaf_tests_by_windows(repo):
    """Two networks of one wrapped model, as whole images and by sliding."""
    cfg = Config.fromfile(repo / 'configs/hrda/hrda_segformer_toy.py')
    with DefaultScope.overwrite_default_scope('mmuda'):
        model = MODELS.build(cfg.model).eval()
    images = torch.randn(1, 3, 96, 160)
    with torch.no_grad():
        whole = model.student.encode_decode(images, [dict(img_shape=(96, 160))])
        model.student.test_cfg.update(mode='slide', crop_size=(96, 160), stride=(48, 80))
        slid = model.student.inference(images, [dict(img_shape=(96, 160), ori_shape=(96, 160))])
    torch.testing.assert_close(slid, whole)
