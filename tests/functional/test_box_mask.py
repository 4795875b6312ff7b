"""A box has its area, lies within the image and may be anywhere in it."""

import pytest
import torch

from mmuda.functional import box_mask


@pytest.mark.parametrize('area', [0.1, 0.4, 0.9])
@pytest.mark.parametrize('size', [(40, 60), (61, 33)])
def test_area_shape_and_place(area, size):
    mask = box_mask(torch.rand(200, 3), area, size)
    assert mask.shape == (200, *size)
    rows, columns = mask.any(2), mask.any(1)
    assert torch.equal(mask, rows[:, :, None] & columns[:, None, :])  # a box
    for line in (rows, columns):  # without a gap
        assert ((line[:, 1:] & ~line[:, :-1]).sum(1) + line[:, 0] == 1).all()
    share = mask.float().mean((1, 2))
    assert share.mean().item() == pytest.approx(area, rel=0.02)
    assert (share - area).abs().max() < 0.05
    assert mask.any(0).float().mean() > 0.9  # but for the corners, each pixel is in some box
    assert rows.sum(1).unique().numel() >= 5


def test_the_formula():
    """u = 0: as high as the image, and as wide as its area says."""
    full_height, full_width = box_mask(torch.tensor([[0.0, 0.3, 1.0], [1.0, 1.0, 0.2]]), 0.25, (8, 12))
    assert torch.equal(full_height.nonzero()[:, 1].unique(), torch.tensor([9, 10, 11]))
    assert full_height.sum() == 24
    assert torch.equal(full_width.nonzero()[:, 0].unique(), torch.tensor([6, 7]))
