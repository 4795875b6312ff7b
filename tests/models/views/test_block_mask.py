"""MIC's masked view: which blocks are hidden, what stays, and what is refused."""

import pytest
import torch

from mmuda.models.views import BlockMask, View


def make(size=(64, 64), count=4, **options):
    images = torch.randn(count, 3, *size)
    label, weight = torch.randint(0, 5, (count, *size)), torch.rand(count)
    view = View(images, label=label, weight=weight)
    return view, BlockMask(**{'of': 'target', 'block': 16, **options})(dict(target=view), None)


def test_whole_blocks_are_zero_and_labels_stay():
    torch.manual_seed(0)
    view, masked = make(count=32)
    hidden = (masked.inputs == 0).all(1).unfold(1, 16, 16).unfold(2, 16, 16).flatten(3)
    assert (hidden.all(-1) | ~hidden.any(-1)).all()
    assert hidden.float().mean().item() == pytest.approx(0.7, abs=0.05)
    assert torch.equal(masked.inputs[masked.inputs != 0], view.inputs[masked.inputs != 0])
    assert masked.label is view.label
    assert masked.weight is view.weight


def test_images_are_masked_on_their_own_and_a_seed_repeats_the_draw():
    torch.manual_seed(1)
    _, first = make()
    torch.manual_seed(1)
    _, second = make()
    assert torch.equal(first.inputs == 0, second.inputs == 0)
    assert not torch.equal(first.inputs[0] == 0, first.inputs[1] == 0)


@pytest.mark.parametrize('ratio, kept', [(0.0, 1.0), (1.0, 0.0)])
def test_ends_of_the_ratio(ratio, kept):
    view, masked = make(ratio=ratio)
    torch.testing.assert_close(masked.inputs, kept * view.inputs)


@pytest.mark.parametrize(
    'options, sentence',
    [
        (dict(ratio=1.2), 'ratio=1.2'),
        (dict(block=0), 'block=0'),
        (dict(block=200), 'A block of 200 pixels does not fit into an image of 64×64'),
    ],
)
def test_what_is_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        make(**options)
