"""CDAN and CDAN+E against loops in float64, and which gradients go where."""

import math

import pytest
import torch

from mmuda.models.terms import CDAN

STEP = torch.tensor(7)


def build(**options):
    return CDAN(4, 3, ramp_steps=100, discriminator=dict(channels=6, dropout=0.0), **options).double()


def ramp(steps):
    return 2 / (1 + math.exp(-10 * 7 / steps)) - 1


def formula(term, features, logits, entropy):
    """Mean −log D of one domain, sample by sample; the sign of the logit says which."""
    values, weights = [], []
    for f, z in zip(features, logits):
        g = z.softmax(0)
        values.append(term.discriminator(torch.outer(g.detach(), f).reshape(1, -1))[0])
        weights.append(1 + torch.exp((g * g.log()).sum()) if entropy else torch.ones((), dtype=f.dtype))
    weights = torch.stack(weights)
    return torch.stack(values), weights / weights.sum().detach()


@pytest.mark.parametrize('entropy', [False, True])
def test_loss_and_gradients_are_the_codes(views, entropy):
    term = build(entropy=entropy, entropy_ramp_steps=50)
    views = views(5, 2)
    result = term(*views, STEP)['loss']
    result.backward()
    copies = [[x.detach().clone().requires_grad_() for x in (v.features['neck'][0], v.logits)] for v in views]
    (source, w_s), (target, w_t) = (formula(term, *copy, entropy) for copy in copies)
    expected = -((w_s * torch.sigmoid(source).log()).sum() + (w_t * torch.sigmoid(-target).log()).sum()) / 2
    expected.backward()
    torch.testing.assert_close(result, expected)
    for view, (features, logits) in zip(views, copies):
        torch.testing.assert_close(view.features['neck'][0].grad, -ramp(100) * features.grad, rtol=1e-6, atol=1e-12)
        if entropy:
            torch.testing.assert_close(view.logits.grad, -ramp(50) * logits.grad, rtol=1e-6, atol=1e-12)
        else:
            assert view.logits.grad is None


def test_the_prediction_may_get_gradients(views):
    source, target = views()
    build(detach_prediction=False)(source, target, STEP)['loss'].backward()
    assert source.logits.grad.abs().sum() > 0


def test_the_random_matrices_are_drawn_once_and_kept(views):
    term = build(random_dim=16)
    source, target = views()
    assert term.discriminator[0].in_features == 16
    assert set(dict(term.named_buffers())) == {'feature_matrix', 'probability_matrix'}
    other = build(random_dim=16)
    assert not torch.equal(other.feature_matrix, term.feature_matrix)
    other.load_state_dict(term.state_dict())
    losses = [x(source, target, STEP)['loss'] for x in (term, other)]
    assert losses[0] == losses[1]


def test_a_head_that_does_not_fit_is_named(views):
    source, target = views()
    with pytest.raises(ValueError, match=r'CDAN has num_classes=10, but the head gives scores of shape \[3\]'):
        CDAN(4, 10)(source, target, STEP)
    with pytest.raises(ValueError, match='in_channels=5'):
        CDAN(5, 3)(source, target, STEP)
    with pytest.raises(ValueError, match='entropy_ramp_steps=0: give the number of steps'):
        CDAN(4, 3, entropy=True, entropy_ramp_steps=0)
