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


def test_a_module_that_did_not_run_is_named(net):
    with pytest.raises(RuntimeError, match="'head' was not called"), Taps(net, ['head']):
        net['backbone'](torch.ones(1, 2))
    with pytest.raises(ZeroDivisionError), Taps(net, ['head']):
        1 / 0  # noqa: B018
