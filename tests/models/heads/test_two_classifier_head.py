"""Two stock classifiers as one head: its scores, loss and predictions are theirs, added up."""

import copy

import pytest
import torch

pytest.importorskip('mmpretrain')
pytest.importorskip('torchvision')

from mmpretrain.models.heads import LinearClsHead

from mmuda.models.heads import TwoClassifierHead
from mmuda.models.tasks import build_task
from mmuda.models.uda import UDAModel


@pytest.fixture
def make(tiny_classifier):
    def build(norm='BN', **classifier):
        student = tiny_classifier(norm)
        student['head'] = dict(type='mmuda.TwoClassifierHead', classifier=student['head'] | classifier)
        return student

    return build


@pytest.fixture
def net(make):
    net = build_task('classification').build(make(cal_acc=True))
    net.init_weights()
    return net.eval()


def test_scores_are_both_classifiers_and_the_output_their_mean(net):
    head, features = net.head, (torch.randn(5, 4),)
    first, second = head.classifiers
    assert isinstance(first, LinearClsHead)
    assert not torch.equal(first.fc.weight, second.fc.weight)
    assert (head.num_classes, head.in_channels) == (3, 4)
    assert torch.equal(head.scores(features), torch.stack((first(features), second(features)), 1))
    torch.testing.assert_close(head(features), (first(features) + second(features)) / 2)


def test_each_classifier_has_the_first_weights_of_its_config(make):
    """The stock head's own rule, N(0, 0.01), or the one that is given."""
    for options, std in (({}, 0.01), (dict(init_cfg=dict(type='Normal', layer='Linear', std=3.0)), 3.0)):
        net = build_task('classification').build(make(num_classes=500, **options))
        net.init_weights()
        found = [classifier.fc.weight.std().item() for classifier in net.head.classifiers]
        assert found == pytest.approx([std, std], rel=0.1)


def test_the_loss_is_the_sum_of_both(net, class_batch):
    data = net.data_preprocessor(class_batch('sss'), training=True)
    features = net.extract_feat(data['inputs'])
    parts = [classifier.loss(features, data['data_samples']) for classifier in net.head.classifiers]
    losses = net.loss(**data)
    torch.testing.assert_close(losses['loss'], parts[0]['loss'] + parts[1]['loss'])
    for number, part in enumerate(parts):
        assert losses[f'accuracy_top-1.{number}'] == part['accuracy_top-1']
    assert len(losses) == 3


def test_the_stock_classifier_predicts_by_the_mean(net, class_batch):
    data = net.data_preprocessor(class_batch('ttt'), training=False)
    scores = net(data['inputs'])
    found = net(**data, mode='predict')
    assert scores.shape == (3, 3)
    assert torch.equal(torch.stack([sample.pred_score for sample in found]), scores.softmax(1))
    assert torch.equal(torch.cat([sample.pred_label for sample in found]), scores.argmax(1))


def test_the_task_splits_both_scores_and_hands_terms_the_mean(net, class_batch):
    task = build_task('classification')
    data = net.data_preprocessor(class_batch('sss'), training=True)
    outputs = task.run(net, data['inputs'])
    assert outputs.shape == (3, 2, 3)
    assert torch.equal(task.logits(net, outputs), net(data['inputs']))
    assert torch.equal(task.split(outputs, (2, 1))[1], outputs[2:])
    for number, sample in enumerate(data['data_samples']):
        sample.set_metainfo(dict(source_index=number % 2))
    label = task.labels(data['data_samples'])
    assert torch.equal(task.losses(net, outputs, label)['loss'], net.loss(**data)['loss'])
    losses = task.scores(net, outputs, label, data['data_samples'])
    log_p = net(data['inputs']).log_softmax(1)
    torch.testing.assert_close(losses['cross_entropy_source.1'], -log_p[1, 1])


def test_one_backward_pass_trains_both(make, class_batch):
    model = UDAModel(task='classification', student=make('GN')).train()
    losses = model(**model.data_preprocessor(class_batch('stst'), training=True), mode='loss')
    losses['loss_source'].backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.student.head.parameters())


def test_deep_copies_and_checkpoints(net):
    twin = copy.deepcopy(net)
    assert list(twin.head.state_dict()) == [f'classifiers.{n}.fc.{part}' for n in (0, 1) for part in ('weight', 'bias')]
    twin.init_weights()
    twin.load_state_dict(net.state_dict())
    features = (torch.randn(2, 4),)
    assert torch.equal(twin.head(features), net.head(features))


def test_a_classifier_that_needs_more_than_scores_is_refused(make):
    with pytest.raises(TypeError, match=r'ArcFaceClsHead, whose loss needs more'):
        build_task('classification').build(make(type='ArcFaceClsHead'))
    assert TwoClassifierHead.__name__ in repr(type(build_task('classification').build(make()).head))
