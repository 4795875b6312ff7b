"""A resume with other settings: what the config says is done from there on, and every change is said in one line."""

import logging
import re

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from mmuda.engine.hooks import RunSettingsHook
from mmuda.registry import OPTIM_WRAPPERS  # noqa: F401  (fills the registry that --amp reads)


class Line(BaseModel):
    """One parameter and a loss."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.bias = nn.Parameter(torch.ones(()))

    def forward(self, x, mode='tensor'):
        return dict(loss=(self.weight * x + self.bias).square().mean())


class Numbers(torch.utils.data.Dataset):
    def __len__(self):
        return 16

    def __getitem__(self, index):
        return dict(x=torch.tensor(float(index)))


class Rates(Hook):
    """Notes the learning rate of every step."""

    def __init__(self):
        self.of_step = {}

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.of_step[runner.iter] = runner.optim_wrapper.optimizer.param_groups[0]['lr']


POLY = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=3),
    dict(type='PolyLR', by_epoch=False, begin=3),
]


@pytest.fixture
def train(tmp_path):
    """``train(resume=True, lr=0.2)`` → the runner and the rates of its steps; checkpoints stand every 4 steps."""

    def run(name='run', max_iters=8, lr=0.1, schedule=POLY, batch_size=2, resume=None, seed=3, **options):
        rates = Rates()
        cfg = dict(optimizer=dict(type='AdamW', lr=lr, weight_decay=0.01) | options.pop('optimizer', {}), **options)
        runner = Runner(
            Line(),
            str(tmp_path / name),
            train_dataloader=DataLoader(Numbers(), batch_size),
            train_cfg=dict(by_epoch=False, max_iters=max_iters),
            optim_wrapper=cfg,
            param_scheduler=[dict(x) for x in schedule],
            default_hooks=dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=4)),
            custom_hooks=[RunSettingsHook(), rates],
            load_from=resume and str(resume),
            resume=resume is not None,
            randomness=dict(seed=seed),
            experiment_name=f'{name}{len(list(tmp_path.iterdir()))}_{max_iters}_{lr}',
            log_level='ERROR',
        )
        runner.train()
        return runner, rates.of_step

    return run


@pytest.fixture
def said(caplog, monkeypatch):
    """The lines that start with "Resume"."""
    from mmengine.logging import MMLogger

    lines = []
    monkeypatch.setattr(MMLogger, 'warning', lambda self, text, *args: lines.append(text))
    return lambda: [line for line in lines if line.startswith('Resume')]


CHANGES = {
    'length': (dict(max_iters=20), r'train_cfg\.max_iters was 8 .* 20 now', r'param_scheduler\[1\]\.end was 8'),
    'lr': (dict(lr=0.4), r'learning rate was 0\.1 .* 0\.4 now; the new one is scheduled from here on'),
    'power': (
        dict(schedule=[POLY[0], dict(POLY[1], power=2.0)]),
        r'param_scheduler\[1\]\.power was 1\.0 .* 2\.0 now; the rate goes on as if',
    ),
    'one scheduler': (
        dict(schedule=[dict(type='mmuda.WarmupPolyLR', by_epoch=False, warmup=0.25, start_factor=0.1)]),
        r'number of schedulers was 2 .* 1 now',
    ),
    'nothing': (dict(),),
}


@pytest.mark.parametrize('name', CHANGES)
def test_the_rate_is_that_of_a_run_that_always_had_the_config(train, said, tmp_path, name):
    change, *lines = CHANGES[name]
    train()
    whole, wanted = train('whole', **change)
    resumed, rates = train(resume=tmp_path / 'run' / 'iter_4.pth', **change)
    assert rates == {step: rate for step, rate in wanted.items() if step >= 4}
    assert sorted(rates.values())[1] > 0  # the last one is 0
    assert len(said()) == len(lines)
    for text, line in zip(said(), lines, strict=True):
        assert re.search(line, text)
    if name == 'nothing':
        assert torch.equal(resumed.model.weight, whole.model.weight)


OTHER = {
    'batch size': (
        dict(batch_size=4),
        r'train_dataloader\.batch_size was 2 .* 4 now; a step of the optimizer has 4 samples in all',
    ),
    'accumulation': (dict(accumulative_counts=2), r'accumulative_counts was 1 .* 2 now; the new value counts'),
    'precision': (
        dict(type='mmuda.BFloat16OptimWrapper'),
        r'optim_wrapper\.type was OptimWrapper .* BFloat16OptimWrapper now; the new value counts',
    ),
    'seed': (dict(seed=9), r'randomness\.seed was 3 .* 9 now; 3 stays'),
    'weight decay': (dict(optimizer=dict(weight_decay=0.5)), r'optimizer\.weight_decay was 0\.01 .* 0\.5 now'),
    'betas': (dict(optimizer=dict(betas=[0.5, 0.9])), r'optimizer\.betas was \(0\.9, 0\.999\) .* now; the new value'),
}


@pytest.mark.parametrize('name', OTHER)
def test_any_other_change_is_honoured_or_said(train, said, tmp_path, name):
    change, line = OTHER[name]
    train()
    resumed, rates = train(resume=tmp_path / 'run' / 'iter_4.pth', **change)
    (text,) = said()
    assert re.search(line, text)
    assert list(rates) == [4, 5, 6, 7]
    for key, value in change.get('optimizer', {}).items():
        assert (
            tuple(resumed.optim_wrapper.optimizer.param_groups[0][key]) == tuple(value)
            if key == 'betas'
            else (resumed.optim_wrapper.optimizer.param_groups[0][key] == value)
        )
    assert resumed.seed == 3
    state = next(iter(resumed.optim_wrapper.optimizer.state.values()))
    assert state['step'] == (8 if name != 'accumulation' else 6)


def test_processes_are_compared(train, said, tmp_path):
    train()
    path = tmp_path / 'run' / 'iter_4.pth'
    checkpoint = torch.load(path)
    checkpoint['run_settings']['processes'] = 4
    torch.save(checkpoint, path)
    train(resume=path)
    assert re.search(r'processes was 4 .* 1 now; a step of the optimizer has 2 samples in all, and the data', said()[0])


def test_another_optimizer_starts_with_new_moments(train, said, tmp_path):
    train()
    resumed, _ = train(resume=tmp_path / 'run' / 'iter_4.pth', optimizer=dict(type='SGD', momentum=0.9))
    assert re.search(r'optimizer\.type was AdamW .* SGD now; its moments start anew', said()[0])
    assert all('exp_avg' not in state for state in resumed.optim_wrapper.optimizer.state.values())


def test_a_checkpoint_without_an_optimizer_keeps_the_schedule(train, tmp_path):
    _, wanted = train()
    path = tmp_path / 'run' / 'iter_4.pth'
    checkpoint = torch.load(path)
    del checkpoint['optimizer'], checkpoint['param_schedulers']
    torch.save(checkpoint, path)
    _, rates = train(resume=path)
    assert rates == {step: rate for step, rate in wanted.items() if step >= 4}


def test_other_groups_of_parameters_are_refused(train, tmp_path):
    train()
    with pytest.raises(ValueError, match=r'has 2 groups of parameters of sizes \[1, 1\].* had 1 of sizes \[2\]'):
        train(resume=tmp_path / 'run' / 'iter_4.pth', paramwise_cfg=dict(custom_keys=dict(bias=dict(lr_mult=2.0))))


def test_the_end_is_said(train, tmp_path, monkeypatch):
    train()
    lines = []
    monkeypatch.setattr(logging.Logger, 'warning', lambda self, text, *args: lines.append(text))
    _, rates = train(resume=tmp_path / 'run' / 'iter_8.pth')
    assert rates == {}
    assert any('iteration 8, the last of this training: nothing is left to train' in line for line in lines)
    with pytest.raises(ValueError, match=r'at iteration 8, beyond the end of this training at iteration 6'):
        train(max_iters=6, resume=tmp_path / 'run' / 'iter_8.pth')


def test_a_schedule_of_shares_ends_with_the_training(train):
    """Its length is not in the config: mmengine sets it, by what `by_epoch` says."""
    schedule = dict(type='mmuda.WarmupPolyLR', by_epoch=False, warmup=0.25, start_factor=0.1)
    _, rates = train(schedule=[schedule])
    assert rates == pytest.approx({0: 0.01, 1: 0.1} | {step: 0.1 * (7 - step) / 5 for step in range(2, 8)})


@pytest.mark.parametrize('part', ['scheduler', 'hook'])
def test_what_counts_epochs_never_acts_in_an_iteration_loop(tmp_path, part):
    """mmengine's default is by_epoch=True, which an iteration loop steps once, at its end."""
    by_epoch = dict(by_epoch=True)
    runner = Runner(
        Line(),
        str(tmp_path),
        train_dataloader=DataLoader(Numbers(), 2),
        train_cfg=dict(by_epoch=False, max_iters=2),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        param_scheduler=dict(type='PolyLR', **(by_epoch if part == 'scheduler' else dict(by_epoch=False))),
        default_hooks=dict(checkpoint=dict(type='CheckpointHook', by_epoch=part == 'hook')),
        custom_hooks=[RunSettingsHook()],
        experiment_name=f'counting_{part}',
        log_level='ERROR',
    )
    with pytest.raises(ValueError, match=r'(PolyLR|CheckpointHook) counts epochs .* set its by_epoch=False'):
        runner.train()
    assert runner.iter == 0
