"""ACDA Eqs. 3 and 4 against the matrices and the loops that they abbreviate."""

import pytest
import torch

from mmuda.functional import (
    contrastive_domain_discrepancy,
    cross_layer_discrepancy,
    cross_layer_mmd,
    cross_layer_weights,
    multi_kernel_mmd,
)

# Class 0 and 2 in both domains, 1 in the source alone, 3 in the target alone, and a sample of each that does not count.
TARGET_LABEL, SOURCE_LABEL = torch.tensor([2, 0, -1, 3, 0]), torch.tensor([0, 2, 1, -1])


def maps(batch, seed, layers=3):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(batch, 4, 3, 2, generator=generator, dtype=torch.float64) for _ in range(layers)]


@pytest.fixture
def target():
    return maps(5, 1)


@pytest.fixture
def source():
    return maps(4, 2)


def brute_force(target, source, pairs):
    """Eq. 4 with both matrices, averaged over pairs of samples before the softmax."""
    similarity = torch.zeros(2, len(target), len(source), dtype=torch.float64)
    for i, a in enumerate(target):
        for j, b in enumerate(source):
            for t, s in pairs:
                r_a, r_b = a[t].flatten(1), b[s].flatten(1)  # [c, p]
                similarity[0, i, j] += (r_a @ r_b.T).mean() / len(pairs)
                similarity[1, i, j] += (r_a.T @ r_b).mean() / len(pairs)
    return similarity.softmax(2).mean(0)


def test_eq_4_without_its_matrices(target, source):
    expected = brute_force(target, source, [(t, s) for t in range(5) for s in range(4)])
    found = cross_layer_weights(target, source)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-14)
    torch.testing.assert_close(found.sum(1), torch.ones(3, dtype=torch.float64))


def test_pairs_of_equal_index(target, source):
    target = [x[:4] for x in target]
    expected = brute_force(target, source, [(k, k) for k in range(4)])
    torch.testing.assert_close(cross_layer_weights(target, source, pairwise=True), expected, rtol=0, atol=1e-14)


def test_temperature_and_normalisation(target, source):
    hot = cross_layer_weights(target, source, temperature=1e6)
    torch.testing.assert_close(hot, torch.full_like(hot, 1 / 3), rtol=0, atol=1e-6)
    large = [1e3 * x for x in target]
    torch.testing.assert_close(
        cross_layer_weights(large, source, normalize=True), cross_layer_weights(target, source, normalize=True)
    )
    assert not torch.allclose(cross_layer_weights(large, source), cross_layer_weights(target, source))


def test_weights_have_a_gradient_on_demand(target, source):
    leaf = [x.requires_grad_() for x in target]
    assert not cross_layer_weights(leaf, source).requires_grad
    short = [x[:2, :2, :2, :1].clone().requires_grad_() for x in (*target[:2], *source[:2])]
    assert torch.autograd.gradcheck(lambda *x: cross_layer_weights(x[:2], x[2:], detach=False), short)


@pytest.mark.parametrize('reduction', ['mean', 'sum'])
def test_eq_3_for_all_pairs_of_layers(target, source, reduction):
    found = cross_layer_mmd(target, source, reduction=reduction)
    expected = [[multi_kernel_mmd(s, t, reduction=reduction) for s in source] for t in target]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


def test_eq_3_has_the_pairs_gradients(target, source):
    gradients = []
    for function in (
        lambda t, s: cross_layer_mmd(t, s).square().sum(),
        lambda t, s: sum(multi_kernel_mmd(b, a).square() for a in t for b in s),
    ):
        leaves = [[x.detach().clone().requires_grad_() for x in domain] for domain in (target, source)]
        function(*leaves).backward()
        gradients.append([x.grad for domain in leaves for x in domain])
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize('options', [dict(), dict(intra_only=False), dict(over_present=False, reduction='sum')])
def test_eq_3_class_by_class_for_all_pairs_of_layers(target, source, options):
    labels = TARGET_LABEL, SOURCE_LABEL

    def loop(t, s):
        rest = dict(intra_only=True, over_present=True) | options
        pairs = [[contrastive_domain_discrepancy(b, a, *labels[::-1], 5, **rest)['cdd'] for b in s] for a in t]
        return torch.stack([torch.stack(row) for row in pairs])

    results = []
    for function in (lambda t, s: cross_layer_discrepancy(t, s, *labels, 5, **options), loop):
        leaves = [[x.detach().clone().requires_grad_() for x in domain] for domain in (target, source)]
        found = function(*leaves)
        found.square().sum().backward()
        results.append([found.detach(), *(x.grad for domain in leaves for x in domain)])
    assert results[0][0].shape == (3, 3)
    assert results[0][0].unique().numel() == 9
    torch.testing.assert_close(*results)
    assert all(not x[[2, 3]].any() for x in results[0][1:4])  # no class, and one that the source lacks


def test_no_common_class_is_no_discrepancy(target, source):
    leaf = [x.requires_grad_() for x in target]
    found = cross_layer_discrepancy(leaf, source, torch.full((5,), 1), torch.full((4,), 0), 2, intra_only=False)
    found.sum().backward()
    assert not found.any()
    assert all(not x.grad.any() for x in leaf)


def test_mixed_precision_works_in_float32(target, source):
    target, source = ([x.float() for x in domain] for domain in (target, source))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        values = cross_layer_weights(target, source), cross_layer_mmd(target, source)
    torch.testing.assert_close(values, (cross_layer_weights(target, source), cross_layer_mmd(target, source)))


def test_what_it_refuses(target, source):
    with pytest.raises(ValueError, match=r'3 target and 2 source layers of \[\[4, 3, 2\]\]: project all to one shape'):
        cross_layer_weights(target, source[:2])
    with pytest.raises(ValueError, match=r'layers of \[\[2, 3, 2\], \[4, 3, 2\]\]: project all'):
        cross_layer_mmd(target, [x[:, :2] for x in source])
    with pytest.raises(ValueError, match='pairwise=True compares samples of equal index, but there are 4 source and 5'):
        cross_layer_weights(target, source, pairwise=True)
    with pytest.raises(ValueError, match=r'temperature=0 divides the similarities'):
        cross_layer_weights(target, source, temperature=0)
    with pytest.raises(ValueError, match=r'There are 5 target samples and target labels of shape \[4\]: give'):
        cross_layer_discrepancy(target, source, SOURCE_LABEL, SOURCE_LABEL, 5)
