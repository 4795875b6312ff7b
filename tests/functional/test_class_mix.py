"""ClassMix's masks, against the released codes of DACS and DAFormer."""

import pytest
import torch

from mmuda.functional import class_mask, draw_half, look_up, mix, present_classes


def test_released_masks_of_dacs(segmentation_vectors):
    """Half of the classes of one image, ignored pixels being one."""
    inputs, outputs = segmentation_vectors('dacs.classmix')
    label = torch.as_tensor(inputs['source_label']).long()[None]
    assert present_classes(label)[0].nonzero().flatten().tolist() == torch.as_tensor(outputs['classes']).tolist()
    mask = class_mask(label, [torch.as_tensor(outputs['chosen']).long()])
    assert torch.equal(mask, torch.as_tensor(outputs['mask']).bool())
    source, target = torch.as_tensor(inputs['images_source_then_target'])
    torch.testing.assert_close(mix(mask, source[None], target[None])[0], torch.as_tensor(outputs['mixed_image'])[0])
    pseudo = torch.as_tensor(inputs['target_pseudo_label']).long()[None]
    assert torch.equal(mix(mask, label, pseudo), torch.as_tensor(outputs['mixed_label']).long())


def test_released_masks_of_daformer(segmentation_vectors):
    """Classes of the whole batch: the second image has two, and all of its pixels are chosen."""
    inputs, outputs = segmentation_vectors('daformer.get_class_masks')
    label = torch.as_tensor(inputs['labels']).long()[:, 0]
    present = present_classes(label).any(0)
    assert present.nonzero().flatten().tolist() == torch.as_tensor(outputs['classes']).tolist()
    mask = class_mask(label, list(torch.as_tensor(outputs['chosen']).long()))
    assert torch.equal(mask, torch.as_tensor(outputs['masks']).bool()[:, 0])


@pytest.mark.parametrize('rounding, halves', [('ceil', [2, 1, 0]), ('floor', [1, 0, 0])])
def test_half_of_the_present_classes_is_drawn(rounding, halves):
    present = torch.zeros(3, 256, dtype=torch.bool)
    present[0, [1, 4, 255]] = True
    present[1, 7] = True
    chosen = draw_half(present, torch.rand(3, 256), rounding)
    assert chosen.sum(1).tolist() == halves
    assert not (chosen & ~present).any()
    assert draw_half(present, torch.arange(256.0).expand(3, -1) / 256)[0].nonzero().flatten().tolist() == [4, 255]


def test_every_class_is_drawn_as_often():
    present = torch.zeros(4000, 256, dtype=torch.bool)
    present[:, :4] = True
    shares = draw_half(present, torch.rand(4000, 256))[:, :4].float().mean(0)
    assert (shares - 0.5).abs().max() < 0.04


def test_ignored_pixels_may_be_no_class():
    label = torch.tensor([[[0, 255], [255, 3]]])
    assert present_classes(label).sum() == 3
    assert present_classes(label, ignore_index=255)[0].nonzero().flatten().tolist() == [0, 3]
    table = torch.zeros(1, 256)
    table[0, 3] = 5
    assert look_up(table, label).tolist() == [[[0, 0], [0, 5]]]
