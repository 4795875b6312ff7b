"""Losses of a discriminator of maps: both forms by their formula, and what is refused."""

import pytest
import torch

from mmuda.functional import domain_loss


def test_the_formulas():
    logits = torch.randn(2, 1, 3, 4, dtype=torch.float64, requires_grad=True)
    p = logits.sigmoid()
    for domain, typed in ((0.0, -(1 - p).log()), (1.0, -p.log())):
        torch.testing.assert_close(domain_loss(logits, domain), typed.mean())
        torch.testing.assert_close(domain_loss(logits, domain, 'least_squares'), ((logits - domain) ** 2).mean())
    assert torch.autograd.gradcheck(lambda x: domain_loss(x, 1.0), logits)


def test_sure_logits_keep_their_gradient():
    logits = torch.tensor([200.0], requires_grad=True)
    loss = domain_loss(logits, 0.0)
    loss.backward()
    assert loss.item() == 200
    assert logits.grad.item() == 1


def test_an_unknown_kind():
    with pytest.raises(ValueError, match="kind='wgan' is unknown: use one of vanilla, least_squares"):
        domain_loss(torch.zeros(1), 0.0, 'wgan')
