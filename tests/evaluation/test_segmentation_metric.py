"""Scores against closed forms."""

import numpy as np
import pytest
import torch

pytest.importorskip('mmseg')

from mmseg.evaluation import IoUMetric

from mmuda.evaluation import SegmentationMetric
from mmuda.registry import METRICS

CLASSES = ('a', 'b', 'c', 'd')


def sample(predicted, truth):
    return {
        name: dict(data=torch.tensor([rows])) for name, rows in (('pred_sem_seg', predicted), ('gt_sem_seg', truth))
    }


SAMPLES = [
    sample([[0, 0, 1, 1]], [[0, 1, 1, 1]]),
    sample([[2, 2, 0, 3]], [[2, 2, 2, 255]]),
]
# intersection / union: a 1/3, b 2/3, c 2/3, d occurs nowhere
IOU = {'a': 100 / 3, 'b': 200 / 3, 'c': 200 / 3}


def evaluate(metric, samples=SAMPLES, classes=CLASSES):
    metric.dataset_meta = dict(classes=classes)
    for item in samples:
        metric.process({}, [item])
    return metric.evaluate(len(samples))


def test_closed_form():
    scores = evaluate(SegmentationMetric(report_classes=dict(two=['a', 'b'], seen=['b', 'd'])))
    for name, value in IOU.items():
        assert scores[f'IoU.{name}'] == round(value, 2)
    assert np.isnan(scores['IoU.d'])
    assert scores['mIoU'] == round(sum(IOU.values()) / 3, 2)
    assert scores['two'] == 50.0
    assert scores['seen'] == round(IOU['b'], 2)
    assert scores['aAcc'] == round(100 * 5 / 7, 2)


def test_areas_of_parts_add_up_to_those_of_the_whole():
    whole = evaluate(SegmentationMetric(areas=True))
    parts = [evaluate(SegmentationMetric(areas=True), [item]) for item in SAMPLES]
    for name in CLASSES:
        for kind in ('intersection', 'union'):
            assert whole[f'{kind}.{name}'] == sum(part[f'{kind}.{name}'] for part in parts)
    assert (whole['intersection.b'], whole['union.b'], whole['union.d']) == (2, 3, 0)
    assert not any(key.startswith('union') for key in evaluate(SegmentationMetric()))


def test_names_are_bare_without_a_warning_and_a_prefix_counts(monkeypatch):
    told = []
    monkeypatch.setattr('mmengine.evaluator.metric.print_log', lambda message, *args, **kwargs: told.append(message))
    assert 'mIoU' in evaluate(SegmentationMetric())
    assert 'night/mIoU' in evaluate(SegmentationMetric(prefix='night'))
    assert told == []


def test_the_stock_scores_are_unchanged():
    generator = torch.Generator().manual_seed(0)
    maps = torch.randint(0, 4, (6, 2, 1, 9, 11), generator=generator)
    maps[:, 1, :, 0] = 255
    samples = [dict(pred_sem_seg=dict(data=p), gt_sem_seg=dict(data=t)) for p, t in maps]
    stock, ours = (evaluate(kind(), samples) for kind in (IoUMetric, SegmentationMetric))
    assert set(ours) == {*stock, *(f'IoU.{c}' for c in CLASSES)}
    assert {name: ours[name] for name in stock} == pytest.approx(stock)


def test_synthias_means_are_those_of_the_papers():
    """16 of 19 classes: mIoU16 = mIoU19·19/16 where the other three score 0."""
    classes = tuple(f'c{i}' for i in range(19))
    truth = torch.arange(19).repeat_interleave(2)
    predicted = truth.clone()
    predicted[truth >= 16] = 0
    item = dict(pred_sem_seg=dict(data=predicted[None]), gt_sem_seg=dict(data=truth[None]))
    scores = evaluate(SegmentationMetric(report_classes=dict(mIoU16=classes[:16])), [item], classes)
    assert scores['mIoU16'] == pytest.approx(scores['mIoU'] * 19 / 16, abs=0.01)


def test_per_class_scores_can_be_left_out():
    assert not [name for name in evaluate(SegmentationMetric(per_class=False)) if name.startswith('IoU.')]


def test_the_table_says_what_a_mean_leaves_out(monkeypatch):
    from mmuda.evaluation import segmentation_metric

    told = []
    monkeypatch.setattr(segmentation_metric, 'print_log', lambda text, logger: told.append(text))
    evaluate(SegmentationMetric(report_classes=dict(mIoU2=['a', 'b'])))
    assert 'mIoU2' in told[0]
    assert '50.00' in told[0]
    assert 'c, d' in told[0]


def test_counts_are_exact_beyond_float32():
    """2^24 + 1 pixels in one image more than float32 can count."""
    size = 2**24 + 1
    prediction, truth = torch.zeros(size, dtype=torch.uint8), torch.zeros(size, dtype=torch.uint8)
    areas = SegmentationMetric.intersect_and_union(prediction, truth, 2, 255)
    assert [area[0].item() for area in areas] == [size] * 4


@pytest.mark.parametrize('chosen', [['a', 'x'], []])
def test_unknown_classes_are_refused_before_anything_is_scored(chosen):
    metric = SegmentationMetric(report_classes=dict(mIoU2=chosen))
    with pytest.raises(ValueError, match=r"report_classes\.mIoU2 names (\['x'\]|no class): the data set has"):
        metric.dataset_meta = dict(classes=CLASSES)


@pytest.mark.parametrize('predicted, truth, what', [([0, 0], [0, 7], 'A label map'), ([0, 7], [0, 0], 'A prediction')])
def test_a_number_outside_the_classes_is_refused(predicted, truth, what):
    with pytest.raises(ValueError, match=f'{what} has the value 7, but there are only 4 classes'):
        evaluate(SegmentationMetric(), [sample([predicted], [truth])])


def test_a_prediction_where_nothing_is_scored_does_not_matter():
    assert evaluate(SegmentationMetric(), [sample([[0, 7]], [[0, 255]])])['mIoU'] == 100


def test_it_is_built_from_a_config():
    assert isinstance(METRICS.build(dict(type='mmuda.SegmentationMetric')), SegmentationMetric)
