"""All four methods in one leaf: what is in it, that it trains, and that each can be left out."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from mmengine.registry import DefaultScope

pytest.importorskip('mmseg')

from mmuda.apis import load_config
from mmuda.datasets.toy_scenes import ToyStreetsSpec, write_toy_streets
from mmuda.models.layers import DIDAModule, HybridAttention, TransNorm2d
from mmuda.registry import MODELS

REPO = Path(__file__).resolve().parents[2]
COMBINED = REPO / 'configs' / 'combined'
LEAVES = ('all_segformer_mit-b0_toy', 'all_segformer_mit-b0_gta2cs')
WITHOUT = {
    HybridAttention: {'model.student.backbone.type': 'mmuda.MixVisionTransformer'},
    TransNorm2d: {'model.student.decode_head.norm_cfg.type': 'BN', 'model.student.neck.norm_cfg.type': 'BN'},
    DIDAModule: {'model.student.neck': None},
}


def build(leaf, changes=None):
    cfg = load_config(COMBINED / f'{leaf}.py')
    cfg.merge_from_dict(dict(changes or {}))
    cfg.model.student.backbone.pop('init_cfg', None)
    with DefaultScope.overwrite_default_scope('mmuda'):
        return MODELS.build(cfg.model)


def parts(model):
    return {kind for kind in WITHOUT if any(isinstance(module, kind) for module in model.student.modules())}


@pytest.mark.parametrize('leaf', LEAVES)
def test_all_four_are_in_it(leaf):
    model = build(leaf)
    assert type(model).__name__ == 'SelfTrainingUDA'
    assert parts(model) == set(WITHOUT)
    assert type(model.terms['acda']).__name__ == 'SegmentationACDA'
    norms = [module for module in model.student.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert len(norms) == 7
    assert {type(norm) for norm in norms} == {TransNorm2d}


@pytest.mark.parametrize('left_out', WITHOUT, ids=lambda kind: kind.__name__)
def test_each_can_be_left_out(left_out):
    assert parts(build(LEAVES[0], WITHOUT[left_out])) == set(WITHOUT) - {left_out}
    for key in WITHOUT[left_out]:
        assert key in (COMBINED / 'README.md').read_text()


def test_the_taps_fit_the_encoder_of_the_large_twin():
    model = build(LEAVES[1])
    maps = model.student.backbone.eval()(torch.zeros(1, 3, 64, 64))
    assert [x.shape[1] for x in maps[1:]] == [p.in_channels for p in model.terms.acda.source_projections]


def test_the_metafile_and_the_readme_list_the_leaves():
    models = yaml.safe_load((COMBINED / 'metafile.yml').read_text())['Models']
    assert {model['Name'] for model in models} == {path.stem for path in COMBINED.glob('*.py')} == set(LEAVES)
    assert all(model['Config'] == f'configs/combined/{model["Name"]}.py' for model in models)
    assert all(f'`{leaf}`' in (COMBINED / 'README.md').read_text() for leaf in LEAVES)


def test_every_parameter_learns(domain_batch):
    """No parameter is left without a gradient, so plain DDP works."""
    model = build(LEAVES[0]).train()
    model.teacher_updater = 'a test'
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 1e-3)
    data = model.data_preprocessor(domain_batch('stst', size=64), training=True)
    for _ in range(3):
        optimizer.zero_grad()
        losses = model(**data, mode='loss')
        sum(value for name, value in losses.items() if 'loss' in name).backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters() if p.requires_grad)
        optimizer.step()
    assert {'loss_source', 'loss_target', 'loss_acda', 'acda.same', 'acda.w_1_3', 'coordination'} <= losses.keys()


@pytest.mark.slow
def test_the_toy_leaf_trains(tmp_path):
    write_toy_streets(str(tmp_path), ToyStreetsSpec(train=4, val=2, width=96, height=64))
    config = tmp_path / 'short.py'
    config.write_text(f"""
_base_ = '{COMBINED}/all_segformer_mit-b0_toy.py'
train_dataloader = dict(batch_size=4, num_workers=0, persistent_workers=False)
val_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False)
param_scheduler = [dict(type='PolyLR', power=1.0, by_epoch=False, end=100)]
train_cfg = dict(max_iters=3, val_interval=3)
default_hooks = dict(checkpoint=dict(interval=3), logger=dict(interval=1))
""")
    environment = dict(os.environ, MMUDA_DATA=str(tmp_path), OMP_NUM_THREADS='1', PYTHONPATH=str(REPO))
    done = subprocess.run(
        [sys.executable, str(REPO / 'tools/train.py'), str(config), '--work-dir', str(tmp_path / 'run')],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    log = done.stdout + done.stderr
    losses = [float(value) for value in re.findall(r'loss_acda: ([-\d.]+)', log)]
    assert len(losses) == 3
    assert all(loss > 0 for loss in losses)
    assert len(re.findall(r'acda\.w_3_3: [\d.]+', log)) == 3
    assert re.search(r'mIoU: [\d.]+', log)
    state = torch.load(tmp_path / 'run' / 'iter_3.pth', weights_only=False)['state_dict']
    assert {f'terms.acda.{domain}_projections.2.reduce.weight' for domain in ('source', 'target')} <= {*state}
    assert state['step'] == 3
