"""The benchmark of ACDA: every side of every case is a row, and both sides compute one thing."""

import sys
from pathlib import Path

import pytest
import torch

pytest.importorskip('mmpretrain')
pytest.importorskip('torchvision')

STEP = torch.tensor(0)


@pytest.fixture
def acda(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / 'tools' / 'benchmark'))
    return sys.modules.get('acda') or __import__('acda')


@pytest.fixture
def args(acda):
    args = acda.parse(['--iters', '2', '--warmup', '0', '--batch', '2', '--size', '32'])
    args.device = 'cpu'
    return args


def test_every_side_is_a_row_with_its_ratio_and_memory(acda, args, capsys):
    rows = acda.measure(args)
    sides = ['pair by pair', 'mmuda']
    wanted = [(case, side) for case in ('loss', 'term') for side in sides]
    wanted += [('step', side) for side in ('ResNet-50', 'term alone', 'ResNet-50 with ACDA')]
    assert [row[:2] for row in rows] == wanted
    assert [row[-4:-2] for row in rows if row[1] in ('pair by pair', 'ResNet-50')] == [('1.000', '1.000')] * 3
    assert all(float(row[-2]) >= 0 for row in rows)
    operations = {row[:2]: int(row[-1]) for row in rows}
    assert operations['loss', 'mmuda'] <= 60
    assert operations['step', 'ResNet-50 with ACDA'] > operations['step', 'ResNet-50'] > 300
    assert len(capsys.readouterr().err.splitlines()) == 7


@pytest.mark.parametrize('kinds', [('Naive', 'ACDA'), ('NaiveProjected', 'Projected')])
def test_both_sides_compute_one_thing(acda, args, kinds):
    channels = (3, 4, 5) if 'ACDA' in kinds else (32, 32, 32)
    maps = [torch.randn(8, width, 7, 7, dtype=torch.float64) for width in channels]
    features = dict(zip(acda.TAPS, maps), neck=torch.randn(8, 6, dtype=torch.float64))
    results = []
    for name in kinds:
        leaves = {key: x.clone().requires_grad_() for key, x in features.items()}
        term = acda.build(getattr(acda, name), args, channels).double()
        found = term(*acda.views(leaves, torch.zeros(8, 3)), STEP)
        found['loss'].backward()
        results.append((found, [x.grad for x in leaves.values()]))
    torch.testing.assert_close(*results)
    assert results[0][0]['w_1_2'] > 0


def test_the_sizes_are_those_of_a_resnet(acda, args):
    assert acda.map_shapes(224) == [(512, 28, 28), (1024, 14, 14), (2048, 7, 7)]
    features, logits = acda.Network()(torch.zeros(2, 3, 64, 64))
    assert [features[tap].shape[1:] for tap in acda.TAPS] == acda.map_shapes(64)
    assert (features['neck'].shape, logits.shape) == ((2, 256), (2, 31))


def test_bfloat16(acda, args):
    args.amp = True
    args.cases = ('loss', 'term')
    assert len(acda.measure(args)) == 4
