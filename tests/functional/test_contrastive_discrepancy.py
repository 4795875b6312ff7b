"""Contrastive domain discrepancy: values of CAN's released code, MMD of each pair of classes, missing classes."""

import json
from pathlib import Path

import pytest
import torch

from mmuda.functional import contrastive_domain_discrepancy, multi_kernel_mmd

CAN = json.loads((Path(__file__).parents[1] / 'data' / 'mmd_vectors.json').read_text())['cdd_can']


@pytest.fixture
def batch():
    """Classes 4, 0 and 2 in both domains, 1 only in the source, 3 only in the target; a sample without a class each."""
    generator = torch.Generator().manual_seed(3)
    source_label = torch.tensor([4, 0, 0, 2, 1, 4, -1, 2, 0])
    target_label = torch.tensor([2, 0, 3, -1, 4, 4, 0])
    source = torch.randn(9, 3, generator=generator, dtype=torch.float64)
    return source, torch.randn(7, 3, generator=generator, dtype=torch.float64) + 0.3, source_label, target_label


def pairs(source, target, source_label, target_label):
    """MMD² for each pair of the classes that both domains show."""
    classes = [c for c in range(5) if (source_label == c).any() and (target_label == c).any()]
    return torch.stack(
        [
            torch.stack([multi_kernel_mmd(source[source_label == a], target[target_label == b]) for b in classes])
            for a in classes
        ]
    )


def test_released_codes_values():
    source, target = (torch.tensor(CAN[name]).view(CAN[f'{name}_shape']) for name in ('source', 'target'))
    labels = [torch.arange(3).repeat_interleave(torch.tensor(CAN[f'nums_{name}'])) for name in ('source', 'target')]
    found = contrastive_domain_discrepancy(source, target, *labels, num_classes=5, reduction='sum')
    # The released code's kernels of a sample with itself are exp(−1e-5), five of them: its distances stop at 1e-5.
    lost = 5 * 1e-5 * (1 / torch.tensor(CAN['nums_source'])[:, None] + 1 / torch.tensor(CAN['nums_target']))
    intra, inter = lost.trace() / 5, (lost.sum() - lost.trace()) / 20
    for key, value in dict(intra=intra, inter=inter, cdd=intra - inter).items():
        assert (found[key] - value).item() == pytest.approx(CAN['out'][key], abs=2e-6)


def test_it_is_the_mmd_of_each_pair_of_classes(batch):
    matrix = pairs(*batch)
    assert matrix.shape == (3, 3)
    inter = (matrix.sum() - matrix.trace()) / 6
    for options in (dict(), dict(num_classes=5, over_present=True)):
        found = contrastive_domain_discrepancy(*batch, **options)
        torch.testing.assert_close(found['intra'], matrix.trace() / 3)
        torch.testing.assert_close(found['inter'], inter)
        torch.testing.assert_close(found['cdd'], matrix.trace() / 3 - inter)
    divided = contrastive_domain_discrepancy(*batch, num_classes=5)
    torch.testing.assert_close(divided['intra'], matrix.trace() / 5)
    torch.testing.assert_close(divided['inter'], inter * 6 / 20)


def test_intra_only(batch):
    found = contrastive_domain_discrepancy(*batch, intra_only=True)
    torch.testing.assert_close(found['intra'], pairs(*batch).trace() / 3)
    assert found['inter'] == 0
    assert found['cdd'] is found['intra']


@pytest.mark.parametrize('intra_only', [False, True])
def test_gradients_are_those_of_the_pairs(batch, intra_only):
    source, target, *labels = batch
    gradients = []
    for function in (
        lambda s: contrastive_domain_discrepancy(s, target, *labels, intra_only=intra_only)['cdd'],
        lambda s: _cdd(pairs(s, target, *labels), intra_only),
    ):
        leaf = source.clone().requires_grad_()
        function(leaf).backward()
        gradients.append(leaf.grad)
    torch.testing.assert_close(*gradients)
    assert not gradients[0][[4, 6]].any()  # a class that the target lacks, and no class


def _cdd(matrix, intra_only):
    intra = matrix.trace() / 3
    return intra if intra_only else intra - (matrix.sum() - matrix.trace()) / 6


@pytest.mark.parametrize('options', [dict(), dict(num_classes=3), dict(intra_only=True)])
def test_no_common_class_is_no_discrepancy(options):
    source = torch.randn(3, 2, requires_grad=True)
    found = contrastive_domain_discrepancy(
        source, torch.randn(2, 2), torch.tensor([0, 0, 1]), torch.tensor([2, -1]), **options
    )
    found['cdd'].backward()
    assert found['cdd'] == 0
    assert not source.grad.any()


def test_what_it_refuses():
    x, label = torch.zeros(3, 2), torch.zeros(3, dtype=torch.long)
    with pytest.raises(
        ValueError, match=r'There are 3 target samples and target labels of shape \[2\]: give one class'
    ):
        contrastive_domain_discrepancy(x, x, label, label[:2])
    with pytest.raises(ValueError, match=r'source sample is \[2\] and a target sample \[1\]: project both'):
        contrastive_domain_discrepancy(x, x[:, :1], label, label)
    with pytest.raises(ValueError, match=r"reduction='max' of the kernels is unknown"):
        contrastive_domain_discrepancy(x, x, label, label, reduction='max')
