"""The classification task runs an mmpretrain classifier in parts that add up to the stock one."""

import copy

import pytest
import torch

pytest.importorskip('mmpretrain')
pytest.importorskip('torchvision')

from mmengine.registry import DefaultScope

from mmuda.models.tasks import build_task
from mmuda.models.uda import UDAModel
from mmuda.registry import MODELS

TERMS = dict(
    dann=dict(type='DANN', in_channels=4, discriminator=dict(channels=5)),
    cdan=dict(type='CDAN', in_channels=4, num_classes=3, entropy=True, discriminator=dict(channels=5)),
    mdd=dict(type='MDD', in_channels=4, num_classes=3, channels=5),
)


@pytest.fixture(scope='module')
def task():
    return build_task('classification')


@pytest.fixture
def build(tiny_classifier):
    def make(norm='BN', **options):
        return UDAModel(task='classification', student=tiny_classifier(norm), **options).train()

    return make


def test_parts_equal_the_stock_forward_and_loss(task, tiny_classifier, class_batch):
    net = task.build(tiny_classifier(cal_acc=True)).eval()
    data = net.data_preprocessor(class_batch('sss'), training=True)
    outputs = task.run(net, data['inputs'])
    assert torch.equal(task.logits(net, outputs, (8, 8)), net(data['inputs']))
    stock = net.loss(**data)
    label = task.labels(data['data_samples'])
    assert torch.equal(task.losses(net, outputs, label)['loss'], stock['loss'])
    assert task.scores(net, outputs, label, data['data_samples']).keys() == {'accuracy_top-1'}
    assert task.labels(data['data_samples']).tolist() == [0, 1, 2]
    assert task.valid(data['data_samples'], data['inputs']) is None


def test_each_of_several_sources_is_logged(task, tiny_classifier, class_batch):
    net = task.build(tiny_classifier('GN')).eval()
    data = net.data_preprocessor(class_batch('sssss'), training=True)
    label = task.labels(data['data_samples'])
    assert task.scores(net, net(data['inputs']), label, data['data_samples']) == {}
    for sample, number in zip(data['data_samples'], (0, 2, 2, 0, 2)):
        sample.set_metainfo(dict(source_index=number))
    outputs = net(data['inputs']).double()
    scores = task.scores(net, outputs, label, data['data_samples'])
    right = outputs.argmax(1) == torch.tensor([0, 1, 2, 0, 1])
    cost = -outputs.log_softmax(1)[range(5), [0, 1, 2, 0, 1]]
    for number, rows in ((0, [0, 3]), (2, [1, 2, 4])):
        assert scores.pop(f'accuracy_source.{number}').item() == pytest.approx(right[rows].double().mean().item())
        found = scores.pop(f'cross_entropy_source.{number}')
        torch.testing.assert_close(found, cost[rows].mean())
        assert not found.requires_grad
    assert scores == {}


def test_images_are_weighed_and_those_without_a_label_do_not_count(task, tiny_classifier):
    net = task.build(tiny_classifier())
    logits, label = torch.randn(4, 3, dtype=torch.float64), torch.tensor([0, 2, 1, 0])
    expected = -logits.log_softmax(1)[range(4), label]
    for reduction in ('valid', 'all'):
        torch.testing.assert_close(task.losses(net, logits, label, reduction=reduction)['loss'], expected.mean())
    label[1], weight = -1, torch.tensor([1.0, 1.0, 0.0, 0.5])
    found = task.losses(net, logits, label, weight, 'valid')['loss']
    torch.testing.assert_close(found, (expected[0] + 0.5 * expected[3]) / 4)


def test_without_terms_the_gradients_are_the_stock_models_on_the_source(build, class_batch):
    model = build(norm='GN')
    batch = class_batch('stst')
    data = model.data_preprocessor(copy.deepcopy(batch), training=True)
    assert data['layout'].num_source == 2
    model.student.loss(data['inputs'][:2], data['data_samples'][:2])['loss'].backward()
    stock = [p.grad.clone() for p in model.student.parameters()]
    model.zero_grad()
    losses = model(**model.data_preprocessor(batch, training=True), mode='loss')
    assert set(losses) == {'loss_source'}
    losses['loss_source'].backward()
    for parameter, gradient in zip(model.student.parameters(), stock):
        torch.testing.assert_close(parameter.grad, gradient)


