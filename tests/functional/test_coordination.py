"""STCT Eq. 1, factor by factor."""

import math

import pytest
import torch

from mmuda.functional import coordination_ramp, pixel_agreement


def test_ramp_has_the_published_values():
    for step, value in {0: 0, 500: 0.095, 1500: 0.259, 4000: 0.551, 10000: 0.865, 20000: 0.982, 40000: 1.0}.items():
        assert coordination_ramp(step, 2e-4).item() == pytest.approx(value, abs=5e-4)
        assert coordination_ramp(torch.tensor(step), 2e-4).item() == pytest.approx(1 - math.exp(-step * 2e-4), abs=1e-6)


def test_ramp_keeps_small_values():
    assert coordination_ramp(1, 1e-9).item() == pytest.approx(1e-9, rel=1e-5)


def test_agreement_counts_valid_pixels_of_each_image():
    prediction = torch.tensor([[[0, 1], [2, 3]], [[0, 0], [0, 0]], [[1, 1], [1, 1]]])
    label = torch.tensor([[[0, 1], [2, 0]], [[1, 0], [1, 0]], [[1, 1], [1, 1]]])
    valid = torch.tensor(
        [[[True, True], [False, True]], [[True, True], [False, False]], [[False, False], [False, False]]]
    )
    assert pixel_agreement(prediction, label).tolist() == [0.75, 0.5, 1]
    assert pixel_agreement(prediction, label, valid).tolist() == pytest.approx([2 / 3, 0.5, 0])


def test_an_image_with_one_label_agrees_or_not():
    prediction, label = torch.tensor([2, 0, 1]), torch.tensor([2, 1, 1])
    assert pixel_agreement(prediction, label).tolist() == [1, 0, 1]
    assert pixel_agreement(prediction, label, torch.tensor([True, True, False])).tolist() == [1, 0, 0]
