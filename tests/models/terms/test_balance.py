"""Domains count alike, whatever their sizes; weights count within a domain."""

import pytest
import torch

from mmuda.models.terms.balance import domain_means


def test_plain_means():
    source, target = torch.randn(5), torch.randn(2)
    torch.testing.assert_close(domain_means(source, target), (source.mean(), target.mean()))


def test_weighted_means_differentiate_through_the_numerator_only():
    source, target = torch.randn(5, dtype=torch.float64), torch.randn(2, dtype=torch.float64)
    weights = torch.rand(5, dtype=torch.float64, requires_grad=True), torch.rand(2, dtype=torch.float64)
    means = domain_means(source, target, *weights)
    for mean, value, weight in zip(means, (source, target), weights):
        torch.testing.assert_close(mean, (value * weight).sum() / weight.sum())
    means[0].backward()
    torch.testing.assert_close(weights[0].grad, source / weights[0].detach().sum())


def test_positions_of_maps_count_alike():
    """Every position is one value; a weight of a sample counts for all of its positions."""
    source, target = torch.randn(5, 4, 6), torch.randn(2, 3)
    torch.testing.assert_close(domain_means(source, target), (source.mean(), target.mean()))
    weights = torch.rand(5), torch.rand(2, 3)
    means = domain_means(source, target, *weights)
    wide = weights[0][:, None, None].expand_as(source)
    torch.testing.assert_close(means[0], (source * wide).sum() / wide.sum())
    torch.testing.assert_close(means[1], (target * weights[1]).sum() / weights[1].sum())


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_the_mean_of_a_large_half_precision_map_is_finite(dtype):
    source = torch.full((2, 300, 300), 2.0, dtype=dtype)
    means = domain_means(source, source, torch.ones(2, dtype=dtype))
    torch.testing.assert_close(means, (torch.tensor(2.0), torch.tensor(2.0)))


def test_several_processes_share_one_mean(monkeypatch):
    """The mean over ranks of what each returns is the mean over all samples."""
    from mmuda.models.terms import balance

    parts = [(torch.randn(3), torch.randn(2)), (torch.randn(1), torch.randn(4))]
    totals = torch.tensor([4.0, 6.0])
    monkeypatch.setattr(balance.dist, 'all_reduce', lambda x: x.copy_(totals))
    monkeypatch.setattr(balance.dist, 'get_world_size', lambda: 2)
    means = [domain_means(*part) for part in parts]
    for domain in range(2):
        whole = torch.cat([part[domain] for part in parts]).mean()
        torch.testing.assert_close(sum(mean[domain] for mean in means) / 2, whole)
