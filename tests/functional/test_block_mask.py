"""MIC's block mask: the released generator's vector, its rounding, its share, and what does not fit."""

import pytest
import torch

from mmuda.functional import block_grid, block_mask


def test_the_released_mask(segmentation_vectors):
    inputs, outputs = segmentation_vectors('mic.block_mask')
    (block,), (ratio,), size = inputs['block'], inputs['ratio'], tuple(inputs['size'])
    draw = torch.tensor(inputs['rand'])[:, 0]
    assert draw.shape[1:] == block_grid(size, block) == (2, 4)  # 2.5 and 3.5 blocks, rounded to even
    assert torch.equal(block_mask(draw, ratio, size), torch.tensor(outputs['mask'])[:, 0].bool())


@pytest.mark.parametrize(
    'length, blocks', [(10, 2), (14, 4), (9, 2), (11, 3), (2, None)], ids=['2.5', '3.5', '2.25', '2.75', '0.5']
)
def test_a_half_is_rounded_to_the_even_number_of_blocks(length, blocks):
    if blocks is None:
        with pytest.raises(ValueError, match='does not fit'):
            block_grid((16, length), 4)
        return
    assert block_grid((16, length), 4) == (4, blocks)
    draw = (torch.arange(blocks) % 2).float().view(1, 1, -1)  # every other block is kept
    shown = block_mask(draw, 0.7, (1, length))[0, 0]
    assert shown.tolist() == [bool(x * blocks // length % 2) for x in range(length)]


def test_blocks_are_squares_and_the_share_is_the_ratio():
    torch.manual_seed(0)
    mask = block_mask(torch.rand(8, 16, 16), 0.7, (64, 64))
    blocks = mask.unfold(1, 4, 4).unfold(2, 4, 4).flatten(3)
    assert ((blocks.all(-1)) | (~blocks.any(-1))).all()
    assert 1 - mask.float().mean().item() == pytest.approx(0.7, abs=0.03)


def test_hidden_pixels_are_exactly_zero():
    image = torch.randn(2, 3, 8, 8)
    mask = block_mask(torch.tensor([[[0.0]], [[0.9]]]), 0.7, (8, 8))
    hidden, kept = image * mask.unsqueeze(1)
    assert hidden.eq(0).all()
    assert torch.equal(kept, image[1])


def test_a_block_larger_than_the_image():
    with pytest.raises(ValueError, match='A block of 64 pixels does not fit into an image of 16×64'):
        block_grid((16, 64), 64)
