"""Hard labels, borders and the confidence weight."""

import pytest
import torch

from mmuda.models.self_training import PseudoLabeler


def test_labels_are_the_argmax_and_everything_counts_by_default():
    logits = torch.randn(2, 3, 4, 5, requires_grad=True)
    label, valid, confidence = PseudoLabeler()(logits)
    assert torch.equal(label, logits.argmax(1))
    assert valid is None
    assert confidence is None
    assert not label.requires_grad


def test_borders_and_padding_do_not_count():
    padded = torch.ones(2, 6, 5, dtype=torch.bool)
    padded[:, :, 4] = False
    valid = PseudoLabeler(ignore_top=1, ignore_bottom=2)(torch.randn(2, 3, 6, 5), padded).valid
    assert valid.any(2)[0].tolist() == [False, True, True, True, False, False]
    assert valid.any(1)[0].tolist() == [True, True, True, True, False]
    assert padded.sum() == 48  # the caller's map is untouched
    with pytest.raises(ValueError, match=r'ignores 4 \+ 2 rows of a crop that is only 6 pixels high'):
        PseudoLabeler(ignore_top=4, ignore_bottom=2)(torch.randn(1, 3, 6, 5))


def test_confidence_is_the_share_of_sure_valid_pixels():
    probability = torch.tensor([[0.99, 0.90], [0.97, 0.5]])  # image 1; image 2 is unsure everywhere
    first = torch.stack((probability, 1 - probability)).log()
    logits = torch.stack((first, torch.zeros(2, 2, 2)))
    valid = torch.ones(2, 2, 2, dtype=torch.bool)
    valid[0, 1, 1] = False
    labeler = PseudoLabeler(confidence_threshold=0.968)
    assert labeler(logits, valid).confidence.tolist() == pytest.approx([2 / 3, 0])
    assert labeler(logits).confidence.tolist() == pytest.approx([0.5, 0])
    whole = PseudoLabeler(confidence_threshold=0.968, confidence_reduction='batch')
    assert whole(logits, valid).confidence.tolist() == pytest.approx([2 / 7, 2 / 7])


def test_whole_images_are_labelled_and_sure_or_not():
    logits = torch.tensor([[0.99, 0.01], [0.6, 0.4]]).log()
    assert PseudoLabeler()(logits).label.tolist() == [0, 0]
    assert PseudoLabeler(confidence_threshold=0.968)(logits).confidence.tolist() == [1, 0]
    whole = PseudoLabeler(confidence_threshold=0.968, confidence_reduction='batch')
    assert whole(logits, torch.tensor([True, False])).confidence.tolist() == [1, 1]
    with pytest.raises(ValueError, match='one label an image: leave out ignore_top and ignore_bottom'):
        PseudoLabeler(ignore_top=1)(logits)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(ignore_top=-1), 'must not be negative'),
        (dict(confidence_threshold=1.5), r'confidence_threshold=1\.5'),
        (dict(confidence_reduction='pixel'), "'image' or 'batch'"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        PseudoLabeler(**options)
