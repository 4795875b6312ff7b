"""FixMatch's step: the formula with its gradients, the released code's passes, layouts, norms, bad options."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mmuda.domain import DomainLayer
from mmuda.models.layers import TransNorm2d
from mmuda.models.terms import AlignmentTerm
from mmuda.models.uda import UDAModel
from mmuda.registry import MODELS


def fixmatch(student, task='classification', include_source=False, joint=True, weight_u=1.0, terms=None, **labeller):
    """The model of `configs/_base_/methods/fixmatch.py`, or of `fixmatch_official.py`."""
    names = ('unlabelled', 'target') if include_source else ('target',)
    return UDAModel(
        task=task,
        student=student,
        labeller=dict(type='OwnLabels', include_source=include_source, **labeller),
        views={name: dict(type='StrongView', of=name) for name in names},
        terms=dict(target=dict(type='PseudoLabelLoss', view=names, loss_weight=weight_u)) | (terms or {}),
        passes='joint' if joint else [('source',), names],
    )


@pytest.fixture
def build(tiny_classifier):
    def make(kind='BN', **options):
        return fixmatch(tiny_classifier(kind), **options).train()

    return make


def prepared(model, batch, dtype=torch.float32):
    data = model.data_preprocessor(copy.deepcopy(batch), training=True)
    return dict(data, inputs=data['inputs'].to(dtype), strong=data['strong'].to(dtype))


def total(losses):
    return sum(value for key, value in losses.items() if 'loss' in key)


def gradients(net, loss):
    return torch.autograd.grad(loss, list(net.parameters()))


@pytest.mark.parametrize('joint', [True, False])
@pytest.mark.parametrize('weighting', ['threshold', 'confidence'])
@pytest.mark.parametrize('include_source', [False, True])
def test_the_loss_and_its_gradients_equal_the_formula(build, view_batch, include_source, weighting, joint):
    """In float64, with a norm that does not see the batch, so that passes do not matter."""
    model = build('GN', include_source=include_source, joint=joint, weight_u=0.7).double()
    data = prepared(model, view_batch('sstttt'), torch.float64)
    weak, strong, net = data['inputs'], data['strong'], model.student
    rows = slice(0 if include_source else 2, None)
    probability = net(weak)[rows].detach().softmax(1)
    q, label = probability.max(1)
    tau = q.sort().values[len(q) // 2].item()
    weight = q if weighting == 'confidence' else (q >= tau).double()
    model.labeller.threshold, model.labeller.weighting = tau, weighting
    truth = torch.tensor([0, 1])
    expected = -net(weak[:2]).log_softmax(1)[[0, 1], truth].mean()
    picked = net(strong).log_softmax(1)[range(len(strong)), label]
    expected_target = -0.7 * (weight * picked).sum() / len(strong)
    losses = model.loss(**data)
    assert len(strong) == (6 if include_source else 4)
    torch.testing.assert_close(losses['loss_source'], expected)
    torch.testing.assert_close(losses['loss_target'], expected_target)
    for found, wanted in zip(gradients(net, total(losses)), gradients(net, expected + expected_target)):
        torch.testing.assert_close(found, wanted)
    assert losses['mask_ratio'].item() == pytest.approx((q >= tau).double().mean().item())
    agree = (net(strong).argmax(1) == label).double().mean().item()
    assert losses['pseudo_accuracy'].item() == pytest.approx(agree)
    assert not losses['mask_ratio'].requires_grad
    assert not losses['pseudo_accuracy'].requires_grad


def test_released_settings_repeat_the_released_step(build, view_batch):
    """Dassl's three passes, typed again: losses, gradients and running statistics of batch norm."""
    model = build(include_source=True, joint=False, norm='train', noise=True)
    data = prepared(model, view_batch('sttstt'))
    net = copy.deepcopy(model.student)
    with torch.no_grad():
        q, label = net(data['inputs']).softmax(1).max(1)
    model.labeller.threshold = tau = q.median().item()
    supervised = F.cross_entropy(net(data['inputs'][:2]), torch.tensor([0, 0]))
    loss = F.cross_entropy(net(data['strong']), label, reduction='none')
    expected = supervised + (loss * (q >= tau).float()).mean()
    losses = model.loss(**data)
    torch.testing.assert_close(total(losses), expected)
    for found, wanted in zip(gradients(model.student, total(losses)), gradients(net, expected)):
        torch.testing.assert_close(found, wanted)
    assert all(torch.equal(value, model.student.state_dict()[key]) for key, value in net.state_dict().items())
    assert model.student.backbone.norm.num_batches_tracked == 3
    assert 0 < losses['mask_ratio'] < 1


