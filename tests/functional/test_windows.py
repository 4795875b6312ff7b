"""HRDA's boxes, windows and fusion: vectors of the released code, identities, and what does not fit."""

import pytest
import torch
from torch.nn.functional import conv2d

from mmuda.functional import Box, average_windows, fuse_scales, inserted, random_box, sliding_windows


def test_released_boxes(segmentation_vectors):
    inputs, outputs = segmentation_vectors('hrda.crop_box')
    size, crop, (divisible,) = tuple(inputs['image']), tuple(inputs['crop']), inputs['divisible']
    places = (size[0] - crop[0] + 1) // divisible  # how many offsets the released code draws from
    for (top, bottom, left, right), by4, by8 in zip(outputs['boxes'], outputs['scaled_by_4'], outputs['scaled_by_8']):
        draw = ((top / divisible + 0.5) / places, (left / divisible + 0.5) / places)
        box = random_box(draw, size, crop, divisible)
        assert box == (top, bottom, left, right)
        assert box.scaled(4) == tuple(by4)
        assert box.scaled(8) == tuple(by8)
    assert random_box((0.9999, 0.9999), size, crop, divisible).top == outputs['largest_offset']
    assert [list(random_box((0.5, 0.5), size, size, divisible))] == outputs['full_size']


def test_released_windows(segmentation_vectors):
    inputs, outputs = segmentation_vectors('hrda.slide_boxes')
    for size in inputs['images']:
        name = 'boxes_1024' if size == [1024, 1024] else 'boxes_768x1000'
        found = sliding_windows(tuple(size), tuple(inputs['crop']), tuple(inputs['stride']))
        assert [list(box) for box in found] == outputs[name]


def heads(inputs: dict) -> list:
    """The toy heads of the vectors: 1×1 convolutions."""
    weights = [torch.tensor(inputs[name])[..., None, None] for name in ('head_w', 'att_w')]
    return [lambda x, weight=weight: conv2d(x, weight) for weight in weights]


def test_released_fusion_of_a_training_step(segmentation_vectors):
    inputs, outputs = segmentation_vectors('hrda.fusion_train')
    predict, attend = heads(inputs)
    context, detail = (torch.tensor(inputs[name]) for name in ('lr_feat', 'hr_feat'))
    box = Box(*inputs['box'])
    attention = attend(context).sigmoid()
    attention = inserted(box.scaled(8).crop(attention), box.scaled(8), attention.shape[-2:])
    whole = inserted(predict(detail), box.scaled(4), (8, 8))
    fused = fuse_scales(predict(context), whole, attention)
    torch.testing.assert_close(fused, torch.tensor(outputs['fused']), atol=1e-5, rtol=0)


def test_released_fusion_of_windows(segmentation_vectors):
    inputs, outputs = segmentation_vectors('hrda.fusion_slide')
    predict, attend = heads(inputs)
    context, details = torch.tensor(inputs['lr_feat']), torch.tensor(inputs['hr_feats'])
    boxes = [Box(*box).scaled(4) for box in inputs['boxes']]
    detail = average_windows(predict(details), boxes, (4, 4))
    torch.testing.assert_close(detail, torch.tensor(outputs['hr']), atol=1e-5, rtol=0)
    fused = fuse_scales(predict(context), detail, attend(context).sigmoid())
    torch.testing.assert_close(fused, torch.tensor(outputs['fused']), atol=1e-5, rtol=0)


def test_windows_of_a_whole_map_give_it_back():
    whole = torch.randn(2, 3, 7, 9, dtype=torch.float64)
    boxes = sliding_windows((7, 9), (4, 4), (2, 3))
    parts = torch.cat([box.crop(whole) for box in boxes])
    torch.testing.assert_close(average_windows(parts, boxes, (7, 9)), whole)


def test_gradients_pass_through_boxes():
    part = torch.randn(1, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    boxes = sliding_windows((3, 5), (3, 3), (1, 2))
    assert torch.autograd.gradcheck(lambda x: inserted(x, Box(1, 4, 0, 3), (5, 5)), part)
    assert torch.autograd.gradcheck(lambda x: average_windows(torch.cat((x, 2 * x)), boxes, (3, 5)), part)


def test_attention_of_zero_and_one():
    context, detail = torch.randn(1, 3, 4, 4), torch.randn(1, 3, 8, 8)
    torch.testing.assert_close(fuse_scales(context, detail, torch.ones(1, 1, 4, 4)), detail)
    scaled = torch.nn.functional.interpolate(context, size=(8, 8), mode='bilinear')
    torch.testing.assert_close(fuse_scales(context, detail, torch.zeros(1, 1, 4, 4)), scaled)


@pytest.mark.parametrize(
    'size, crop, sentence',
    [
        ((64, 64), (128, 64), 'A detail crop of 128×64 does not fit into an image of 64×64'),
        ((100, 64), (64, 64), 'has a side that is no multiple of 8'),
    ],
)
def test_what_does_not_fit(size, crop, sentence):
    with pytest.raises(ValueError, match=sentence):
        random_box((0, 0), size, crop)
