"""Pairs of true and predicted classes, of pixels and of images."""

import numpy as np
import pytest
import torch

from mmuda.apis.confusion import count_pairs, predicted_classes, true_classes


def test_what_is_no_class_does_not_count():
    truth, predicted = np.array([[0, 0, 1], [2, 255, -1]], np.int16), np.array([[0, 1, 1], [0, 2, 2]], np.uint8)
    assert count_pairs(truth, predicted, 3).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_many_classes_do_not_overflow_a_byte():
    assert count_pairs(np.array([18], np.uint8), np.array([17], np.uint8), 19)[18, 17] == 1


def test_classes_of_samples():
    segmentation = pytest.importorskip('mmseg.structures')
    from mmengine.structures import PixelData

    pixels = {name: PixelData(data=torch.full((1, 2, 3), value)) for value, name in enumerate(('gt', 'pred'))}
    sample = segmentation.SegDataSample(gt_sem_seg=pixels['gt'], pred_sem_seg=pixels['pred'])
    assert (true_classes(sample) == np.zeros((2, 3))).all()
    assert (predicted_classes(sample) == np.ones((2, 3))).all()
    image = pytest.importorskip('mmpretrain.structures').DataSample().set_gt_label(4).set_pred_label(2)
    assert (true_classes(image).tolist(), predicted_classes(image).tolist()) == ([4], [2])
