"""TokenMask: whole patches of a vision transformer have one token, the rest theirs."""

import pytest
import torch
from torch import nn

from mmuda.models.views import TokenMask, View


def test_hidden_patches_have_one_token():
    embed = nn.Conv2d(3, 7, 4, stride=4)  # the patch embedding of a ViT
    images = torch.randn(16, 3, 16, 24)
    view = View(images, label=torch.zeros(16, 16, 24), weight=torch.rand(16))
    made = TokenMask(ratio=0.7, patch=4)(dict(target=view), None)
    tokens, plain = embed(made.inputs), embed(images)
    hidden = (tokens == embed.bias.view(1, -1, 1, 1)).all(1)
    kept = (tokens == plain).all(1)
    assert (hidden ^ kept).all()
    assert hidden.float().mean().item() == pytest.approx(0.7, abs=0.07)
    assert made.label is view.label
    assert made.weight is view.weight


def test_what_is_refused():
    view = View(torch.randn(1, 3, 16, 22))
    with pytest.raises(ValueError, match='patches of 4 pixels, but images have 16×22: set patch to'):
        TokenMask(patch=4)(dict(target=view), None)
