"""FixMatch through the command line: real digits from one and from two sources, and semi-supervised CIFAR-10."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('mmpretrain')
pytest.importorskip('torchvision')

REPO = Path(__file__).resolve().parents[1]


def train(config, work_dir, data, *options) -> list[dict]:
    """Run tools/train.py in a process of its own; return what it logged, a dict a line."""
    command = [sys.executable, REPO / 'tools' / 'train.py', config, '--work-dir', work_dir, '--cfg-options', *options]
    done = subprocess.run(
        list(map(str, command)),
        env=dict(os.environ, MMUDA_DATA=str(data), OMP_NUM_THREADS='1', PYTHONPATH=str(REPO)),
        cwd=work_dir,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    (log,) = work_dir.glob('*/vis_data/scalars.json')
    return [json.loads(line) for line in log.read_text().splitlines()]


def steps(rows) -> list[dict]:
    rows = [row for row in rows if 'loss' in row]
    assert rows
    assert all(math.isfinite(value) for row in rows for value in row.values())
    return rows


@pytest.mark.parametrize('method', ['', pytest.param('_official', marks=pytest.mark.slow)], ids=['paper', 'official'])
def test_forty_steps_on_real_digits_learn(data_root, tmp_path, method):
    options = ['train_cfg.max_iters=40', 'train_cfg.val_interval=40', 'default_hooks.logger.interval=1']
    options += ['model.labeller.threshold=0.3', 'optim_wrapper.optimizer.lr=3e-3', 'train_dataloader.batch_size=64']
    leaf = REPO / f'configs/dida/fixmatch_lenet_mnist2usps{method}.py'
    rows = train(leaf, tmp_path, data_root, *options, 'val_dataloader.dataset.indices=500')
    losses = steps(rows)
    assert len(losses) == 40
    assert losses[-1]['loss_source'] < 0.75 * losses[0]['loss_source']
    assert losses[-1]['mask_ratio'] > 0
    assert any(row['loss_target'] > 0 for row in losses)
    assert 30 < rows[-1]['accuracy'] < 100
    assert (tmp_path / 'iter_40.pth').is_file()


@pytest.mark.slow
def test_two_sources_are_logged_one_by_one(data_root, tmp_path):
    options = ['train_cfg.max_iters=3', 'default_hooks.logger.interval=1', 'val_cfg=None', 'val_dataloader=None']
    options += ['val_evaluator=None', 'train_dataloader.batch_size=12', 'train_dataloader.sampler.ratio=(4,4,4)']
    rows = steps(train(REPO / 'configs/dida/fixmatch_dtn_mnist-usps2mnistm.py', tmp_path, data_root, *options))
    for name in ('accuracy_source', 'cross_entropy_source'):
        assert {f'{name}.0', f'{name}.1'} <= set(rows[0])
    mean = (rows[0]['cross_entropy_source.0'] + rows[0]['cross_entropy_source.1']) / 2
    assert rows[0]['loss_source'] == pytest.approx(mean, rel=1e-4)


@pytest.mark.slow
def test_semi_supervised_cifar10(tmp_path):
    folder = tmp_path / 'cifar-10-batches-bin'
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in [f'data_batch_{i}' for i in range(1, 6)] + ['test_batch']:
        records = rng.integers(0, 256, (20, 3073), np.uint8)
        records[:, 0] = np.arange(20) % 10
        records.tofile(folder / f'{name}.bin')
    bases = ['models/dtn_digits', 'datasets/cifar10_ssl', 'methods/fixmatch', 'schedules/sgd_277k_cosine']
    bases.append('default_runtime')
    leaf = tmp_path / 'leaf.py'
    leaf.write_text(
        f'_base_ = {[f"{REPO}/configs/_base_/{base}.py" for base in bases]}\n'
        "model = dict(_delete_=True, type='UDAModel', task='classification', student=_base_.model, "
        '**_base_.fixmatch)'
    )
    options = ['train_cfg.max_iters=3', 'train_cfg.val_interval=3', 'default_hooks.logger.interval=1']
    rows = train(leaf, tmp_path, tmp_path, *options, 'train_dataloader.batch_size=16', 'train_dataloader.num_workers=1')
    assert len(steps(rows)) == 3
    assert 'accuracy' in rows[-1]
