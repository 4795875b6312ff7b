"""What every normalisation of two domains must do, whichever it is; errors; loading; other ways to run it."""

import copy

import pytest
import torch
from mmengine.model import convert_sync_batchnorm
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint
from two_domain_norms import KINDS, SOURCE, batch, bound, trained

from mmuda.domain import domain_checkpoint
from mmuda.models.layers import (
    TransNorm1d,
    TransNorm2d,
    TransNorm3d,
    TwoDomainNorm,
)
from mmuda.models.uda.teacher import set_teacher_mode


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


# ---- one result, however it is run ----


@pytest.mark.parametrize(
    'run',
    [
        lambda net, x: checkpoint(net, x, use_reentrant=False),
        lambda net, x: checkpoint(net, x, use_reentrant=True),
        domain_checkpoint,
    ],
    ids=['plain', 'reentrant', 'domain_checkpoint'],
)
def test_checkpointing_changes_nothing_and_counts_once(kind, run):
    norm, x = bound(kind(6)), batch()
    result = trained(norm, x, run)
    torch.testing.assert_close(result, trained(norm, x), rtol=0, atol=0)
    assert result[3]['num_batches_tracked'] == 1


def test_it_compiles_in_one_graph(kind):
    torch._dynamo.reset()
    norm, x = bound(kind(6)), batch()
    result = trained(norm, x, lambda net, x: torch.compile(net, backend='aot_eager', fullgraph=True)(x))
    torch.testing.assert_close(result, trained(norm, x), atol=1e-4, rtol=1e-4)
    norm.eval()
    compiled = torch.compile(norm, backend='aot_eager', fullgraph=True)
    torch.testing.assert_close(compiled(x), norm(x))


def test_autocast_keeps_statistics_in_float32(kind):
    norm, x = bound(kind(6), 20, 30), batch(50, 6, 8, 8, source=20).bfloat16()
    with torch.autocast('cpu', torch.bfloat16):
        low = trained(norm, x)
    full = trained(norm, x.float())
    assert low[0].dtype == low[1].dtype == torch.bfloat16
    assert low[3]['running_var_target'].dtype == torch.float32
    torch.testing.assert_close(low[3], full[3], rtol=1e-4, atol=1e-5)
    for ours, wanted in zip(low[:2], full[:2]):
        assert (ours.float() - wanted).norm() < 0.01 * wanted.norm()
    norm(x.half()).float().sum().backward()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_a_whole_network_in_low_precision(kind, dtype):
    norm, x = bound(kind(6)), batch()
    low = trained(copy.deepcopy(norm).to(dtype), x.to(dtype))
    assert {value.dtype for value in (*low[:2], *low[2].values())} == {dtype}
    torch.testing.assert_close(low[0].float(), trained(norm, x)[0], rtol=0.05, atol=0.05)


# ---- statistics and evaluation ----


def test_running_statistics_are_each_domains_own(kind):
    norm, x = kind(6, momentum=0.3), batch()
    bound(norm)(x)
    for domain, rows in (('source', x[:SOURCE]), ('target', x[SOURCE:])):
        reference = nn.BatchNorm2d(6, momentum=0.3)
        reference(rows)
        mean, var = norm.running_moments(domain)
        torch.testing.assert_close(mean, reference.running_mean)
        torch.testing.assert_close(var, reference.running_var)
    assert norm.num_batches_tracked == 1


def test_without_momentum_all_batches_weigh_the_same(kind):
    norm = bound(kind(6, momentum=None))
    batches = [batch() for _ in range(3)]
    for x in batches:
        norm(x)
    wanted = torch.stack([x[SOURCE:].mean((0, 2, 3)) for x in batches]).mean(0)
    torch.testing.assert_close(norm.running_mean_target, wanted)
    assert norm.num_batches_tracked == 3


def test_evaluation_takes_one_domains_statistics_and_no_layout(kind):
    norm, x = bound(kind(6)), batch()
    norm(x)
    norm.eval()
    norm.domain_context = None
    results = {}
    for domain in ('target', 'source'):
        norm.eval_domain = domain
        results[domain] = norm(x)
        torch.testing.assert_close(norm(x[:1]), results[domain][:1])
    assert not torch.allclose(results['source'], results['target'])
    assert norm.num_batches_tracked == 1


def test_without_running_statistics_evaluation_takes_those_of_its_batch(kind):
    norm = bound(kind(6, track_running_stats=False)).eval()
    x = batch()
    assert not norm.state_dict().keys() - {'weight', 'bias', 'mixing'}
    y = norm(x)
    scale, shift = norm.eval_affine()
    torch.testing.assert_close(y, nn.functional.batch_norm(x, None, None, scale, shift, True))
    norm.train()
    norm(x)


