"""FixMatch's labels: what is sure, and what each image weighs."""

import pytest
import torch

from mmuda.models.labellers import OwnLabels

LOGITS = torch.tensor([[0.95, 0.03, 0.02], [0.2, 0.7, 0.1], [0.01, 0.01, 0.98]], dtype=torch.float64).log()


def test_a_probability_at_the_threshold_is_sure():
    label, weight, sure = OwnLabels(threshold=0.5).label(torch.tensor([[1.0, 1.0]]))  # exactly a half each
    assert (label.tolist(), weight.tolist(), sure.tolist()) == ([0], [1], [True])
    label, weight, sure = OwnLabels().label(LOGITS[1:])
    assert (label.tolist(), weight.tolist(), sure.tolist()) == ([1, 2], [0, 1], [False, True])


def test_confidence_weighs_every_image():
    label, weight, sure = OwnLabels(weighting='confidence').label(LOGITS)
    assert weight.tolist() == pytest.approx([0.95, 0.7, 0.98])
    assert label.tolist() == [0, 1, 2]
    assert sure[1:].tolist() == [False, True]


def test_nothing_has_a_gradient_and_half_precision_gets_single():
    logits = torch.randn(4, 3, dtype=torch.bfloat16, requires_grad=True)
    for weighting in ('threshold', 'confidence'):
        _, weight, sure = OwnLabels(0.4, weighting).label(logits)
        assert not weight.requires_grad
        assert weight.dtype == torch.float32
        assert torch.equal(sure, logits.float().softmax(1).max(1).values >= 0.4)


@pytest.mark.parametrize('threshold', [-0.1, 1.01, float('nan')])
def test_a_threshold_that_is_no_probability_is_refused(threshold):
    with pytest.raises(ValueError, match=rf'threshold={threshold}: a probability lies in \[0, 1\]'):
        OwnLabels(threshold)


def test_an_unknown_weighting_is_refused():
    with pytest.raises(ValueError, match="weighting='soft': use one of threshold, confidence"):
        OwnLabels(weighting='soft')


def test_an_unknown_norm_is_refused():
    with pytest.raises(ValueError, match="norm='eval': use one of train, batch, running"):
        OwnLabels(norm='eval')
