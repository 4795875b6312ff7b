"""Feature taps: outputs by name, gone after the pass."""

import copy

import pytest
import torch
from torch import nn

from mmuda.models.uda import Taps


@pytest.fixture
def net():
    return nn.ModuleDict(dict(backbone=nn.Sequential(nn.Linear(2, 3), nn.ReLU()), head=nn.Linear(3, 1)))


def test_taps_catch_outputs_by_name_and_leave_no_hook(net):
    with Taps(net, ['backbone.0', 'backbone']) as features:
        output = net['backbone'](torch.ones(1, 2))
        twin = copy.deepcopy(net['head'])
    assert torch.equal(features['backbone'], output)
    assert torch.equal(features['backbone.0'].relu(), output)
    assert not any(module._forward_hooks for module in net.modules())
    assert not twin._forward_hooks


def test_an_unknown_name_is_told_what_there_is(net):
    with pytest.raises(KeyError, match=r"no module 'backbone\.7' to tap.*backbone\.0"):
        Taps(net, ['backbone.7'])
    with pytest.raises(KeyError, match=r'near it: head.*backbone'):
        Taps(net, ['heads'])


class Stages(nn.Module):
    """An encoder whose stages are no modules."""

    def forward(self, x):
        return [x, 2 * x]


def test_a_number_that_is_no_module_is_an_output():
    net = nn.ModuleDict(dict(backbone=Stages(), head=nn.Linear(2, 1)))
    with Taps(net, ['backbone.1', 'backbone.0', 'backbone']) as features:
        output = net['backbone'](torch.ones(1, 2))
    assert features['backbone.0'] is output[0]
    assert features['backbone.1'] is output[1]
    assert features['backbone'] is output
    for name, message in {
        'backbone.2': r"tap 'backbone\.2' is output 2 of its module, which gives 2 outputs: count from 0",
        'head.0': r"tap 'head\.0' is output 0 of its module, which gives one tensor instead",
    }.items():
        with pytest.raises(IndexError, match=message), Taps(net, [name]):
            net[name.split('.')[0]](torch.ones(1, 2))
    with pytest.raises(KeyError, match=r"no module 'backbones\.1' to tap"):
        Taps(net, ['backbones.1'])


def test_a_module_that_did_not_run_is_named(net):
    with pytest.raises(RuntimeError, match="'head' was not called"), Taps(net, ['head']):
        net['backbone'](torch.ones(1, 2))
    with pytest.raises(ZeroDivisionError), Taps(net, ['head']):
        1 / 0  # noqa: B018
