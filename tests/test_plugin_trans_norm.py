"""TransNorm in three lines of a stock mmseg config and of a stock mmpretrain config: train, resume, evaluate."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from PIL import Image
from torch.nn.modules.batchnorm import _BatchNorm

from mmuda import compat
from mmuda.models.layers import TransNorm2d

compat.apply()

SEGMENTOR = """
_base_ = 'mmseg::fcn/fcn_r50-d8_4xb2-40k_cityscapes-512x1024.py'
model = dict(data_preprocessor=dict(size=(32, 32)), pretrained=None, auxiliary_head=None,
             backbone=dict(depth=18, stem_channels=8, base_channels=4),
             decode_head=dict(in_channels=32, channels=8, num_classes=3, norm_cfg=dict(type='BN')))
pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), dict(type='PackSegInputs')]
day = dict(type='BaseSegDataset', data_root='ROOT', img_suffix='.png', seg_map_suffix='.png', pipeline=pipeline,
           metainfo=dict(classes=tuple('abc')), data_prefix=dict(img_path='images/a', seg_map_path='labels'))
dusk = dict(day, data_prefix=dict(img_path='images/b'))
val_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(_delete_=True, **day))
val_evaluator = dict(type='IoUMetric')
"""

CLASSIFIER = """
_base_ = 'mmpretrain::resnet/resnet18_8xb16_cifar10.py'
model = dict(backbone=dict(stem_channels=4, base_channels=4), head=dict(in_channels=32, num_classes=2))
pipeline = [dict(type='LoadImageFromFile'), dict(type='PackInputs')]
day = dict(type='CustomDataset', data_root='ROOT/images', with_label=True, pipeline=pipeline)
dusk = dict(type='CustomDataset', data_root='ROOT/images', with_label=False, pipeline=pipeline)
val_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(_delete_=True, **day))
val_evaluator = dict(topk=(1,))
"""

# What a short run on a CPU says anyway.
SHORT = """
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=2, val_interval=2)
param_scheduler = None
train_dataloader = dict(num_workers=0, persistent_workers=False, batch_size=4)
test_dataloader = test_evaluator = test_cfg = None
default_hooks = dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2))
log_processor = dict(by_epoch=False)
log_level = 'ERROR'
"""

THREE_LINES = """
model['backbone'].update(norm_cfg=dict(type='mmuda.TransNorm2d'))
custom_hooks = [dict(type='mmuda.DomainContextHook')]
train_dataloader.update(dataset=dict(_delete_=True, type='mmuda.DomainDataset', source=day, target=dusk),
                        sampler=dict(_delete_=True, type='mmuda.DomainSampler'))
"""


@pytest.fixture
def read(tmp_path):
    """Six images of two domains, and the config that a user of the stock library writes."""
    generator = np.random.default_rng(0)
    for name, brightness in (('images/a', 60), ('images/b', 180)):
        for number in range(6):
            image = generator.integers(0, 60, (32, 32, 3)) + brightness
            write(tmp_path / name / f'{number}.png', image.astype(np.uint8))
    for number in range(6):
        write(tmp_path / 'labels' / f'{number}.png', generator.integers(0, 3, (32, 32)).astype(np.uint8))

    def _read(*parts: str) -> Config:
        path = tmp_path / 'leaf.py'
        path.write_text(''.join(parts).replace('ROOT', str(tmp_path)))
        cfg = Config.fromfile(path)
        cfg.work_dir = str(tmp_path / 'run')
        return cfg

    return _read


def write(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def norms(model):
    return [module for module in model.modules() if isinstance(module, TransNorm2d)]


@pytest.mark.parametrize('host, stock', [('mmseg', SEGMENTOR), ('mmpretrain', CLASSIFIER)])
def test_three_lines_train_resume_and_evaluate(read, host, stock):
    pytest.importorskip(host)
    cfg = read(stock, SHORT, THREE_LINES)
    runner = Runner.from_cfg(cfg)
    assert {type(norm) for norm in runner.model.backbone.modules() if isinstance(norm, _BatchNorm)} == {TransNorm2d}
    runner.train()
    assert all(norm.num_batches_tracked == 2 for norm in norms(runner.model))
    stem = norms(runner.model)[0]
    assert not torch.equal(stem.running_mean_source, stem.running_mean_target)

    cfg.resume = True
    cfg.train_cfg.max_iters = 4
    cfg.experiment_name = 'resumed'
    resumed = Runner.from_cfg(cfg)
    resumed.train()
    assert resumed.iter == 4
    assert all(norm.num_batches_tracked == 4 for norm in norms(resumed.model))

    resumed.model.train()
    scores = resumed.val_loop.run()
    assert scores
    assert all(np.isfinite(value) for value in scores.values())
