"""MixStyle: the formula typed again, what mixes when, and other ways to run it."""

import copy

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from mmuda.domain import DomainBatch, bind_domain_context
from mmuda.models.layers import MixStyle


def style(x, eps=1e-6):
    return x.mean((2, 3)), (x.var((2, 3)) + eps).sqrt()


def mixed_with(x, share, partner):
    """Zhou et al., Eqs. 3 to 5."""
    (mean, std), out = style(x), []
    for i, j in enumerate(partner):
        normalized = (x[i] - mean[i, :, None, None]) / std[i, :, None, None]
        new_mean = share[i] * mean[i] + (1 - share[i]) * mean[j]
        new_std = share[i] * std[i] + (1 - share[i]) * std[j]
        out.append(normalized * new_std[:, None, None] + new_mean[:, None, None])
    return torch.stack(out)


@pytest.fixture
def drawn(monkeypatch):
    """Fix what is drawn."""
    share, partner = torch.tensor([0.9, 0.2, 1.0, 0.5]).double(), torch.tensor([2, 0, 3, 1])
    monkeypatch.setattr(MixStyle, '_shares', lambda self, x: share.view(-1, 1, 1, 1))
    monkeypatch.setattr(MixStyle, '_partners', lambda self, x: partner)
    return share, partner


def test_the_formula(drawn):
    x = torch.randn(4, 3, 5, 6, dtype=torch.float64) * torch.arange(1.0, 5).view(-1, 1, 1, 1) + 2
    torch.testing.assert_close(MixStyle()(x), mixed_with(x, *drawn))


def test_styles_have_no_gradient(drawn):
    x = torch.randn(4, 3, 5, 6, dtype=torch.float64, requires_grad=True)
    MixStyle()(x).sum().backward()
    share, partner = drawn
    _, std = style(x.detach())
    scale = (share[:, None] * std + (1 - share[:, None]) * std[partner]) / std
    torch.testing.assert_close(x.grad, scale[..., None, None].expand_as(x))


def test_it_mixes_in_training_alone_and_sometimes():
    layer, x = MixStyle(p=0.3), torch.randn(8, 3, 5, 5)
    mixes = [not torch.equal(layer(x), x) for _ in range(300)]
    assert 60 < sum(mixes) < 120
    layer.eval()
    assert layer(x) is x
    assert torch.equal(MixStyle(p=0.0)(x), x)


def test_shares_are_of_the_beta_distribution():
    shares = MixStyle(p=1.0, alpha=0.1)._shares(torch.zeros(20_000, 1, 1, 2)).flatten()
    wanted = torch.distributions.Beta(torch.tensor(0.1), torch.tensor(0.1))
    assert shares.mean().item() == pytest.approx(0.5, abs=0.01)
    assert shares.var().item() == pytest.approx(wanted.variance.item(), rel=0.03)
    assert (MixStyle(p=0.0)._shares(torch.zeros(5, 1, 1, 2)) == 1).all()


def test_partners_are_a_permutation():
    partners = [MixStyle()._partners(torch.zeros(7, 1)) for _ in range(2)]
    assert all(torch.equal(partner.sort().values, torch.arange(7)) for partner in partners)
    assert not torch.equal(*partners)


@pytest.mark.parametrize('source, target', [(3, 5), (4, 2)])
def test_partners_of_the_other_domain(source, target):
    layer = MixStyle(p=1.0, mix='crossdomain')
    bind_domain_context(layer).set(DomainBatch(source, target))
    partners = torch.stack([layer._partners(torch.zeros(source + target, 1)) for _ in range(50)])
    assert set(partners[:, :source].flatten().tolist()) == set(range(source, source + target))
    assert set(partners[:, source:].flatten().tolist()) == set(range(source))
    x = torch.randn(source + target, 3, 4, 4)
    assert not torch.equal(layer(x), x)
    layer.domain_context.set(DomainBatch(4, 0))
    assert torch.equal(layer(x[:4]), x[:4])


def test_partners_of_the_other_domain_need_a_layout():
    with pytest.raises(RuntimeError, match='MixStyle is training without a domain layout'):
        MixStyle(mix='crossdomain')(torch.randn(4, 3, 5, 5))


def test_checkpointing_and_copies():
    layer, x = MixStyle(p=1.0), torch.randn(4, 3, 5, 5)
    gradients = []
    for run in (layer, copy.deepcopy(layer), lambda x: checkpoint(layer, x, use_reentrant=False)):
        torch.manual_seed(3)
        leaf = x.clone().requires_grad_()
        run(leaf).square().sum().backward()
        gradients.append(leaf.grad)
    assert torch.equal(gradients[0], gradients[1])
    assert torch.equal(gradients[0], gradients[2])
    assert not layer.state_dict()


def test_it_compiles_in_one_graph():
    torch._dynamo.reset()
    layer, x = MixStyle(p=1.0), torch.randn(64, 2, 5, 5)
    y = torch.compile(layer, backend='aot_eager', fullgraph=True)(x)
    normalized = [(t - t.mean((2, 3), keepdim=True)) / t.std((2, 3), keepdim=True) for t in (x, y)]
    torch.testing.assert_close(*normalized, rtol=1e-3, atol=1e-3)
    assert not torch.allclose(x, y)


def test_half_precision_keeps_styles_in_float32():
    layer, x = MixStyle(p=1.0), torch.randn(4, 3, 16, 16) + 5
    results = []
    for dtype in (torch.float32, torch.bfloat16):
        torch.manual_seed(0)
        results.append(layer(x.to(dtype)))
    assert results[1].dtype == torch.bfloat16
    torch.testing.assert_close(results[1].float(), results[0], rtol=0.02, atol=0.05)


@pytest.mark.parametrize(
    'options, sentence',
    [
        (dict(p=1.5), 'MixStyle has p=1.5'),
        (dict(alpha=0), 'alpha=0: give'),
        (dict(mix='all'), "mix='all' is no way to choose partners: choose one of"),
    ],
)
def test_settings_that_do_not_fit(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        MixStyle(**options)


def test_a_map_of_one_position_has_no_style():
    with pytest.raises(ValueError, match=r'MixStyle got maps of \[1, 1\] positions, which have no variance'):
        MixStyle()(torch.zeros(4, 3, 1, 1))
