"""Domain-specific batch norm is one batch norm for each domain."""

import pytest
import torch
from torch import nn
from two_domain_norms import BATCH_NORMS, SHAPES, batch, bound, gradient

from mmuda.models.layers import DomainSpecificBatchNorm1d, DomainSpecificBatchNorm2d, DomainSpecificBatchNorm3d
from mmuda.registry import MODELS

SPECIFIC = {1: DomainSpecificBatchNorm1d, 2: DomainSpecificBatchNorm2d, 3: DomainSpecificBatchNorm3d}


@pytest.mark.parametrize('rank', [1, 2, 3])
def test_domain_specific_is_one_batch_norm_for_each_domain(rank):
    norm = bound(SPECIFIC[rank](4).double(), 3, 5)
    x = batch(8, 4, *SHAPES[rank], dtype=torch.float64, source=3).requires_grad_()
    twins = [BATCH_NORMS[rank](4).double() for _ in range(2)]
    for domain, twin in enumerate(twins):
        twin.weight.data, twin.bias.data = norm.weight.data[domain], norm.bias.data[domain]
    y, wanted = norm(x), torch.cat([twin(rows) for twin, rows in zip(twins, (x[:3], x[3:]))])
    torch.testing.assert_close(y, wanted)
    torch.testing.assert_close(gradient(y, x), gradient(wanted, x))
    for domain, twin in zip(('source', 'target'), twins):
        norm.eval_domain = domain
        torch.testing.assert_close(norm.eval()(x), twin.eval()(x))


def test_both_domains_start_from_a_loaded_affine_map():
    plain, norm = nn.BatchNorm2d(4), DomainSpecificBatchNorm2d(4)
    nn.init.uniform_(plain.weight)
    norm.load_state_dict(plain.state_dict())
    assert torch.equal(norm.weight, plain.weight.expand(2, 4))
    untracked = DomainSpecificBatchNorm2d(4, track_running_stats=False)
    untracked.load_state_dict(nn.BatchNorm2d(4, track_running_stats=False).state_dict())


@pytest.mark.parametrize('rank', [1, 2, 3])
def test_registered(rank):
    assert MODELS.get(f'mmuda.DomainSpecificBatchNorm{rank}d') is SPECIFIC[rank]
