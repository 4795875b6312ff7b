"""The benchmark of norms: every side is the same network, and a row of the table."""

import sys
from pathlib import Path

import pytest
from torch import nn

pytest.importorskip('mmpretrain')

from mmuda.models.layers import AutoDIAL2d, TransNorm2d


@pytest.fixture
def norms(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / 'tools' / 'benchmark'))
    return sys.modules.get('norms') or __import__('norms')


def test_every_norm_is_a_row_with_its_ratio(norms):
    args = norms.parse(['--iters', '2', '--warmup', '1', '--batch', '4', '--size', '32'])
    args.shapes, args.device = ((4, 3, 8, 8),), 'cpu'
    rows = norms.measure(args)
    assert [(case.split()[0], name) for case, name, *_ in rows] == [
        (case, name)
        for case in ('layer', 'ResNet-18')
        for name in ('BN', 'TransNorm', 'DomainSpecificBatchNorm', 'AdaBN', 'AutoDIAL')
    ]
    assert [row[-2:] for row in rows if row[1] == 'BN'] == [('1.000', '1.000')] * 2


def test_sides_differ_in_their_norms_alone(norms):
    args = norms.parse(['--norms', 'TransNorm', 'AutoDIAL', '--channels-last'])
    args.device = 'cpu'
    nets = norms.sides(lambda: nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)), 6, args)
    assert [type(net[1]) for net in nets.values()] == [nn.BatchNorm2d, TransNorm2d, AutoDIAL2d]
    assert all(net[0].weight.equal(nets['BN'][0].weight) for net in nets.values())
    assert nets['TransNorm'][1].domain_context.batch.num_source == 3
