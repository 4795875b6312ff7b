"""The biased MMD of many pairs of sets against autograd of the formula as it is written."""

import pytest
import torch

from mmuda.functional import biased_mmd


def written(joint, num_first, num_kernels=5, multiplier=2.0, reduction='mean'):
    """Three means of kernels, one pair of sets after the other."""
    found = []
    for x in joint:
        distance = (x[:, None] - x).square().sum(2)
        centre = distance.detach().sum() / (len(x) ** 2 - len(x))
        kernels = [torch.exp(-distance / (centre * multiplier ** (u - num_kernels // 2))) for u in range(num_kernels)]
        kernel = sum(kernels) / (num_kernels if reduction == 'mean' else 1)
        first, second = slice(num_first), slice(num_first, None)
        found.append(kernel[first, first].mean() + kernel[second, second].mean() - 2 * kernel[first, second].mean())
    return torch.stack(found)


@pytest.fixture
def joints():
    generator = torch.Generator().manual_seed(0)
    sizes = (3, 7, 6), (1, 7, 2), (2, 7, 11)
    return [torch.randn(size, generator=generator, dtype=torch.float64).requires_grad_() for size in sizes]


@pytest.mark.parametrize('num_first', [1, 3, 4])
@pytest.mark.parametrize('kernels', [dict(), dict(num_kernels=4, multiplier=3.0, reduction='sum'), dict(num_kernels=1)])
def test_values_and_gradients_of_the_formula(joints, num_first, kernels):
    results = []
    for found in (biased_mmd(joints, num_first, **kernels), [written(x, num_first, **kernels) for x in joints]):
        gradients = torch.autograd.grad(sum((x * x).sum() for x in found), joints)
        results.append(([x.detach() for x in found], gradients))
    torch.testing.assert_close(*results)
    assert all(gradient.abs().max() > 1e-3 for gradient in results[0][1])


def test_a_set_beside_others_is_as_alone(joints):
    together = biased_mmd(joints, 3)
    torch.testing.assert_close(together, [biased_mmd([x], 3)[0] for x in joints])


def test_equal_samples_are_no_distance_to_the_bit():
    """Also where sums of the shares 1/n are not exact."""
    alike = torch.full((2, 10, 3), 0.1, requires_grad=True)
    (found,) = biased_mmd([alike], 3)
    found.sum().backward()
    assert not found.any()
    assert not alike.grad.any()


def test_second_derivatives_of_the_formula(joints):
    results = []
    for found in (biased_mmd(joints, 3), [written(x, 3) for x in joints]):
        gradients = torch.autograd.grad(sum(x.square().sum() for x in found), joints, create_graph=True)
        results.append(torch.autograd.grad(sum(x.square().sum() for x in gradients), joints))
    torch.testing.assert_close(*results)
    assert all(second.abs().max() > 1e-4 for second in results[0])


def test_it_works_in_the_precision_of_the_vectors(joints):
    vectors = [x.float() for x in joints]
    with torch.autocast('cpu', dtype=torch.bfloat16):
        mixed = biased_mmd(vectors, 3)
    assert [x.dtype for x in mixed] == [torch.float32] * 3
    torch.testing.assert_close(mixed, biased_mmd(vectors, 3), rtol=0, atol=0)
