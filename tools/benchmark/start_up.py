"""How long a training takes to its first step, beside mmsegmentation's own `tools/train.py`.

python tools/benchmark/start_up.py

Paints streets and starts trainings of one network on them, each in a process of its own, in turns: SegFormer by
mmsegmentation's config and tool, the same by ours (source only), and STCT. A process is timed from its start to the
moment when its first batch is loaded, and ends there. Images are loaded by the process itself, and the counts of
classes that our sampler keeps are made before. On a busy machine the processor's time tells more than the wall clock's.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import Elapsed, environment, row, table

from mmuda.apis import ToolParser, UserError, at_least, run_tool
from mmuda.datasets.toy_scenes import ToyStreetsSpec, write_toy_streets

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
HOOK = """
import os, resource, time

from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mmuda import compat

compat.apply()  # mmsegmentation alone does not start beside an mmcv without compiled operators


@HOOKS.register_module()
class FirstStep(Hook):
    priority = 'LOWEST'

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        busy = sum(one.ru_utime + one.ru_stime for one in used)
        print('first step', time.time(), busy, flush=True)
        os._exit(0)
"""
OURS = """
_base_ = '{configs}/{leaf}.py'
custom_imports = dict(imports=['first_step'])
custom_hooks = [dict(type='FirstStep', _scope_='mmengine'), *{hooks}]
train_dataloader = dict(num_workers=0, persistent_workers=False)
val_dataloader = dict(num_workers=0, persistent_workers=False)
test_dataloader = dict(num_workers=0, persistent_workers=False)
"""
STOCK = """
_base_ = ['mmseg::_base_/models/segformer_mit-b0.py', 'mmseg::_base_/default_runtime.py']
custom_imports = dict(imports=['first_step'])
custom_hooks = [dict(type='FirstStep', _scope_='mmengine')]
crop_size = (96, 160)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=(160, 96), ratio_range=(1.0, 1.3), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), dict(type='PackSegInputs')]
streets = dict(type='BaseSegDataset', data_root='{data}', metainfo=dict(classes=list('abcdefgh')), img_suffix='.png')
day = dict(img_path='day/images/train', seg_map_path='day/labels/train')
dusk = dict(img_path='dusk/images/val', seg_map_path='dusk/labels/val')
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(streets, data_prefix=day, pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(streets, data_prefix=dusk, pipeline=test_pipeline),
)
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_dataloader, test_evaluator = val_dataloader, val_evaluator
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=6e-5, weight_decay=0.01))
param_scheduler = [dict(type='PolyLR', power=1.0, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=1000, val_interval=1000)
val_cfg, test_cfg = dict(type='ValLoop'), dict(type='TestLoop')
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=1000),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='SegVisualizationHook'),
)
model = dict(
    data_preprocessor=dict(size=None),
    backbone=dict(init_cfg=None, embed_dims=16),
    decode_head=dict(in_channels=[16, 32, 80, 128], channels=64, num_classes=8, norm_cfg=dict(type='BN')),
)
"""


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rounds', type=at_least(1), default=5, help='starts of each side (default: %(default)s)')
    parser.add_argument('--images', type=at_least(4), default=40, help='painted of each domain (default: %(default)s)')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_toy_streets(name, ToyStreetsSpec(train=args.images, val=8))
        sides = commands(folder)
        times: dict[str, list[Elapsed]] = {side: [] for side in sides}
        for turn in range(1 + args.rounds):  # the first one counts classes and compiles modules
            for side, command in sides.items():
                elapsed = start(command, folder)
                if turn:
                    times[side].append(elapsed)
    print(environment(images=args.images, rounds=args.rounds))
    first = next(iter(times.values()))
    print(
        table(
            ('to the first step', 'ms (middle half)', 'cpu ms', 'wall ratio', 'cpu ratio'),
            [row(side, found, first) for side, found in times.items()],
        )
    )


def commands(folder: Path) -> dict[str, list[str]]:
    """Return the command of each side, and the configs that it reads."""
    host = importlib.util.find_spec('mmseg')
    if host is None:
        raise UserError('mmsegmentation is not installed: there is nothing to compare with')
    (folder / 'first_step.py').write_text(HOOK)
    (folder / 'stock.py').write_text(STOCK.format(data=folder / 'toy_streets'))
    leaves = dict(source='source_only/source-only_segformer_toy', stct='stct/stct_segformer_toy')
    for name, leaf in leaves.items():
        hooks = '_base_.custom_hooks' if name == 'stct' else '[]'
        (folder / f'{name}.py').write_text(OURS.format(configs=CONFIGS, leaf=leaf, hooks=hooks))
    tool = Path(host.submodule_search_locations[0], '.mim', 'tools', 'train.py')
    ours = [sys.executable, '-m', 'mmuda', 'train']
    return {
        'mmsegmentation, tools/train.py': [sys.executable, str(tool), 'stock.py'],
        'mmuda, source only': [*ours, 'source.py'],
        'mmuda, STCT': [*ours, 'stct.py'],
    }


def start(command: list[str], folder: Path) -> Elapsed:
    """Run a training up to its first step.

    Raises:
        UserError: It does not come so far; its last words are in the message.
    """
    checkout = CONFIGS.parent
    env = dict(os.environ, MMUDA_DATA=str(folder), PYTHONPATH=os.pathsep.join((str(folder), str(checkout))))
    begin = time.time()
    done = subprocess.run(
        [*command, '--work-dir', 'run'], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    said = [line.split() for line in done.stdout.splitlines() if line.startswith('first step ')]
    if not said:
        raise UserError(f'{" ".join(command)} did not begin a step: {(done.stderr or done.stdout)[-2000:]}')
    end, busy = map(float, said[0][2:])
    return Elapsed(1e3 * (end - begin), 1e3 * busy)


if __name__ == '__main__':
    run_tool(main)
