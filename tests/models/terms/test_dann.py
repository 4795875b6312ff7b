"""DANN against the objective of the paper, typed again."""

import math

import pytest
import torch

from mmuda.models.terms import DANN
from mmuda.models.views import View


@pytest.fixture
def term():
    return DANN(4, ramp_steps=100, discriminator=dict(channels=6, dropout=0.0)).double()


def test_loss_and_gradients_are_the_papers(term, views):
    source, target = views(5, 2)
    leaves = source.features['neck'][0], target.features['neck'][0]
    result = term(source, target, torch.tensor(7))
    result['loss'].backward()
    found = [x.grad for x in leaves], [p.grad.clone() for p in term.parameters()]
    again = [x.detach().clone().requires_grad_() for x in leaves]
    term.zero_grad()
    domain = [torch.sigmoid(term.discriminator(x)) for x in again]
    expected = -(domain[0].log().mean() + (1 - domain[1]).log().mean()) / 2
    expected.backward()
    torch.testing.assert_close(result['loss'], expected)
    coefficient = 2 / (1 + math.exp(-10 * 7 / 100)) - 1
    for gradient, x in zip(found[0], again):
        torch.testing.assert_close(gradient, -coefficient * x.grad, rtol=1e-6, atol=0)
    for gradient, parameter in zip(found[1], term.parameters()):
        torch.testing.assert_close(gradient, parameter.grad)
    assert result['coefficient'].item() == pytest.approx(coefficient, abs=1e-6)


def test_the_domains_count_alike(term, views):
    """Showing each target sample three times changes nothing."""
    source, target = views(4, 2)
    thrice = View(target.inputs.repeat(3, 1), dict(neck=target.features['neck'][0].repeat(3, 1)), None)
    results = [term(source, view, torch.tensor(7)) for view in (target, thrice)]
    for key in ('loss', 'domain_accuracy'):
        torch.testing.assert_close(results[0][key], results[1][key])


def test_accuracy_is_one_half_for_a_blind_discriminator(term, views):
    for parameter in term.parameters():
        parameter.data.zero_()
    term.discriminator[-1].bias.data.fill_(1)
    assert term(*views(7, 2), torch.tensor(0))['domain_accuracy'] == 0.5


def test_the_weight_scales_and_at_step_0_the_features_get_nothing(views):
    source, target = views()
    term = DANN(4, loss_weight=0.0).double()
    assert term(source, target, torch.tensor(5))['loss'] == 0
    DANN(4).double()(source, target, torch.tensor(0))['loss'].backward()
    assert (source.features['neck'][0].grad == 0).all()


def test_parameters_are_its_own_and_in_the_checkpoint(term):
    assert len(list(term.parameters())) == 6
    assert {name.split('.')[0] for name in term.state_dict()} == {'discriminator'}


def test_wrong_features_are_named(views):
    source, target = views()
    with pytest.raises(ValueError, match="in_channels=8, but 'neck' gives 4"):
        DANN(8)(source, target, torch.tensor(0))
    maps = View(torch.zeros(2, 1), dict(neck=torch.zeros(2, 4, 3, 3)), None)
    with pytest.raises(ValueError, match=r"DANN aligns vectors, but 'neck' gives features of shape \[4, 3, 3\].*tap="):
        DANN(4)(maps, maps, torch.tensor(0))
    with pytest.raises(ValueError, match='ramp_steps=0'):
        DANN(4, ramp_steps=0)
