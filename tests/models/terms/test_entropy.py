"""Entropy as a loss: MinEnt's and FDA's, of main and auxiliary heads, and what is refused."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn.functional import interpolate

from mmuda.functional import normalized_entropy
from mmuda.models.terms import EntropyLoss
from mmuda.models.views import View


class Heads:
    """Outputs of two heads at a quarter of the size."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.main, self.side = (torch.randn(2, 5, 4, 6, requires_grad=True) for _ in range(2))

    def _sized(self, x, size):
        return x if size is None else interpolate(x, size, mode='bilinear')

    def logits(self, size=None):
        return self._sized(self.main, size)

    def auxiliary_logits(self, size=None):
        return (self._sized(self.side, size),)


def run(**options):
    heads = Heads()
    view = View(torch.zeros(2, 3, 16, 24), outputs=heads)
    return heads, EntropyLoss(**options)(view, step=torch.tensor(0))


def test_minent():
    heads, found = run(loss_weight=0.001, auxiliary_loss_weight=0.0002)
    main, side = (
        normalized_entropy(interpolate(x, (16, 24), mode='bilinear')).mean() for x in (heads.main, heads.side)
    )
    torch.testing.assert_close(found['loss'], 0.001 * main)
    torch.testing.assert_close(found['loss_auxiliary'], 0.0002 * side)
    torch.testing.assert_close(found['entropy'], main.detach())
    (found['loss'] + found['loss_auxiliary']).backward()
    assert heads.main.grad.abs().sum() > 0
    assert heads.side.grad.abs().sum() > 0


def test_fda():
    heads, found = run(power=2.0, resize=False, loss_weight=0.005)
    entropy = normalized_entropy(heads.main)
    torch.testing.assert_close(found['loss'], 0.005 * ((entropy**2 + 1e-8) ** 2).mean())
    assert 'loss_auxiliary' not in found


@pytest.mark.parametrize('heads, count', [(None, 0), (nn.ModuleList([nn.Identity(), nn.Identity()]), 2)])
def test_a_weight_for_heads_that_are_not_one(heads, count):
    student = SimpleNamespace(auxiliary_head=heads)
    with pytest.raises(ValueError, match=f'the student has {count} auxiliary heads'):
        EntropyLoss(auxiliary_loss_weight=0.1).attach(student)
    EntropyLoss().attach(student)


def test_a_negative_weight():
    with pytest.raises(ValueError, match='must not be negative'):
        EntropyLoss(auxiliary_loss_weight=-1.0).attach(nn.Identity())
