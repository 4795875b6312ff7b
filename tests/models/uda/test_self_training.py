"""STCT on a classifier: one label, one agreement and one weight an image. With segmentors: test_uda.py."""

import pytest
import torch
from torch.nn import functional as F

from mmuda.functional import coordination_ramp
from mmuda.models.uda import SelfTrainingUDA
from mmuda.models.uda.teacher import make_teacher, set_teacher_mode


@pytest.fixture
def build(tiny_classifier):
    def make(weight=None, **options):
        options['terms'] = dict(target=dict(type='PseudoLabelLoss', weight=weight or {}))
        model = SelfTrainingUDA(task='classification', student=tiny_classifier(), **options).train()
        for parameter in model.teacher.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        return model

    return make


def test_the_loss_of_a_classifier_equals_the_formula(build, class_batch):
    model = build().eval()  # running statistics: passes can be repeated
    model.step.fill_(1500)
    data = model.data_preprocessor(class_batch('ststtts'), training=True)
    losses = model.loss(**data)
    target = data['inputs'][3:]
    label, logits = model.teacher(target).argmax(1), model.student(target)
    agreement = (logits.argmax(1) == label).float()
    weight = agreement * coordination_ramp(1500, 2e-4)
    torch.testing.assert_close(
        losses['loss_target'], (weight * F.cross_entropy(logits, label, reduction='none')).mean()
    )
    torch.testing.assert_close(losses['pseudo_accuracy'], agreement.mean())
    torch.testing.assert_close(losses['coordination'], weight.mean())


def test_a_step_with_every_option_trains_the_student(build, class_batch):
    model = build(
        weight=dict(reduction='batch', fixed=1.0),
        labeller=dict(type='TeacherLabels', confidence='image', threshold=0.2),
        views=dict(target=dict(type='StudentView', of=('source', 'target'))),
        teacher_norm='batch',
        teacher='fixed',
    )
    losses = model(**model.data_preprocessor(class_batch('ststst'), training=True), mode='loss')
    losses['loss_target'].backward()
    assert losses['loss_target'] > 0
    assert all(parameter.grad is not None for parameter in model.student.parameters())
    assert model.step == 1


@pytest.mark.parametrize('task', ['classification', 'segmentation'])
def test_a_teacher_with_batch_statistics_labels_one_image(request, task):
    """Behind a pooling a norm gets one value a channel; the others keep the batch's statistics."""
    if task == 'classification':
        student, batch = request.getfixturevalue('tiny_classifier')(), request.getfixturevalue('class_batch')('ssst')
        student['neck']['norm_cfg'] = dict(type='BN1d')
        pooled = 'neck.norm'
    else:
        student, batch = request.getfixturevalue('tiny_student')(), request.getfixturevalue('domain_batch')('ssst')
        student['decode_head'] |= dict(type='mmseg.ASPPHead', in_channels=16, in_index=2, dilations=(1, 2))
        pooled = 'decode_head.image_pool.1.bn'
    terms = dict(target=dict(type='PseudoLabelLoss'))
    model = SelfTrainingUDA(task, student, teacher_norm='batch', teacher='fixed', terms=terms).train()
    norms = [module for module in model.teacher.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)]
    before = {norm: norm.running_mean.clone() for norm in norms}
    losses = model(**model.data_preprocessor(batch, training=True), mode='loss')
    assert losses['loss_target'].isfinite()
    assert all(norm.training for norm in norms)
    names = [name for name, norm in model.teacher.named_modules() if norm in norms]
    still = [name for name, norm in zip(names, norms) if torch.equal(norm.running_mean, before[norm])]
    assert still == [pooled]


def test_a_teacher_labels_through_attention_without_weights_and_is_evaluated_through_mmseg_s():
    from mmuda.models.backbones import MixVisionTransformer
    from mmuda.models.layers import EfficientAttention

    student = MixVisionTransformer(embed_dims=8, num_layers=[1] * 4, num_heads=[1] * 4)
    teacher = make_teacher(student)
    x = torch.randn(1, 3, 32, 32)
    wanted = teacher(x)
    for training in (True, False):
        set_teacher_mode(teacher, student, 'running', training)
        attention = [module for module in teacher.modules() if isinstance(module, EfficientAttention)]
        assert [module.exact for module in attention] == [not training] * 4
        for found, maps in zip(teacher(x), wanted, strict=True):
            torch.testing.assert_close(found, maps)
