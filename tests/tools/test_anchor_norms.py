"""Anchored norms compute what they did, and are as near to their batches as trained ones."""

import copy
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mmuda.models.layers import TransNorm2d

for library in ('mmseg', 'mmpretrain', 'torchvision'):
    pytest.importorskip(library)
TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'model_converters' / 'anchor_norms.py'
spec = importlib.util.spec_from_file_location('anchor_norms', TOOL)
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)
anchor_norms = tool.anchor_norms
CONFIG = """
default_scope = 'mmuda'
digits = dict(type='mmuda.Digits', data_root='ROOT', ann_file='digits.npz', channels=1,
              pipeline=[dict(type='RandomFlip', prob=0.5), dict(type='mmpretrain.PackInputs')])
train_dataloader = dict(dataset=dict(type='mmuda.DomainDataset', source=digits))
model = dict(
    type='mmpretrain.ImageClassifier', _scope_='mmpretrain',
    data_preprocessor=dict(type='ClsDataPreprocessor', mean=[127.5], std=[127.5]),
    backbone=dict(type='mmuda.LeNet', in_channels=1, norm_cfg=dict(type='BN'), fc_norm_cfg=dict(type='BN1d')),
    head=dict(type='LinearClsHead', num_classes=10, in_channels=500))
"""


def network() -> nn.Module:
    """A network whose statistics have nothing to do with its inputs."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6, eps=1e-3), nn.ReLU(), nn.Flatten(), nn.Linear(96, 5), nn.BatchNorm1d(5)
    )
    for norm in (net[1], net[5]):
        for values in (norm.weight, norm.running_var):
            nn.init.uniform_(values, 0.5, 1.5)
        for values in (norm.bias, norm.running_mean):
            nn.init.normal_(values, std=2)
    return net.eval()


def batches(*sizes):
    generator = torch.Generator().manual_seed(1)
    return [3 + torch.randn(size, 3, 6, 6, generator=generator) for size in sizes]


def test_evaluation_stays_and_training_comes_near():
    net = network()
    x = torch.cat(batches(40, 7))
    before = net(x)
    far = copy.deepcopy(net).train()(x)
    assert anchor_norms(net, batches(40, 7)) == 2
    torch.testing.assert_close(net(x), before, atol=1e-5, rtol=1e-5)
    near = copy.deepcopy(net).train()(x)
    torch.testing.assert_close(near, before, atol=1e-4, rtol=1e-4)  # all batches together: their own statistics
    assert (far - before).abs().max() > 1


def test_statistics_are_those_of_all_batches():
    net = network()
    inputs = net[0](torch.cat(batches(40, 7))).double()
    anchor_norms(net, batches(40, 7))
    torch.testing.assert_close(net[1].running_mean.double(), inputs.mean((0, 2, 3)), atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(net[1].running_var.double(), inputs.var((0, 2, 3), correction=0), atol=1e-6, rtol=1e-5)
    assert not net[1]._forward_pre_hooks


def test_a_norm_that_is_never_reached_stays():
    net = network()
    net.extra = nn.BatchNorm1d(2)
    net.forward = lambda x: nn.Sequential.forward(net[:6], x)
    assert anchor_norms(net, batches(8)) == 2
    assert net.extra.running_var.tolist() == [1, 1]


def test_bad_input():
    with pytest.raises(ValueError, match='is in training mode'):
        anchor_norms(network().train(), batches(4))
    with pytest.raises(ValueError, match='TransNorm2d is no plain batch norm'):
        anchor_norms(nn.Sequential(TransNorm2d(3)).eval(), batches(4))
    with pytest.raises(ValueError, match='BatchNorm2d is no plain batch norm'):
        anchor_norms(nn.Sequential(nn.BatchNorm2d(3, affine=False)).eval(), batches(4))


def test_a_seed_and_the_options_of_a_file_make_it_again(tmp_path, monkeypatch):
    """Augmentations draw from Python's and numpy's generators, too; the file says what it was made with."""
    images = np.random.default_rng(0).integers(0, 255, (12, 28, 28), dtype=np.uint8)
    np.savez(tmp_path / 'digits.npz', x=images, y=np.arange(12) % 10)
    (tmp_path / 'c.py').write_text(CONFIG.replace('ROOT', str(tmp_path)))
    torch.manual_seed(0)  # of the weights, which the config has no file of
    weights = torch.get_rng_state()

    def means(*options):
        torch.set_rng_state(weights)
        monkeypatch.setattr('sys.argv', ['x', str(tmp_path / 'c.py'), str(tmp_path / 'out.pth'), *options])
        tool.main()
        file = torch.load(tmp_path / 'out.pth', weights_only=True)
        return file['state_dict']['stages.0.norm.running_mean'], file['meta']

    first, meta = means('--samples', '30', '--seed', '4')
    assert meta == dict(anchored_to=str(tmp_path / 'c.py'), domains='source', samples=12, seed=4, cfg_options={})
    np.random.seed(5)
    torch.testing.assert_close(means('--samples', '30', '--seed', '4')[0], first, atol=0, rtol=0)
    assert not means('--samples', '30', '--seed', '5')[0].equal(first)
