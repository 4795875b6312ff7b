"""A part of mmuda in somebody else's config: no tools, no runner and no import of ours, only `mmuda.<Name>`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch import nn

from mmuda import compat
from mmuda.datasets.toy_scenes import ToyStreetsSpec, write_toy_streets
from mmuda.domain import DomainLayer
from mmuda.registry import MODELS

compat.apply()

REPO = Path(__file__).resolve().parents[1]
STOCK = 'mmseg::segformer/segformer_mit-b0_8xb2-160k_ade20k-512x512.py'
CLASSES = ('road', 'pavement', 'building', 'sky', 'tree', 'car', 'pedestrian', 'pole')

# What every leaf of a stock config says anyway: classes, sizes, no weights from the net, a short run.
OWN_DATA = f"""
_base_ = '{STOCK}'
model = dict(data_preprocessor=dict(size=(64, 96)), backbone=dict(init_cfg=None),
             decode_head=dict(num_classes=8, norm_cfg=dict(type='BN')))
pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), dict(type='RandomFlip', prob=0.5),
            dict(type='PackSegInputs')]
day = dict(type='BaseSegDataset', data_root='ROOT/toy_streets/day', img_suffix='.png', seg_map_suffix='.png',
           metainfo=dict(classes={CLASSES}), pipeline=pipeline,
           data_prefix=dict(img_path='images/train', seg_map_path='labels/train'))
dusk = dict(day, data_root='ROOT/toy_streets/dusk')
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=2)
param_scheduler = None
train_dataloader = dict(num_workers=0, persistent_workers=False, batch_size=4)
val_dataloader = val_evaluator = val_cfg = test_dataloader = test_evaluator = test_cfg = None
"""

# The three lines of the architecture.
THREE_LINES = """
model['decode_head']['norm_cfg'] = dict(type='mmuda.RecordingNorm')
custom_hooks = [dict(type='mmuda.DomainContextHook')]
train_dataloader.update(dataset=dict(_delete_=True, type='mmuda.DomainDataset', source=day, target=dusk),
                        sampler=dict(_delete_=True, type='mmuda.DomainSampler'))
"""

HYBRID = """
model['backbone'].update(type='mmuda.MHAMixVisionTransformer', mha_stages=(1, 3), strategy='STRATEGY')
custom_hooks = [dict(type='mmuda.DomainContextHook')]
train_dataloader.update(dataset=dict(_delete_=True, type='mmuda.DomainDataset', source=day, target=dusk),
                        sampler=dict(_delete_=True, type='mmuda.DomainSampler'))
"""

STCT = """
student = _base_.model
student.update(data_preprocessor=dict(student.data_preprocessor, size=(64, 96)))
student.backbone.init_cfg = None
student.decode_head.update(num_classes=8)
model = dict(_delete_=True, type='mmuda.SelfTrainingUDA', task='segmentation', student=student)
runner_type = 'mmuda.MeanTeacherRunner'
train_dataloader.update(dataset=dict(_delete_=True, type='mmuda.DomainDataset', source=day, target=dusk),
                        sampler=dict(_delete_=True, type='mmuda.DomainSampler'))
"""


@MODELS.register_module(force=True)
class RecordingNorm(DomainLayer, nn.BatchNorm2d):
    """A norm that notes the layouts it was told."""

    seen: list = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            batch = self.domain_batch(len(x))
            self.seen.append((batch.num_source, batch.num_target))
        return super().forward(x)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    write_toy_streets(str(root), ToyStreetsSpec(train=4, val=1, width=96, height=64))
    return root


@pytest.fixture
def read(root, tmp_path):
    """Write a leaf and read it as mmengine's own tools do."""

    def _read(*parts: str) -> Config:
        path = tmp_path / 'leaf.py'
        path.write_text(''.join(parts).replace('ROOT', str(root)))
        cfg = Config.fromfile(path)
        cfg.work_dir = str(tmp_path / 'run')
        return cfg

    return _read


def test_three_lines_bring_domains_to_a_stock_config(read):
    RecordingNorm.seen.clear()
    runner = Runner.from_cfg(read(OWN_DATA, THREE_LINES))
    before = [p.clone() for p in runner.model.parameters()]
    runner.train()
    assert RecordingNorm.seen == [(2, 2)] * len(RecordingNorm.seen)
    assert len(RecordingNorm.seen) == 2 * 5  # steps × norms of the head
    assert any(not torch.equal(a, b) for a, b in zip(before, runner.model.parameters()))


