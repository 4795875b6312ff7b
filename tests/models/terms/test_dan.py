"""DAN is a sum of MMDs over layers, each typed again in float64."""

import pytest
import torch

from mmuda.functional import multi_kernel_mmd
from mmuda.models.terms import DAN, JAN
from mmuda.models.views import View


def mmd(source, target):
    """Five kernels summed over all pairs, the diagonal included; bandwidths around the mean distance of pairs."""
    joint = torch.cat((source, target)).flatten(1)
    distance = (joint[:, None] - joint).square().sum(2)
    centre = distance.detach().sum() / (len(joint) * (len(joint) - 1))
    kernel = sum(torch.exp(-distance / (centre * 2.0**power)) for power in (-2, -1, 0, 1, 2))
    n = len(source)
    return kernel[:n, :n].mean() + kernel[n:, n:].mean() - 2 * kernel[:n, n:].mean()


@pytest.fixture
def layers(views):
    """Two domains with a map, as a tuple of levels, beside the vectors."""
    domains = views(5, 3)
    for view in domains:
        maps = torch.randn(len(view.inputs), 2, 3, 2, dtype=torch.float64, requires_grad=True)
        view.features['backbone'] = (torch.zeros(1), maps)
    return domains


def test_loss_and_gradients_are_the_sum_over_layers(layers):
    source, target = layers
    term = DAN(taps=('neck', 'backbone'), scores=True, reduction='sum', loss_weight=0.3)
    result = term(source, target, torch.tensor(0))
    triples = [(view.features['neck'][-1], view.features['backbone'][-1], view.logits) for view in layers]
    expected = [mmd(*pair) for pair in zip(*triples)]
    torch.testing.assert_close(result['loss'], 0.3 * sum(expected))
    for number, value in enumerate(expected):
        torch.testing.assert_close(result[f'mmd_{number}'], value.detach())
    leaves = [leaf for triple in triples for leaf in triple]
    for found, wanted in zip(
        torch.autograd.grad(result['loss'], leaves), torch.autograd.grad(0.3 * sum(expected), leaves)
    ):
        torch.testing.assert_close(found, wanted)
        assert found.abs().sum() > 0


def test_defaults_align_the_neck_alone(views):
    source, target = views(5, 3)
    result = DAN()(source, target, torch.tensor(0))
    torch.testing.assert_close(result['loss'], mmd(source.features['neck'][0], target.features['neck'][0]) / 5)
    result['loss'].backward()
    assert source.logits.grad is None
    assert list(DAN().parameters()) == []


@pytest.mark.parametrize('estimator', ['unbiased', 'linear'])
def test_the_estimator_and_the_kernels_are_passed_on(views, estimator):
    source, target = views(4, 4)
    options = dict(num_kernels=3, multiplier=1.5, reduction='sum', estimator=estimator)
    expected = multi_kernel_mmd(source.features['neck'][0], target.features['neck'][0], **options)
    assert torch.equal(DAN(**options)(source, target, torch.tensor(0))['loss'], expected)
    assert expected != DAN(estimator='biased')(source, target, torch.tensor(0))['loss']


def test_equal_domains_cost_nothing(views):
    source, _ = views(4, 2)
    twin = View(source.inputs, source.features, source.logits)
    result = DAN(scores=True)(source, twin, torch.tensor(0))
    assert result['loss'].item() == pytest.approx(0, abs=1e-12)


def test_bad_options_are_named(views):
    with pytest.raises(ValueError, match=r"DAN has nothing to align: give taps=\('neck',\)"):
        DAN(taps=())
    assert DAN(taps=(), scores=True).taps == ()
    with pytest.raises(ValueError, match=r"estimator='exact' is unknown: choose one of \['biased'"):
        DAN(estimator='exact')
    with pytest.raises(ValueError, match='num_kernels=0'):
        DAN(num_kernels=0)
    with pytest.raises(ValueError, match="reduction='max'"):
        DAN(reduction='max')
    with pytest.raises(ValueError, match='got 5 source and 3 target'):
        DAN(estimator='linear')(*views(5, 3), torch.tensor(0))


@pytest.mark.parametrize('term', [DAN, JAN])
def test_what_every_term_refuses(term):
    with pytest.raises(ValueError, match=rf"{term.__name__} has taps='neck': give a list of names, \['neck'\]"):
        term(taps='neck')
    with pytest.raises(ValueError, match=f'{term.__name__} has loss_weight=-1: a loss weight must not be negative'):
        term(loss_weight=-1)
