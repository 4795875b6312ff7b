"""VFM-UDA's head on the patches of a plain vision transformer."""

import pytest
import torch
import torch.nn.functional as F

pytest.importorskip('mmseg')

from mmuda.models.heads.lightweight_head import LightweightHead


def norm(x, layer):
    """Re-typed: over the channels of each place."""
    centred = x - x.mean(1, keepdim=True)
    scale = (centred.square().mean(1, keepdim=True) + 1e-6).rsqrt()
    return centred * scale * layer.weight.view(-1, 1, 1) + layer.bias.view(-1, 1, 1)


def enlarge(x, weight):
    """Re-typed: each place becomes two by two."""
    out = torch.einsum('bchw,cdij->bdhiwj', x, weight)
    return out.flatten(4).flatten(2, 3)


def test_the_head_is_its_formula_and_has_a_bias_in_norms_alone():
    torch.manual_seed(0)
    head = LightweightHead(in_channels=16, num_classes=5).double()
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    x = torch.randn(2, 16, 3, 4, dtype=torch.float64)
    y = F.gelu(norm(enlarge(x, head.enlarge1.weight), head.norm1))
    y = norm(enlarge(y, head.enlarge2.weight), head.norm2)
    y = norm(F.conv2d(y, head.conv.weight, padding=1), head.norm3)
    expected = torch.einsum('bchw,kc->bkhw', y, head.conv_seg.weight[:, :, 0, 0])
    torch.testing.assert_close(head([x]), expected)
    assert expected.shape == (2, 5, 12, 16)
    biases = {name for name, _ in head.named_parameters() if name.endswith('bias')}
    assert biases == {'norm1.bias', 'norm2.bias', 'norm3.bias'}


def test_the_classifier_begins_small():
    torch.manual_seed(0)
    head = LightweightHead(in_channels=400, num_classes=50)
    head.init_weights()
    assert head.conv_seg.weight.std().item() == pytest.approx(0.1, rel=0.05)


def test_channels_that_cannot_be_halved_twice_are_refused():
    with pytest.raises(ValueError, match='in_channels=390: two halvings need a multiple of 4'):
        LightweightHead(in_channels=390, num_classes=5)
