"""The benchmark of DIDA: every form of every case is a row, and all forms compute one thing."""

import sys
from pathlib import Path

import pytest
import torch

pytest.importorskip('mmpretrain')
pytest.importorskip('torchvision')


@pytest.fixture
def dida(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / 'tools' / 'benchmark'))
    return sys.modules.get('dida') or __import__('dida')


@pytest.fixture
def args(dida):
    args = dida.parse(['--iters', '2', '--warmup', '0', '--rows', '2', '--batch', '2', '--size', '32'])
    args.device = 'cpu'
    return args


def test_every_form_is_a_row_with_its_ratio(dida, args):
    rows = dida.measure(args)
    forms = ['loop', 'factorized', 'convolved', 'grouped', 'fused']
    assert forms == dida.FORMS
    nets = ['ResNet-18', *(f'DIDA-Net, {form}' for form in forms)]
    names = [f'2 x {name}' for name in dida.LAYERS]
    wanted = [(case, form) for case in names for form in forms] + [('step, 2 x 32²', net) for net in nets]
    assert [row[:2] for row in rows] == wanted
    assert [row[-3:-1] for row in rows if row[1] in ('loop', 'ResNet-18')] == [('1.000', '1.000')] * 4
    assert all(int(row[-1]) > 0 for row in rows)


def test_all_forms_compute_one_thing(dida, args):
    for shape, make in dida.LAYERS.values():
        x = torch.randn(2, *shape)
        outputs = [dida.build(make, form, args)(x) for form in dida.FORMS]
        for output in outputs[1:]:
            torch.testing.assert_close(output, outputs[0], rtol=1e-3, atol=1e-3)
    x = torch.randn(2, 3, 64, 64)
    plain, *nets = (dida.build(dida.Network, form, args).eval() for form in (None, *dida.FORMS))
    assert all(torch.allclose(net(x), nets[0](x), rtol=1e-3, atol=1e-3) for net in nets)
    assert plain.backbone.conv1.weight.equal(nets[0].backbone.conv1.weight)


def test_bfloat16(dida, args):
    args.amp = True
    args.batch = 0
    assert len(dida.measure(args)) == len(dida.LAYERS) * len(dida.FORMS)
