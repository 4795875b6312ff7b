"""`DeepLabV2Head` is the sum of its dilated classifiers and has nothing else to train."""

import pytest
import torch
import torch.nn.functional as F

from mmuda import compat

pytest.importorskip('mmseg')
compat.apply()

from mmuda.models.heads import DeepLabV2Head


def build(**kwargs):
    torch.manual_seed(0)
    return DeepLabV2Head(6, num_classes=5, in_index=1, **kwargs)


def test_output_is_the_sum_of_dilated_convolutions():
    head = build(dilations=(1, 3)).double()
    x = torch.randn(2, 6, 9, 12, dtype=torch.float64)
    expected = sum(
        F.conv2d(x, conv.weight, conv.bias, padding=d, dilation=d) for conv, d in zip(head.classifiers, (1, 3))
    )
    torch.testing.assert_close(head([None, x]), expected)


def test_every_parameter_is_used():
    head = build()
    head([None, torch.randn(1, 6, 30, 30)]).sum().backward()
    assert all(p.grad is not None for p in head.parameters())
    assert {name.split('.')[0] for name, _ in head.named_parameters()} == {'classifiers'}


def test_init_weights_draws_small_classifiers():
    head = DeepLabV2Head(256, num_classes=19, in_index=0)
    head.init_weights()
    for conv in head.classifiers:
        assert conv.weight.std().item() == pytest.approx(0.01, rel=0.05)
        assert not conv.bias.any()


def test_parameter_count_on_a_resnet():
    with torch.device('meta'):
        head = DeepLabV2Head(2048, num_classes=19)
    assert sum(p.numel() for p in head.parameters()) == 1_400_908
