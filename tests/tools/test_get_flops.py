"""The complexity tool: counts by hand, the paper's figures beside them, errors."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

pytest.importorskip('mmpretrain')
pytest.importorskip('torchvision')

from mmuda.apis import UserError
from mmuda.models.layers import DIDABranch, DIDAModule

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('get_flops', REPO / 'tools' / 'analysis_tools' / 'get_flops.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def call(tool, monkeypatch, capsys):
    def _call(*args):
        monkeypatch.setattr(sys, 'argv', ['get_flops', *map(str, args)])
        tool.main()
        return [line.split() for line in capsys.readouterr().out.splitlines()]

    return _call


@pytest.mark.parametrize('side, stride', [(14, 2), (7, 1), (20, 1)])
def test_the_module_by_hand(tool, side, stride):
    """All its products are counted, those that are no layer of its own, too."""
    channels, reduced, out = 256, 16, 512
    inputs, outputs = side * side, (side // stride) ** 2
    wanted = channels * reduced * inputs + 2 * reduced * out // 2 * outputs
    if inputs <= 196:
        wanted += 2 * 2 * inputs * outputs * 9  # each filter as a matrix, for a whole batch
        wanted += 2 * 2 * reduced * inputs * outputs
    else:
        wanted += 2 * 2 * reduced * outputs * 9
    wanted += 2 * 2 * 9  # the other scale of the slopes and offsets of two kernels of nine
    module = DIDAModule(channels, out, stride=stride)
    assert tool.complexity(module, (channels, side, side)) == (sum(p.numel() for p in module.parameters()), wanted)


def test_a_branch_counts_its_norms(tool):
    norms = 2 * 2 * 512 * 4  # two norms of 512 channels of 2 x 2 positions: a scale and a shift
    branch = DIDABranch(64, 512, 2, 2, module=dict(reduction=4))
    parts, x = 0, (64, 4, 4)
    for module, *_ in branch.blocks:
        parts += tool.complexity(module, x)[1]
        x = (512, 2, 2)
    assert tool.complexity(branch, (64, 4, 4))[1] == parts + norms


def test_the_tables_of_the_paper(call):
    rows = {line[0]: line[1:] for line in call()[1:]}
    assert rows['resnet18'] == ['3x224x224', '11.18M', '11.00M', '(without', 'classifier)', '1.819G', '1.82G']
    assert rows['dida_resnet18'] == ['3x224x224', '11.22M', '11.22M', '1.823G', '1.82G']
    assert [line for name, line in rows.items() if name in ('DIDA', 'static')] == [
        ['module', '512x7x7', '24.59K', '~24.6K', '1.803M'],
        ['module', '512x7x7', '24.86K', '~24.9K', '1.634M'],
    ]


def test_other_sizes_have_no_paper_beside_them(call):
    (row,) = call(REPO / 'configs/_base_/models/dida_resnet18.py', '--shape', 64, 64)[1:]
    assert row == ['dida_resnet18', '3x64x64', '11.22M', row[3]]
    (row,) = call(REPO / 'configs/_base_/models/dida_resnet18.py', '--cfg-options', 'model.head.num_classes=10')[1:]
    assert row == ['dida_resnet18', '3x224x224', '11.22M', '1.823G']


def test_the_student_of_a_leaf_at_the_size_it_takes(call):
    """LeNet: 20 filters of 25 weights on 24 x 24 positions, 50 x 500 on 8 x 8, 800 x 500, 500 x 10, and norms."""
    (row,) = call(REPO / 'configs/dann/dann_lenet_mnist2usps.py')[1:]
    products = 20 * 25 * 24**2 + 50 * 500 * 8**2 + 800 * 500 + 500 * 10
    norms = 2 * (20 * 24**2 + 50 * 8**2 + 500)
    assert row[1:] == ['1x28x28', '432.2K', f'{(products + norms) / 1e6:.4g}M']


def test_fused_attention_is_refused(tool):
    class Attention(nn.Module):
        def forward(self, x):
            return nn.functional.scaled_dot_product_attention(x, x, x)

    with pytest.raises(UserError, match=r'Attention runs aten::scaled_dot_product_attention, whose .* not counted'):
        tool.complexity(Attention(), (2, 8, 4))


def test_units(tool):
    assert [tool.scaled(count) for count in (7, 24_594, 11_215_559, 1_822_796_724)] == [
        '7',
        '24.59K',
        '11.22M',
        '1.823G',
    ]
    assert tool.input_shape(nn.Linear(2, 2), [3, 5]) == (3, 3, 5)
    assert torch.is_grad_enabled()