@pytest.mark.parametrize('norm, moves', [('train', 2), ('batch', 1), ('running', 1)])
def test_running_statistics_move_as_the_policy_says(build, view_batch, norm, moves):
    model = build(norm=norm)
    net = copy.deepcopy(model.student.backbone)
    data = prepared(model, view_batch('stt'))
    if norm == 'train':
        net(data['inputs'])
    net(torch.cat((data['inputs'][:1], data['strong'])))  # the student's one pass
    model.loss(**data)
    assert model.student.backbone.norm.num_batches_tracked == moves
    torch.testing.assert_close(model.student.backbone.norm.running_var, net.norm.running_var)


@pytest.mark.parametrize('norm', ['train', 'batch', 'running'])
def test_labels_come_from_the_norms_of_the_policy(build, view_batch, norm):
    model = build(norm=norm, weighting='confidence')
    data = prepared(model, view_batch('sstt'))
    net = copy.deepcopy(model.student).train(norm != 'running')
    with torch.no_grad():
        q, label = net(data['inputs'])[2:].softmax(1).max(1)
    views, _, _ = model.views_of(**data)
    assert torch.equal(views['target'].label, label)
    torch.testing.assert_close(views['target'].weight, q)


class Spy(DomainLayer, nn.Module):
    """Notes the layout that it is trained under, and whether it draws."""

    with_cp = False

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x):
        layout = self.domain_context.batch
        self.seen.append((layout.num_source, layout.num_target, len(x), self.training))
        return x


@pytest.mark.parametrize(
    'options, layouts',
    [
        (dict(), [(1, 2, 3, False), (1, 2, 3, True)]),
        (dict(norm='running'), [(0, 2, 2, False), (1, 2, 3, True)]),
        (dict(norm='running', noise=True), [(1, 2, 3, True), (1, 2, 3, True)]),
        (dict(include_source=True), [(1, 2, 3, False), (2, 2, 4, True)]),
        (dict(include_source=True, norm='running'), [(1, 2, 3, False), (2, 2, 4, True)]),
        (dict(joint=False), [(1, 2, 3, False), (1, 0, 1, True), (0, 2, 2, True)]),
        (dict(joint=False, include_source=True), [(1, 2, 3, False), (1, 0, 1, True), (1, 2, 3, True)]),
    ],
)
def test_every_pass_has_its_layout(build, view_batch, tiny_classifier, options, layouts):
    student = build().task.build(tiny_classifier('GN'))
    student.neck.activation = spy = Spy()
    model = fixmatch(student, **options).train()
    model(**prepared(model, view_batch('tst')), mode='loss')
    assert spy.seen == layouts
    assert model.step == 1


def test_norms_of_two_domains_are_trained(build, tiny_classifier, view_batch):
    for norm in ('train', 'batch', 'running'):
        student = build().task.build(tiny_classifier())
        student.backbone.norm = TransNorm2d(6)
        model = fixmatch(student, norm=norm, include_source=True).train()
        losses = model(**prepared(model, view_batch('sstt')), mode='loss')
        total(losses).backward()
        assert model.student.backbone.norm.weight.grad.abs().sum() > 0
        assert model.student.backbone.norm.num_batches_tracked == (2 if norm == 'train' else 1)
    with pytest.raises(
        ValueError, match="TransNorm2d needs both domains in one pass, but a pass has source alone: set passes='joint'"
    ):
        fixmatch(student, joint=False)


