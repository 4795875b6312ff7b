"""A tiny trained-looking model: config and checkpoint, without training."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope

from mmuda.apis import load_config
from mmuda.registry import MODELS

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='session')
def toy(tmp_path_factory):
    """(config, checkpoint) of an STCT model whose teacher says class 3 everywhere and whose student class 5."""
    folder = tmp_path_factory.mktemp('toy')
    config = REPO / 'configs/stct/stct_segformer_toy.py'
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmuda'):
        model = MODELS.build(load_config(config).model)
    for network, winner in ((model.student, 5), (model.teacher, 3)):
        torch.nn.init.zeros_(network.decode_head.conv_seg.weight)
        network.decode_head.conv_seg.bias.data = torch.eye(8)[winner]
    meta = dict(dataset_meta=dict(classes=list('abcdefgh'), palette=np.array([[i, i, i] for i in range(8)])))
    torch.save(dict(state_dict=model.state_dict(), meta=meta), folder / 'toy.pth')
    return config, folder / 'toy.pth'