def test_without_the_hook_the_error_names_it(read):
    runner = Runner.from_cfg(read(OWN_DATA, THREE_LINES.replace("dict(type='mmuda.DomainContextHook')", '')))
    with pytest.raises(RuntimeError, match=r"custom_hooks=\[dict\(type='mmuda\.DomainContextHook'\)\]"):
        runner.train()


@pytest.mark.parametrize('strategy', ['semantic', 'random', 'none'])
def test_hybrid_attention_in_a_stock_config(read, strategy):
    """The groups are drawn from the padded source labels, once for each step's batch."""
    runner = Runner.from_cfg(read(OWN_DATA, HYBRID.replace('STRATEGY', strategy)))
    model, layouts = runner.model, []
    model.backbone.register_forward_hook(lambda *_: layouts.append(model.backbone.layers[1][1][0].attn.domain_batch(4)))
    runner.train()
    assert [(layout.num_source, layout.num_target) for layout in layouts] == [(2, 2)] * 2
    assert layouts[0] is not layouts[1]
    if strategy == 'none':
        assert layouts[0].groups is None
    else:
        assert [tuple(maps.shape) for maps in layouts[0].groups] == [(4, 16, 24), (4, 8, 12), (4, 4, 6), (4, 2, 3)]
    assert not model._forward_pre_hooks


def test_hybrid_attention_without_labels_says_what_is_missing(read):
    """Labels that a pipeline does not load: mmseg would stop at its loss, which comes later."""
    without = 'pipeline.pop(1)\n'
    with pytest.raises(ValueError, match="strategy='semantic', but the batch has 0 label maps for 2 source images"):
        Runner.from_cfg(read(OWN_DATA, without, HYBRID.replace('STRATEGY', 'semantic'))).train()


def test_stock_target_labels_are_not_read(read, root):
    labels = root / 'toy_streets/dusk/labels'
    labels.rename(root / 'hidden')
    try:
        runner = Runner.from_cfg(read(OWN_DATA, THREE_LINES))
        runner.train()
    finally:
        (root / 'hidden').rename(labels)
    assert runner.iter == runner.max_iters


def test_a_stock_model_is_a_student_as_it_is(read):
    from mmengine.registry import RUNNERS

    cfg = read(OWN_DATA, STCT)
    runner = RUNNERS.build(cfg)
    student = type(runner.model.student)
    assert student.__module__.startswith('mmseg.')
    assert {type(m).__module__.split('.')[0] for m in runner.model.student.modules()} <= {
        'mmseg',
        'mmcv',
        'torch',
        'mmengine',
    }
    runner.train()
    assert int(runner.model.step) == 2


@pytest.mark.parametrize('hook, start', [(True, 0), (True, 40), (False, 0)], ids=['hook', 'load_from', 'nobody'])
def test_a_mean_teacher_in_a_stock_runner(read, tmp_path, hook, start):
    """It needs whoever updates the teacher; a step that `load_from` brought does not count."""
    cfg = read(OWN_DATA, STCT.replace("runner_type = 'mmuda.MeanTeacherRunner'", ''))
    cfg.custom_hooks = [dict(type='mmuda.MeanTeacherHook')] * hook
    if start:
        state = MODELS.build(cfg.model).state_dict() | dict(step=torch.tensor(start))
        torch.save(dict(state_dict=state), tmp_path / 'start.pth')
        cfg.load_from = str(tmp_path / 'start.pth')
    runner = Runner.from_cfg(cfg)
    if hook:
        runner.train()
        assert runner.model.step == runner.iter == 2
    else:
        with pytest.raises(RuntimeError, match=r"nobody updates it: add custom_hooks=.*MeanTeacherHook.*'fixed'"):
            runner.train()
        assert runner.iter == 0


def test_no_import_is_needed(read):
    """In a fresh process mmengine alone finds the types, and the runner repairs what mmcv without ops breaks."""
    plain = THREE_LINES.replace('mmuda.RecordingNorm', 'BN')
    cfg = read(OWN_DATA, plain, "runner_type = 'mmuda.MeanTeacherRunner'")
    path = Path(cfg.work_dir).parent / 'dumped.py'
    cfg.dump(path)
    code = (
        'from mmengine.config import Config; from mmengine.registry import RUNNERS; '
        f'RUNNERS.build(Config.fromfile({str(path)!r})).train()'
    )
    environment = dict(os.environ, PYTHONPATH=str(REPO), OMP_NUM_THREADS='1')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=1800, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
