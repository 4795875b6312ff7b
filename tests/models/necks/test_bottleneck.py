"""The bottleneck between a backbone and a classifier."""

import pytest
import torch
from torch import nn

pytest.importorskip('mmcv')

from mmuda.models.necks import Bottleneck


def test_it_is_linear_norm_relu():
    neck = Bottleneck(6, 4, norm_cfg=dict(type='BN1d'))
    x = torch.randn(5, 6)
    expected = nn.functional.batch_norm(neck.linear(x), None, None, training=True).relu()
    (out,) = neck(x)
    torch.testing.assert_close(out, expected)
    assert type(neck.norm) is nn.BatchNorm1d


def test_maps_are_averaged_and_the_last_level_counts():
    neck = Bottleneck(6, 4, activation=False)
    x = torch.randn(2, 6, 3, 5)
    expected = neck.linear(x.mean((2, 3)))
    for inputs in (x, (torch.randn(2, 3, 9, 9), x)):
        torch.testing.assert_close(neck(inputs)[0], expected)


def test_first_weights():
    neck = Bottleneck(500, 400, norm_cfg=dict(type='BN1d'))
    neck.init_weights()
    assert neck.linear.weight.std().item() == pytest.approx(0.005, rel=0.02)
    assert (neck.linear.bias == 0).all()
    assert (neck.norm.weight == 1).all()


def test_dropout_and_a_wrong_width():
    assert type(Bottleneck(6, dropout=0.5).dropout) is nn.Dropout
    with pytest.raises(ValueError, match='in_channels=6, but the backbone gives 8'):
        Bottleneck(6)(torch.zeros(2, 8))