def test_without_affine_there_are_no_parameters_but_the_mixing(kind):
    norm, x = bound(kind(6, affine=False)), batch()
    assert {name for name, _ in norm.named_parameters()} <= {'mixing'}
    norm(x)
    norm.eval()(x)


def test_a_deep_copy_and_a_teacher_evaluate(kind):
    norm = bound(kind(6))
    student, teacher = nn.Sequential(norm), copy.deepcopy(nn.Sequential(norm))
    set_teacher_mode(teacher, student, norm='batch', training=True)
    assert not teacher[0].training
    teacher(batch())
    assert teacher[0].num_batches_tracked == 0


# ---- loading ----


def test_a_plain_batch_norm_loads_into_both_domains(kind):
    plain = nn.BatchNorm2d(6, momentum=0.5)
    plain(batch())
    norm = kind(6)
    norm.load_state_dict(plain.state_dict())
    for domain in ('source', 'target'):
        mean, var = norm.running_moments(domain)
        assert torch.equal(mean, plain.running_mean)
        assert torch.equal(var, plain.running_var)
    assert norm.num_batches_tracked == 1
    assert set(plain.state_dict()) == {'weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'}


def test_its_own_state_reloads_strictly(kind):
    norm = bound(kind(6))
    norm(batch())
    fresh = kind(6)
    fresh.load_state_dict(norm.state_dict(), strict=True)
    torch.testing.assert_close(fresh.state_dict(), norm.state_dict(), rtol=0, atol=0)
    with pytest.raises(RuntimeError, match='running_mean_source'):
        fresh.load_state_dict({key: value for key, value in norm.state_dict().items() if key != 'running_mean_source'})


def test_it_counts_as_a_batch_norm(kind):
    norm = kind(6)
    assert isinstance(norm, (_BatchNorm, TwoDomainNorm))
    assert isinstance(norm, nn.BatchNorm2d)
    assert {name for name, _ in norm.named_parameters()} <= {'weight', 'bias', 'mixing'}


# ---- bad input ----


def test_training_needs_a_layout_that_fits(kind):
    norm = kind(6)
    with pytest.raises(RuntimeError, match=r'is training without a domain layout.*mmuda\.DomainContextHook'):
        norm(batch())
    bound(norm, 2, 2)
    with pytest.raises(RuntimeError, match=r'got 5 samples, but the domain layout says 2 source \+ 2 target'):
        norm(batch())


@pytest.mark.parametrize('sizes, found', [((5, 0), '0 target samples of 20'), ((0, 5), '0 source samples of 20')])
def test_one_domain_alone_is_refused(kind, sizes, found):
    with pytest.raises(ValueError, match=rf'is training with {found} values per channel, which have no variance'):
        bound(kind(6), *sizes)(batch())


def test_a_single_value_per_channel_is_refused():
    with pytest.raises(ValueError, match='TransNorm1d is training with 1 source samples of 1 values per channel'):
        bound(TransNorm1d(4), 1, 3)(torch.randn(4, 4))
    bound(TransNorm1d(4), 1, 3)(torch.randn(4, 4, 2))
    bound(TransNorm1d(4), 2, 2)(torch.randn(4, 4))


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_nan_is_named_and_does_not_reach_the_statistics(kind, value):
    norm, x = bound(kind(6)), batch()
    x[0, 1, 2, 3] = value
    with pytest.raises(FloatingPointError, match='got NaN or infinite values in 1 of 6 channels of a training batch'):
        norm(x)
    assert all(buffer.isfinite().all() for buffer in norm.buffers())
    assert norm.num_batches_tracked == 0


def test_where_nan_cannot_be_looked_for_the_statistics_of_its_channel_stay():
    norm, x = bound(TransNorm2d(6)), batch()
    x[0, 1, 2, 3] = float('nan')
    torch._dynamo.reset()
    y = torch.compile(norm, backend='aot_eager', fullgraph=True)(x)
    assert y.isnan().any()
    moved = norm.running_mean_target != 0
    assert moved.tolist() == [True, False, True, True, True, True]


@pytest.mark.parametrize('convert', [nn.SyncBatchNorm.convert_sync_batchnorm, convert_sync_batchnorm])
def test_sync_bn_is_refused(kind, convert):
    with pytest.raises(AttributeError, match=r'no running_mean, so .*remove sync_bn.*synchronises its processes'):
        convert(nn.Sequential(kind(6)))


@pytest.mark.parametrize('norm, x', [(TransNorm1d, (4, 3, 2, 2)), (TransNorm2d, (4, 3)), (TransNorm3d, (4, 3, 2, 2))])
def test_ranks_are_checked(norm, x):
    with pytest.raises(ValueError, match='expected'):
        bound(norm(3), 2, 2)(torch.randn(x))


def test_an_unknown_domain_is_refused(kind):
    with pytest.raises(ValueError, match=r"eval_domain='both' is no domain: choose one of \['source', 'target'\]"):
        kind(6, eval_domain='both')
