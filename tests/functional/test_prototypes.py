"""Class prototypes against a mean over the pixels of features at the size of the label."""

import pytest
import torch
from torch.nn import functional as F

from mmuda.functional import class_prototypes


@pytest.mark.parametrize('size', [(12, 20), (13, 21), (3, 5)])
def test_it_is_the_mean_over_the_pixels_of_a_class(size):
    features = torch.randn(2, 4, 3, 5, dtype=torch.float64)
    label = torch.randint(0, 6, (2, *size))
    label[label == 5] = 255
    label[0][label[0] == 2] = 1
    vectors, valid = class_prototypes(features, label, 5)
    fine = F.interpolate(features, size, mode='nearest')
    for image in range(2):
        for k in range(5):
            pixels = fine[image][:, label[image] == k]
            row = image * 5 + k
            assert valid[row] == (pixels.numel() > 0)
            expected = pixels.mean(1) if pixels.numel() else torch.zeros(4, dtype=torch.float64)
            torch.testing.assert_close(vectors[row], expected, rtol=0, atol=1e-12)
    assert not valid[2]


def test_features_get_gradients_where_a_class_is():
    features = torch.randn(1, 2, 2, 2, dtype=torch.float64, requires_grad=True)
    label = torch.tensor([[[0, 0, 1, 255], [0, 0, 1, 255], [-1, 7, 255, 255], [9, 255, 255, 255]]])
    assert torch.autograd.gradcheck(lambda x: class_prototypes(x, label, 3)[0], features)
    class_prototypes(features, label, 3)[0].sum().backward()
    expected = torch.tensor([[1.0, 1.0], [0.0, 0.0]], dtype=torch.float64).expand(1, 2, 2, 2)
    torch.testing.assert_close(features.grad, expected)


def test_an_ignored_class_within_the_range_does_not_count():
    label = torch.tensor([[[0, 1]]])
    _, valid = class_prototypes(torch.ones(1, 1, 1, 2), label, 2, ignore_index=0)
    assert valid.tolist() == [False, True]


def test_half_precision_is_pooled_in_float32():
    features = torch.randn(1, 3, 4, 4).bfloat16()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        vectors, _ = class_prototypes(features, torch.zeros(1, 64, 64, dtype=torch.long), 1)
    assert vectors.dtype == torch.float32
    torch.testing.assert_close(vectors[0], features[0].float().mean((1, 2)))


def test_what_it_refuses():
    label = torch.zeros(1, 4, 4, dtype=torch.long)
    with pytest.raises(ValueError, match=r'got \[1, 3\] and \[1, 4, 4\]: tap a feature map'):
        class_prototypes(torch.zeros(1, 3), label, 2)
    with pytest.raises(ValueError, match=r'label maps of \[4, 4\] for features of \[8, 4\]: give labels at least'):
        class_prototypes(torch.zeros(1, 3, 8, 4), label, 2)
