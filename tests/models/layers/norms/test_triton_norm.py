"""The training pass in Triton, by its interpreter: the numbers of the formula, and how running statistics move."""

import copy
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from two_domain_norms import KINDS, batch, bound, trained

from mmuda.domain.checkpoint import domain_checkpoint
from mmuda.models.layers import AutoDIAL2d, DomainSpecificBatchNorm2d, TransNorm1d, TransNorm2d, TransNorm3d

triton = pytest.importorskip('triton')
if not triton.knobs.runtime.interpret:
    pytest.skip('a GPU runs the kernels themselves: see tests/test_cuda.py', allow_module_level=True)

KNOWN = {name: kind for name, kind in KINDS.items() if name != 'TransNorm, alpha with gradient'}


@pytest.fixture(params=KNOWN)
def kind(request):
    return KNOWN[request.param]


@pytest.fixture
def kernels(monkeypatch):
    """Switches the kernels on, wherever the batch lies."""

    def switch(on: bool) -> None:
        monkeypatch.setattr('mmuda.models.layers.norms.two_domain_norm.has_triton_kernels', lambda x: on)

    return switch


def both(kernels, norm, x, run=None):
    """One training pass with the kernels and one without."""
    results = []
    for on in (True, False):
        kernels(on)
        results.append(trained(norm, x, run))
    return results


@pytest.mark.parametrize('layout', [torch.channels_last, pytest.param(torch.contiguous_format, marks=pytest.mark.slow)])
@pytest.mark.parametrize('affine', [True, pytest.param(False, marks=pytest.mark.slow)])
def test_the_kernels_are_the_formula(kind, kernels, layout, affine):
    norm, x = bound(kind(6, affine=affine)).double(), batch(dtype=torch.float64).contiguous(memory_format=layout)
    result, wanted = both(kernels, norm, x)
    assert result[0].is_contiguous(memory_format=layout)
    torch.testing.assert_close(result, wanted)


@pytest.mark.slow
@pytest.mark.parametrize('kind, shape', [(TransNorm1d, (6,)), (TransNorm1d, (6, 7)), (TransNorm3d, (6, 2, 3, 2))])
def test_every_rank_and_strange_strides(kind, shape, kernels):
    norm, x = bound(kind(6)).double(), batch(5, *shape, dtype=torch.float64)
    torch.testing.assert_close(*both(kernels, norm, x))
    torch.testing.assert_close(*both(kernels, norm, x.transpose(0, 1).contiguous().transpose(0, 1)))


@pytest.mark.slow
def test_many_splits_and_many_blocks_of_channels(kernels):
    """More rows than a tile, more channels than a block, in both layouts."""
    for channels, size in ((2, 40), (70, 8)):
        norm, x = bound(AutoDIAL2d(channels, initial=0.8)).double(), batch(5, channels, size, size, dtype=torch.float64)
        for laid_out in (x, x.contiguous(memory_format=torch.channels_last)):
            torch.testing.assert_close(*both(kernels, norm, laid_out))


@pytest.mark.slow
@pytest.mark.parametrize('residual', ['one_plus_alpha', 'alpha', 'none'])
@pytest.mark.parametrize('unbiased', [True, False])
def test_the_forms_of_alpha(residual, unbiased, kernels):
    for distance in ('normalized_mean', 'mean', 'wasserstein', 'none'):
        for probability in ('student_t', 'gaussian', 'softmax'):
            options = dict(residual=residual, unbiased=unbiased, distance=distance, probability=probability)
            norm = bound(TransNorm2d(6, **options)).double()
            torch.testing.assert_close(*both(kernels, norm, batch(5, 6, 2, 2, dtype=torch.float64)))


@pytest.mark.slow
@pytest.mark.parametrize('momentum', [None, 0.3])
def test_running_statistics(kind, momentum, kernels):
    norm = bound(kind(6, momentum=momentum)).double()
    batches = [batch(dtype=torch.float64) for _ in range(3)]
    nets = []
    for on in (True, False):
        kernels(on)
        nets.append(copy.deepcopy(norm))
        for x in batches:
            nets[-1](x)
    torch.testing.assert_close(*(dict(net.named_buffers()) for net in nets))
    kernels(True)
    again = trained(norm, batches[0], domain_checkpoint)
    torch.testing.assert_close(again, trained(norm, batches[0]))
    assert again[3]['num_batches_tracked'] == 1
    untracked = bound(kind(6, track_running_stats=False)).double()
    torch.testing.assert_close(*both(kernels, untracked, batches[0]))


@pytest.mark.slow
def test_a_share_outside_its_bounds(kernels):
    x = batch(dtype=torch.float64)
    for value in (0.4, 0.5, 1.0, 1.2):
        norm = bound(AutoDIAL2d(6)).double()
        nn.init.constant_(norm.mixing, value)
        torch.testing.assert_close(*both(kernels, norm, x))
        torch.testing.assert_close(*both(kernels, norm, x, lambda net, x: -net(x)))


def test_a_channel_that_is_not_finite_keeps_its_statistics(kernels):
    kernels(True)
    norm, x = bound(TransNorm2d(6)), batch()
    x[0, 1, 2, 3] = float('nan')
    assert norm(x)[:, 1].isnan().any()
    assert (norm.running_mean_target != 0).tolist() == [True, False, True, True, True, True]
    assert all(buffer.isfinite().all() for buffer in norm.buffers())


@pytest.mark.slow
def test_behind_a_frozen_layer_only_parameters_have_gradients(kind, kernels):
    results, norm, x = [], bound(kind(6)).double(), batch(dtype=torch.float64)
    for on in (True, False):
        kernels(on)
        net = copy.deepcopy(norm)
        net(x).square().sum().backward()
        results.append({name: parameter.grad for name, parameter in net.named_parameters()})
    torch.testing.assert_close(*results)


@pytest.mark.slow
@pytest.mark.parametrize('mean', [0, 20, 1000])
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16, torch.float16])
def test_statistics_are_in_float32(dtype, mean, kernels):
    """A mean far away costs no precision, and neither do inputs of few bits beyond their own rounding."""
    kernels(True)
    norm = bound(DomainSpecificBatchNorm2d(2, momentum=1.0), 4, 4)
    x = (torch.randn(8, 2, 16, 16) + mean).to(dtype)
    assert norm(x).dtype == dtype
    for domain, rows in (('source', x[:4]), ('target', x[4:])):
        wanted = rows.double().var((0, 2, 3))
        torch.testing.assert_close(norm.running_moments(domain)[1].double(), wanted, rtol=1e-5, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize('capability', ['80', '90'])
def test_they_compile_for_a_gpu(capability, repo, tmp_path):
    """The interpreter takes more than the compiler does."""
    env = dict(
        os.environ,
        TRITON_INTERPRET='0',
        TRITON_CACHE_DIR=str(tmp_path),
        PYTHONPATH=f'{repo}{os.pathsep}{repo / "tests"}',
    )
    command = [sys.executable, str(Path(__file__).with_name('compile_norm_kernels.py')), capability]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr[-3000:]
    different, most = map(int, done.stdout.split())
    assert different > 50
    assert most == 6  # AutoDIAL's; the others have 5
