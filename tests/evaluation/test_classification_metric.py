"""Accuracy and mean class accuracy against counting by hand, and against mmpretrain."""

import pytest
import torch

from mmuda.evaluation import ClassificationMetric

TRUTH, PREDICTED = [0, 0, 0, 0, 1, 1, 3], [0, 0, 0, 1, 1, 0, 3]


def score(truth, predicted, classes=('a', 'b', 'c', 'd'), **options):
    metric = ClassificationMetric(**options)
    metric.dataset_meta = dict(classes=classes)
    samples = [dict(gt_label=torch.tensor([t]), pred_label=torch.tensor([p])) for t, p in zip(truth, predicted)]
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def test_each_class_counts_alike_and_absent_ones_not():
    scores = score(TRUTH, PREDICTED)
    assert scores == dict(accuracy=71.43, mean_class_accuracy=75.0)  # (3/4 + 1/2 + 1) / 3


def test_classes_by_name():
    scores = score(TRUTH, PREDICTED, per_class=True)
    assert (scores['accuracy.a'], scores['accuracy.b'], scores['accuracy.d']) == (75.0, 50.0, 100.0)
    assert scores['accuracy.c'] != scores['accuracy.c']


def test_counts_give_the_score_again():
    """Also of several evaluations together, which means of scores cannot."""
    scores = score(TRUTH, PREDICTED, counts=True)
    assert [scores[f'correct.{name}'] for name in 'abcd'] == [3, 1, 0, 1]
    assert [scores[f'images.{name}'] for name in 'abcd'] == [4, 2, 0, 1]
    assert all(isinstance(value, int) for key, value in scores.items() if '.' in key)


def test_it_works_without_names():
    assert score([0, 5], [0, 4], classes=None, per_class=True)['accuracy.5'] == 0


@pytest.mark.parametrize(
    'truth, predicted, text',
    [([0, 5], [0, 1], 'An image has the class 5'), ([0, 1], [0, 4], 'A prediction is the class 4')],
)
def test_a_class_beyond_the_names_is_refused(truth, predicted, text):
    with pytest.raises(ValueError, match=f'{text}, but there are only 4 classes'):
        score(truth, predicted)


@pytest.mark.parametrize('truth', [{}, dict(gt_label=torch.tensor([-100])), dict(gt_label=torch.tensor([0, 1]))])
def test_an_image_without_one_class_is_named(truth):
    with pytest.raises(ValueError, match=r'a\.png has the classes .* needs one to score: give'):
        ClassificationMetric().process({}, [dict(img_path='a.png', pred_label=torch.tensor([0]), **truth)])


def test_accuracy_is_mmpretrains():
    pytest.importorskip('torchvision')
    from mmpretrain.evaluation import Accuracy

    truth, predicted = torch.randint(0, 4, (2, 50))
    expected = Accuracy.calculate(predicted, truth).item()
    assert score(truth, predicted)['accuracy'] == pytest.approx(expected, abs=0.005)