def test_two_layouts_and_recomputation_do_not_go_together(build, tiny_classifier):
    student = build().task.build(tiny_classifier('GN'))
    student.neck.activation = Spy()
    fixmatch(student, joint=False)
    student.neck.activation.with_cp = True
    with pytest.raises(ValueError, match='activation checkpointing would show Spy the last of them'):
        fixmatch(student, joint=False)


def test_a_labelling_pass_under_autocast_leaves_every_gradient(build, view_batch):
    """Older torch keeps the weights that a pass without gradient has cast."""
    model = build('GN', threshold=0.0)
    with torch.autocast('cpu', torch.bfloat16):
        losses = model.loss(**prepared(model, view_batch('sstt')))
    total(losses).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.student.parameters() if p.ndim > 1)


@pytest.mark.parametrize('options', [dict(), dict(include_source=True), dict(joint=False)])
def test_a_step_does_not_wait_for_the_device(build, view_batch, options, monkeypatch):
    model = build(**options)
    data = prepared(model, view_batch('sstt'))
    for number, sample in enumerate(data['data_samples'][:2]):
        sample.set_metainfo(dict(source_index=number))

    def waits(*_):
        raise AssertionError('the host reads a tensor')

    for name in ('item', 'tolist', '__bool__', '__int__', '__float__', 'nonzero'):
        monkeypatch.setattr(torch.Tensor, name, waits)
    losses = model(**data, mode='loss')
    monkeypatch.undo()
    assert {'accuracy_source.0', 'cross_entropy_source.1'} <= set(losses)


@pytest.mark.parametrize('joint', [True, False])
@pytest.mark.parametrize('include_source', [False, True])
def test_terms_see_the_weak_source_and_the_strong_target(build, view_batch, include_source, joint):
    class Probe(AlignmentTerm):
        def forward(self, source, target, step):
            self.seen = source, target
            return dict(loss=target.features['neck'][0].mean())

    model = build('GN', terms=dict(probe=Probe(('neck', 'head.fc'))), include_source=include_source, joint=joint)
    data = prepared(model, view_batch('stts'))
    losses = model.loss(**data)
    source, target = model.terms['probe'].seen
    assert torch.equal(source.inputs, data['inputs'][:2])
    assert torch.equal(target.inputs, data['strong'][-2:])
    assert source.label.tolist() == [0, 0]
    torch.testing.assert_close(target.features['head.fc'], model.student(data['strong'][-2:]))
    torch.testing.assert_close(source.logits, model.student(source.inputs))
    assert 'loss_probe' in losses


def test_evaluation_and_checkpoints_are_the_plain_networks(build, class_batch):
    model = build().eval()
    data = model.data_preprocessor(class_batch('tt'), training=False)
    samples = model(**data, mode='predict')
    assert torch.equal(torch.stack([x.pred_score for x in samples]), model.student(data['inputs']).softmax(1))
    assert set(model.state_dict()) == {f'student.{key}' for key in model.student.state_dict()} | {'step'}
    other = build()
    other.load_state_dict(model.student.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(other.student.parameters(), model.student.parameters()))


def test_bad_options_are_named(build, view_batch, class_batch, tiny_student):
    for options, text in [
        (dict(weight_u=-1), 'loss_weight=-1: a loss weight must not be negative'),
        (dict(norm='eval'), "norm='eval': use one of train, batch, running"),
        (dict(threshold=1.5), r'threshold=1\.5: a probability lies in \[0, 1\]'),
    ]:
        with pytest.raises(ValueError, match=text):
            build(**options)
    with pytest.raises(ValueError, match=r'SegmentationTask cannot follow.*StudentView of SelfTrainingUDA'):
        fixmatch(tiny_student(), task='segmentation')
    with pytest.raises(ValueError, match="type='FixMatchUDA' is no model any more: set type='UDAModel'"):
        MODELS.build(dict(type='mmuda.FixMatchUDA', task='classification'))
    model = build()
    with pytest.raises(ValueError, match=r't1\.png \(target\) has no strong view'):
        model.data_preprocessor(class_batch('st'), training=True)
