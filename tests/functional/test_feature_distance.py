"""Feature distance against a loop over positions, and its empty and equal cases."""

import torch

from mmuda.functional import masked_feature_distance, thing_mask

THINGS_OF_CITYSCAPES = torch.tensor([6, 7, *range(11, 19)])


def test_mask_keeps_patches_that_one_thing_class_fills():
    label = torch.tensor([[[1, 1, 2, 2], [1, 0, 2, 1], [3, 3, 255, 255], [3, 3, 255, 1]]])
    assert thing_mask(label, torch.tensor([1, 2]), (2, 2), 0.75).tolist() == [[[True, True], [False, False]]]
    assert thing_mask(label, torch.tensor([1, 2]), (2, 2), 0.76).tolist() == [[[False, False], [False, False]]]
    assert thing_mask(label, torch.tensor([1, 3]), (2, 2), 0.75).tolist() == [[[True, False], [True, False]]]


def test_the_released_distance(segmentation_vectors):
    inputs, outputs = segmentation_vectors('daformer.feature_distance')
    label, features, reference = (torch.tensor(inputs[name]) for name in ('label', 'f_student', 'f_imagenet'))
    mask = thing_mask(label[:, 0], THINGS_OF_CITYSCAPES, (2, 2), 0.75)
    assert mask.tolist() == torch.tensor(outputs['mask'])[:, 0].tolist()
    for places, name in ((mask, 'distance'), (torch.ones_like(mask), 'distance_no_mask')):
        distance = masked_feature_distance(features, reference, places)
        torch.testing.assert_close(distance, torch.tensor(outputs[name]), atol=1e-5, rtol=0)


def test_distance_equals_the_loop_with_its_gradient():
    features = torch.randn(2, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    reference = torch.randn(2, 3, 2, 2, dtype=torch.float64)
    mask = torch.tensor([[[True, False], [True, True]], [[False, False], [True, False]]])
    positions = mask.nonzero().tolist()
    wanted = sum((features[b, :, y, x] - reference[b, :, y, x]).norm() for b, y, x in positions) / len(positions)
    (wanted_gradient,) = torch.autograd.grad(wanted, features)
    result = masked_feature_distance(features, reference, mask)
    (gradient,) = torch.autograd.grad(result, features)
    torch.testing.assert_close(result.double(), wanted.detach().double(), atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(gradient, wanted_gradient, atol=1e-6, rtol=1e-6)


def test_an_empty_mask_and_equal_features_give_zero_and_no_nan():
    features = torch.randn(1, 3, 2, 2, requires_grad=True)
    for reference, mask in ((torch.randn(1, 3, 2, 2), False), (features.detach().clone(), True)):
        loss = masked_feature_distance(features, reference, torch.full((1, 2, 2), mask))
        loss.backward()
        assert loss.item() < 1e-12
        assert features.grad.abs().max() == 0