def test_a_stock_heads_loss_ignores_target_samples(task, tiny_classifier, class_batch):
    """With DomainContextHook a stock model gets the joint batch: the target's part of the sum is 0."""
    net = task.build(tiny_classifier('GN')).train()
    data = net.data_preprocessor(class_batch('sstt'), training=True)
    source = net.loss(data['inputs'][:2], data['data_samples'][:2])['loss']
    torch.testing.assert_close(net.loss(**data)['loss'], source / 2)


@pytest.mark.parametrize('domains', ['stst', 'sttts'])
def test_terms_train_on_taps_and_scores(build, class_batch, domains):
    model = build(terms=copy.deepcopy(TERMS))
    model.step.fill_(3)
    data = model.data_preprocessor(class_batch(domains), training=True)
    losses = model(**data, mode='loss')
    assert {'loss_source', 'loss_dann', 'loss_cdan', 'loss_mdd', 'dann.domain_accuracy'} <= set(losses)
    total, _ = model.parse_losses(losses)
    assert total.item() == pytest.approx(sum(v.item() for k, v in losses.items() if 'loss' in k), rel=1e-5)
    total.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.student.parameters() if p.ndim > 1)
    assert all(p.grad is not None for p in model.terms.parameters())
    assert model.step == 4


def test_any_module_of_the_classifier_can_be_tapped(build):
    for tap in ('backbone', 'neck', 'head.fc', 'neck.linear'):
        build(terms=dict(dann=dict(TERMS['dann'], tap=tap)))
    with pytest.raises(KeyError, match=r"no module 'neck\.line' to tap; near it: neck\.linear"):
        build(terms=dict(dann=dict(TERMS['dann'], tap='neck.line')))


def test_checkpoints_of_the_plain_classifier_and_its_own(build, class_batch):
    model, other = build(terms=copy.deepcopy(TERMS)), build(terms=copy.deepcopy(TERMS))
    other.load_state_dict(model.student.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(model.student.parameters(), other.student.parameters()))
    other.load_state_dict(model.state_dict())
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in other.state_dict().items())


def test_predictions_are_the_stock_models(build, class_batch):
    model = build().eval()
    data = model.data_preprocessor(class_batch('tts'), training=False)
    samples = model(**data, mode='predict')
    assert torch.equal(torch.stack([x.pred_score for x in samples]), model.student(data['inputs']).softmax(1))


@pytest.mark.parametrize('scope', ['mmengine', 'mmpretrain', 'mmuda'])
def test_a_model_builds_in_any_default_scope(tiny_classifier, scope):
    with DefaultScope.overwrite_default_scope(scope):
        model = MODELS.get('mmuda.UDAModel')(task='classification', student=tiny_classifier(), terms=dict(**TERMS))
    assert type(model.student).__name__ == 'ImageClassifier'


def test_networks_that_cannot_be_split_are_refused(task, tiny_classifier):
    with pytest.raises(TypeError, match=r'mmpretrain\.ImageClassifier, but the student is a Linear'):
        task.build(torch.nn.Linear(1, 1))
    with pytest.raises(TypeError, match=r'ArcFaceClsHead, whose loss needs more.*LinearClsHead'):
        task.build(tiny_classifier(type='ArcFaceClsHead'))
    with pytest.raises(TypeError, match='one-hot'):
        task.build(tiny_classifier() | dict(train_cfg=dict(augments=dict(type='Mixup', alpha=0.2))))


def test_a_source_without_labels_is_named(build, class_batch):
    batch = class_batch('stst')
    for sample in batch['data_samples']:
        del sample.gt_label
    model = build()
    with pytest.raises(ValueError, match=r's0\.png has 0 labels.*PackInputs'):
        model(**model.data_preprocessor(batch, training=True), mode='loss')


def test_a_missing_host_is_one_sentence(monkeypatch):
    monkeypatch.setattr('importlib.util.find_spec', lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"'mmpretrain' here.*pip install mmpretrain==1\.2\.0"):
        build_task('classification')
