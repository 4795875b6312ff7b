"""What the options of the command line do to a config."""

import time

import pytest
import torch
from mmengine.config import Config
from mmengine.model import ImgDataPreprocessor

from mmuda.apis import (
    UserError,
    build_runner,
    enable_amp,
    enable_auto_scale_lr,
    enable_compile,
    set_resume,
    set_work_dir,
)
from mmuda.registry import MODELS


@pytest.mark.parametrize(
    'argument, setting, expected', [('a', 'b', 'a'), (None, 'b', 'b'), (None, None, 'work_dirs/leaf')]
)
def test_the_work_directory(argument, setting, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = Config(dict(work_dir=setting))
    set_work_dir(cfg, 'configs/stct/leaf.py', argument)
    assert cfg.work_dir == expected
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def started(tmp_path):
    """A config with a start of its own, whose work directory has two checkpoints."""
    for step in (4, 8):
        torch.save({}, tmp_path / f'iter_{step}.pth')
    (tmp_path / 'last_checkpoint').write_text(f'{tmp_path}/iter_8.pth')
    return Config(dict(work_dir=str(tmp_path), load_from='pretrained.pth', resume=False))


def test_no_resume_leaves_the_config_alone(started):
    set_resume(started, None)
    assert (started.resume, started.load_from) == (False, 'pretrained.pth')


def test_resume_finds_the_latest_checkpoint(started):
    set_resume(started, 'auto')
    assert (started.resume, started.load_from) == (True, f'{started.work_dir}/iter_8.pth')


@pytest.mark.parametrize('resume', [True, False])
def test_a_config_that_resumes_without_a_path_means_the_latest_checkpoint(started, resume):
    started.update(load_from=None, resume=resume)
    set_resume(started, None)
    assert (started.resume, started.load_from) == (resume, f'{started.work_dir}/iter_8.pth' if resume else None)


def test_resume_says_what_it_passes_over(started, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr('mmuda.storage.latest.print_log', lambda text, **_: said.append(text))
    (tmp_path / 'iter_8.pth').write_bytes(b'')
    set_resume(started, 'auto')
    assert started.load_from == f'{tmp_path}/iter_4.pth'
    assert said == [
        f'{tmp_path}/iter_8.pth is empty: passed over.',
        f'The run goes on from {tmp_path}/iter_4.pth, the newest whole checkpoint of {tmp_path}.',
    ]


def test_resume_with_nothing_but_damaged_checkpoints_does_not_start_anew(started, tmp_path):
    for step in (4, 8):
        (tmp_path / f'iter_{step}.pth').write_bytes(b'half')
    with pytest.raises(
        ValueError, match=r'has no whole checkpoint \(.*iter_8.pth is truncated.*; .*iter_4.pth is trunc'
    ):
        set_resume(started, 'auto')


def test_resume_looks_where_the_checkpoint_hook_writes(started, tmp_path):
    started.default_hooks = dict(checkpoint=dict(out_dir=str(tmp_path / 'out')))
    folder = tmp_path / 'out' / tmp_path.name
    folder.mkdir(parents=True)
    torch.save({}, folder / 'iter_8.pth')
    set_resume(started, 'auto')
    assert started.load_from == str(folder / 'iter_8.pth')


def test_resume_from_a_path(started):
    set_resume(started, 'other.pth')
    assert (started.resume, started.load_from) == (True, 'other.pth')


def test_resume_without_a_checkpoint_keeps_the_pretrained_start(started, tmp_path):
    for path in tmp_path.iterdir():
        path.unlink()
    set_resume(started, 'auto')
    assert (started.resume, started.load_from) == (False, 'pretrained.pth')


@pytest.mark.skipif(torch.cuda.is_available(), reason='a CPU setting')
def test_amp_on_a_cpu():
    cfg = Config(dict(optim_wrapper=dict(type='OptimWrapper')))
    enable_amp(cfg)
    assert cfg.optim_wrapper.type == 'mmuda.BFloat16OptimWrapper'


def test_amp_twice():
    with pytest.raises(UserError, match=r"has 'AmpOptimWrapper': leave out --amp"):
        enable_amp(Config(dict(optim_wrapper=dict(type='AmpOptimWrapper'))))


@pytest.mark.parametrize('given, expected', [(None, True), (False, True), (dict(mode='default'), dict(mode='default'))])
def test_compile_keeps_the_options_of_the_config(given, expected):
    cfg = Config(dict(runner_type='mmuda.MeanTeacherRunner', compile=given))
    enable_compile(cfg)
    assert cfg.compile == expected


def test_compile_under_a_runner_that_would_compile_the_whole_step():
    with pytest.raises(UserError, match=r"--compile compiles the encoders under .*, but the config has 'Runner': set"):
        enable_compile(Config(dict()))


def test_auto_scale_lr():
    cfg = Config(dict(auto_scale_lr=dict(enable=False, base_batch_size=4)))
    enable_auto_scale_lr(cfg)
    assert cfg.auto_scale_lr.enable
    with pytest.raises(UserError, match='base_batch_size'):
        enable_auto_scale_lr(Config(dict()))


def test_runs_that_begin_in_the_same_second_have_logs_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(time, 'strftime', lambda *_: '20260101_000000')
    monkeypatch.setitem(MODELS.module_dict, 'Stack', ImgDataPreprocessor)
    model = dict(type='mmuda.Stack')
    runners = [
        build_runner(Config(dict(model=model, work_dir=str(tmp_path / name), experiment_name='leaf')))
        for name in ('first', 'second')
    ]
    for part in ('logger', 'visualizer', 'message_hub'):
        first, second = (getattr(runner, part) for runner in runners)
        assert first is not second
