"""MDD against its objective, typed again in float64."""

import math

import pytest
import torch

from mmuda.models.terms import MDD


def test_loss_and_gradients_are_the_papers(views):
    term = MDD(4, 3, margin=4.0, channels=6, dropout=0.0, ramp_steps=10).double()
    for parameter in term.parameters():
        parameter.data.normal_()
    views = views(5, 2)
    result = term(*views, torch.tensor(7))
    result['loss'].backward()
    copies = [v.features['neck'][0].detach().clone().requires_grad_() for v in views]
    values = []
    for copy, view in zip(copies, views):
        sigma = term.classifier(copy).softmax(1)
        values.append(torch.stack([s[y] for s, y in zip(sigma, view.logits.argmax(1))]))
    source, target = -values[0].log().mean(), -(1 - values[1]).log().mean()
    (4 * source + target).backward()
    torch.testing.assert_close(result['loss'], 4 * source + target)
    torch.testing.assert_close(result['source_disparity'], source)
    torch.testing.assert_close(result['target_disparity'], target)
    coefficient = 0.2 / (1 + math.exp(-7 / 10)) - 0.1
    for view, copy in zip(views, copies):
        torch.testing.assert_close(view.features['neck'][0].grad, -coefficient * copy.grad, rtol=1e-5, atol=1e-9)
        assert view.logits.grad is None


def test_the_auxiliary_classifier_is_the_official_one():
    term = MDD(1024, 31)
    assert sum(p.numel() for p in term.parameters()) == 1024 * 1024 + 1024 + 1024 * 31 + 31
    assert [type(layer).__name__ for layer in term.classifier] == ['Linear', 'ReLU', 'Dropout', 'Linear']
    assert term.classifier[0].weight.std().item() == pytest.approx(0.01, rel=0.02)
    assert [p.shape for p in MDD(4, 3, channels=None).parameters()] == [(3, 4), (3,)]


def test_bad_options_are_named(views):
    with pytest.raises(ValueError, match=r'margin=0.*positive'):
        MDD(4, 3, margin=0)
    with pytest.raises(ValueError, match='num_classes=1'):
        MDD(4, 1)
    with pytest.raises(ValueError, match='MDD has num_classes=4'):
        MDD(4, 4)(*views(), torch.tensor(0))
