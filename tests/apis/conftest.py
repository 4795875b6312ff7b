"""A tiny trained-looking model: config and checkpoint, without training."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope

from mmuda.apis import load_config
from mmuda.registry import MODELS

REPO = Path(__file__).resolve().parents[2]


CLASSIFIER = """
default_scope = 'mmuda'
runner_type = 'mmuda.MeanTeacherRunner'
model = dict(
    _scope_='mmpretrain', type='ImageClassifier',
    data_preprocessor=dict(type='ClsDataPreprocessor', mean=MEAN, std=[64.0] * len(MEAN), to_rgb=True),
    backbone=dict(type='mmuda.LeNet', in_channels=len(MEAN), norm_cfg=dict(type='BN'), fc_norm_cfg=None),
    head=dict(type='LinearClsHead', num_classes=3, in_channels=500, loss=dict(type='CrossEntropyLoss')))
test_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmuda.FolderClassification', data_root='DATA', metainfo=dict(classes=['ape', 'bee', 'cat']),
        pipeline=[STEPdict(type='Resize', scale=(28, 28)), dict(type='mmpretrain.PackInputs')]))
test_cfg = dict(type='TestLoop')
test_evaluator = dict(type='mmuda.ClassificationMetric')
"""


@pytest.fixture
def classifier(tmp_path):
    """Write (config, checkpoint) of a classifier with random weights, of images with so many channels."""

    def make(channels: int = 3, step: str = "dict(type='mmuda.LoadImage'), ") -> tuple[Path, Path]:
        text = CLASSIFIER.replace('MEAN', str([100.0] * channels)).replace('STEP', step)
        config = tmp_path / f'classifier{channels}.py'
        config.write_text(text.replace('DATA', str(tmp_path / 'classes')))
        torch.manual_seed(0)
        with DefaultScope.overwrite_default_scope('mmuda'):
            model = MODELS.build(load_config(config).model)
        meta = dict(dataset_meta=dict(classes=['ape', 'bee', 'cat']))
        torch.save(dict(state_dict=model.state_dict(), meta=meta), config.with_suffix('.pth'))
        return config, config.with_suffix('.pth')

    return make


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
