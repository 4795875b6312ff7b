"""Thresholds of classes: the released ones, their shares, and counts of many images."""

import pytest
import torch

from mmuda.functional import class_thresholds, count_confidences, surest_labels, surest_of_each_class
from mmuda.functional.class_thresholds import BINS


def test_the_released_thresholds(segmentation_vectors):
    inputs, outputs = segmentation_vectors('dpl.thresholds')
    label, confidence = torch.tensor(inputs['label']), torch.tensor(inputs['prob'])
    counts = sum(count_confidences(*image, num_classes=4) for image in zip(label, confidence, strict=True))
    thresholds = class_thresholds(counts, inputs['threshlen'][0], inputs['cap'][0])
    assert thresholds.tolist() == pytest.approx(outputs['thresh'], abs=1e-5)
    assert surest_labels(label, confidence, thresholds).tolist() == outputs['label_out']


def test_cbst_counts_from_the_surest(segmentation_vectors):
    """The same threshold, but for a class with so few pixels that CBST keeps none of them."""
    inputs, outputs = segmentation_vectors('cbst.thresholds')
    confidences = [torch.tensor(inputs[f'conf_class{number}']) for number in range(3)]
    counts = sum(count_confidences(torch.full(x.shape, k), x, num_classes=3) for k, x in enumerate(confidences))
    for name, share in (('thresh_p02', 0.2), ('thresh_p05', 0.5)):
        found = class_thresholds(counts, 1 - share).tolist()
        few = [int(share * len(x)) == 0 for x in confidences]
        assert [x for x, none in zip(found, few) if not none] == pytest.approx(
            [x for x, none in zip(outputs[name], few) if not none], abs=1e-5
        )
        assert [x for x, none in zip(outputs[name], few) if none] == [1.0] * sum(few)


@pytest.mark.parametrize('drop', [0.0, 0.5, 0.66, 0.95])
def test_the_share_of_each_class_is_dropped(drop):
    """However sure a class is; with distinct confidences to a pixel."""
    torch.manual_seed(0)
    label = torch.arange(3).repeat_interleave(torch.tensor([7, 100, 1000]))
    confidence = torch.rand(len(label)) / torch.tensor([9.0, 3.0, 1.0])[label]
    thresholds = class_thresholds(count_confidences(label, confidence, 3), drop)
    kept = surest_labels(label, confidence, thresholds) != 255
    for number in range(3):
        pixels = confidence[label == number]
        count = max(1, len(pixels) - round(drop * len(pixels)))
        assert sorted(pixels[kept[label == number]].tolist()) == sorted(pixels.tolist())[-count:]


@pytest.mark.parametrize('above', [1.0, 0.7])
@pytest.mark.parametrize('drop', [0.0, 0.5, 0.66, 0.95])
def test_a_batch_has_the_thresholds_of_its_bins(drop, above):
    torch.manual_seed(0)
    label = torch.randint(4, (2, 9, 11))  # class 4 occurs nowhere
    confidence = torch.randperm(label.numel()).view(label.shape) / label.numel()  # distinct, whatever the bin
    thresholds = class_thresholds(count_confidences(label, confidence, 5), drop, above)
    expected = surest_labels(label, confidence, thresholds) != 255
    assert torch.equal(surest_of_each_class(label, confidence, 5, drop, above), expected)


def test_pixels_that_do_not_count_are_neither_kept_nor_counted():
    label, confidence = torch.zeros(4, dtype=torch.long), torch.tensor([0.99, 0.2, 0.3, 0.4])
    valid = torch.tensor([False, True, True, True])
    kept = surest_of_each_class(label, confidence, 1, drop=0.34, above=0.9, valid=valid)
    assert kept.tolist() == [False, False, True, True]
    assert surest_of_each_class(label, confidence, 1, drop=0.5).tolist() == [True, False, False, True]


def test_equally_sure_pixels_are_dropped_by_their_number():
    assert surest_of_each_class(torch.zeros(8, dtype=torch.long), torch.full((8,), 0.5), 1, drop=0.25).sum() == 6


def test_a_confidence_that_is_always_enough():
    label, confidence = torch.zeros(4, dtype=torch.uint8), torch.tensor([0.2, 0.95, 0.97, 0.99])
    counts = count_confidences(label, confidence, 1)
    assert surest_labels(label, confidence, class_thresholds(counts, 0.75)).tolist() == [255, 255, 255, 0]
    assert surest_labels(label, confidence, class_thresholds(counts, 0.75, above=0.9)).tolist() == [255, 0, 0, 0]
    assert surest_labels(label, confidence, class_thresholds(counts, 0.25, above=0.99)).tolist() == [255, 0, 0, 0]


def test_ends_of_the_scale():
    confidence = torch.tensor([0.0, 1.0, 1 / BINS, 1 - 2**-24])
    counts = count_confidences(torch.zeros(4, dtype=torch.long), confidence, 2)
    assert counts.nonzero()[:, 1].tolist() == [0, 1, BINS - 1]
    assert counts[0, BINS - 1] == 2
    assert class_thresholds(counts, 0.0).tolist() == [0, 0]
