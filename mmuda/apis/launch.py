"""From parsed arguments to a running experiment: what `tools/train.py` and `tools/test.py` share."""

from __future__ import annotations

import copy
import itertools
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmuda import compat
from mmuda.processes import release
from mmuda.registry import HOOKS, RUNNERS
from mmuda.storage import checkpoint_folder, last_good, resumable

from .allocator import keep_freed_memory
from .breakdown import explained_breakdowns
from .channels import ChannelCheckHook
from .checkpoint import read_checkpoint
from .class_check import ClassCheckHook
from .ensemble import EnsembleHook, check_ensemble, loaded_copies
from .errors import UserError
from .inferencer import choose_network
from .limits import time_limit, watch
from .paths import check_out_dir
from .prediction_window import PredictionWindow, check_display
from .predictions import PredictionWriter, check_prediction_folders
from .preflight import check_config, check_data_roots, check_start, check_training
from .rehearsal import Rehearsal
from .scored_labels import check_segments, check_validation_labels, score_only_labels, segments
from .shared_classes import checkpoint_classes, share_classes
from .start_weights import bare_model, check_pretrained_parts, prepare_start
from .timm_networks import without_timm_weights
from .trained_pipeline import note_other_pipeline
from .training_dir import training_in

_RUNS = itertools.count(1)  # of this process


def set_work_dir(cfg: Config, config_path: str | Path, work_dir: str | None) -> None:
    """Set the command line's choice, else the config's, else ``work_dirs/<name of the config>``, and check it."""
    if work_dir is not None:
        cfg.work_dir = work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(config_path).stem)
    check_out_dir(cfg.work_dir, '--work-dir')


def set_resume(cfg: Config, resume: str | None) -> None:
    """Resume from a checkpoint; ``auto`` is the newest whole one of the work directory, if there is one.

    Without a checkpoint, ``auto`` starts from the config's own ``load_from``: a job that restarts itself needs one
    command only. ``resume=True`` in a config without ``load_from`` means ``auto``.
    """
    if resume is None and cfg.get('resume') and cfg.get('load_from') is None:
        resume, cfg.resume = 'auto', False
    if resume is None:
        return
    path = resumable(cfg.work_dir, checkpoint_folder(cfg.work_dir, cfg)) if resume == 'auto' else resume
    if path is not None:
        cfg.resume, cfg.load_from = True, str(path)


def enable_amp(cfg: Config) -> None:
    """Set mixed precision: bfloat16 where the device has it (CPU, GPUs since Ampere), else float16 with scaled loss."""
    wrapper = cfg.optim_wrapper
    if wrapper.get('type', 'OptimWrapper') != 'OptimWrapper':
        raise UserError(
            f"--amp replaces optim_wrapper.type='OptimWrapper', but the config has '{wrapper.type}': leave out --amp"
        )
    if torch.cuda.is_available() and torch.cuda.get_device_capability() < (8, 0):
        wrapper.type = 'AmpOptimWrapper'
        wrapper.loss_scale = 'dynamic'
    else:
        wrapper.type = 'mmuda.BFloat16OptimWrapper'


def enable_compile(cfg: Config) -> None:
    """Compile the encoders in training steps; options of ``torch.compile`` stay those of the config's ``compile``."""
    runner = cfg.get('runner_type', 'Runner')
    if runner != 'mmuda.MeanTeacherRunner':
        raise UserError(
            f"--compile compiles the encoders under runner_type='mmuda.MeanTeacherRunner', but the config has "
            f"'{runner}': set that, or leave out --compile"
        )
    cfg.compile = cfg.get('compile') or True


def enable_auto_scale_lr(cfg: Config) -> None:
    """Scale the learning rate with the total batch size."""
    if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
        raise UserError(
            '--auto-scale-lr needs auto_scale_lr=dict(base_batch_size=...) in the config: '
            'say for which batch size its learning rate is meant'
        )
    cfg.auto_scale_lr.enable = True


def build_runner(cfg: Config, to_train: bool = False) -> Runner:
    """Build the config's own type of runner, or mmengine's, after a checkpoint in ``load_from`` was checked against the
    model.

    Args:
        cfg: The config.
        to_train: Whether a checkpoint is the start of a training, see :func:`.check_checkpoint`.
    """
    compat.apply()
    runner = RUNNERS.build(_named_apart(cfg))
    runner.register_hook(ChannelCheckHook())
    path = cfg.get('load_from')
    if path is not None and '://' not in path:
        prepare_start(runner, path, to_train and not cfg.get('resume'))
    elif path is None:
        check_pretrained_parts(bare_model(runner))
    return runner


def _named_apart(cfg: Config) -> Config:
    """Name each run of a process: mmengine finds loggers and writers by name and second, and two runs fit in one."""
    number = next(_RUNS)
    if number == 1:
        return cfg
    cfg = copy.copy(cfg)
    cfg.experiment_name = f'{cfg.get("experiment_name") or Path(cfg.filename or "run").stem}-{number}'
    return cfg


def train(cfg: Config, hooks: Sequence[Hook] = ()) -> Runner:
    """Train, with further hooks; a run that a user's error keeps from starting leaves its work directory as it was."""
    check_training(cfg)
    limit = time_limit(cfg)
    share_classes(cfg)
    if os.name == 'posix' and not torch.cuda.is_available():
        keep_freed_memory()
    with training_in(cfg) as training, explained_breakdowns(cfg.work_dir, lambda: _going_on(cfg)):
        runner = build_runner(cfg, to_train=True)
        training.watch(runner)
        check_validation_labels(runner)
        watch(runner, limit)
        if not any(isinstance(hook, HOOKS.get('mmuda.RunSettingsHook')) for hook in runner.hooks):
            runner.register_hook(dict(type='mmuda.RunSettingsHook'))
        for hook in (ClassCheckHook(_resumed_classes(cfg)), Rehearsal(), *hooks):
            runner.register_hook(hook)
        try:
            runner.train()
        finally:
            release()
    return runner


def _resumed_classes(cfg: Config) -> list[str] | None:
    """Return the classes of the checkpoint that a run goes on from; other starts may have had others."""
    path = cfg.get('load_from') if cfg.get('resume') else None
    return None if path is None else checkpoint_classes(path)


def _going_on(cfg: Config) -> str:
    return f'{last_good(cfg.work_dir, checkpoint_folder(cfg.work_dir, cfg))}: go on with --resume'


def evaluate(
    cfg: Config,
    checkpoint: str,
    predict_on: str = 'student',
    label_dir: str | None = None,
    overlay_dir: str | None = None,
    ensemble: Sequence[str] = (),
    show: float | None = None,
) -> dict:
    """Score a checkpoint; without labels of the test images, only write its predictions.

    Args:
        cfg: the config; its work directory is set.
        checkpoint: path of the checkpoint.
        predict_on: which network of a self-training model predicts.
        label_dir: where predicted label maps go; None for none.
        overlay_dir: where pictures of them go; None for none.
        ensemble: further checkpoints, whose networks predict beside that of the first.
        show: seconds for which each is shown in a window, 0 until a key is pressed; None for no window.

    Returns:
        The scores; empty without labels.
    """
    cfg.load_from, cfg.resume = checkpoint, False
    check_config(cfg, 'test')
    without_timm_weights(cfg)
    check_start(cfg, 'CHECKPOINT')
    for path in (checkpoint, *ensemble):
        if '://' not in str(path):
            note_other_pipeline(cfg, read_checkpoint(path), path)
    check_ensemble(checkpoint, ensemble)
    check_data_roots(cfg, 'test')
    limit, classes = time_limit(cfg), checkpoint_classes(checkpoint)
    share_classes(cfg, classes)
    _check_outputs(label_dir, overlay_dir, show)
    with explained_breakdowns(cfg.work_dir):
        runner = build_runner(cfg)
        watch(runner, limit)
        choose_network(bare_model(runner), predict_on)
        if ensemble:
            runner.register_hook(EnsembleHook(loaded_copies(bare_model(runner), ensemble)))
        runner.register_hook(ClassCheckHook(classes))
        writes = bool(label_dir or overlay_dir or show is not None)
        if overlay_dir:
            check_segments(bare_model(runner))
        if segments(bare_model(runner)):
            check_prediction_folders((label_dir, overlay_dir))
        score_only_labels(runner, writes)
        runner.register_hook(Rehearsal())
        if label_dir or overlay_dir:
            runner.register_hook(PredictionWriter(label_dir, overlay_dir))
        if show is not None:
            runner.register_hook(PredictionWindow(show))
        return runner.test()


def _check_outputs(label_dir: str | None, overlay_dir: str | None, show: float | None) -> None:
    """Refuse places where predictions cannot go, as :func:`evaluate` takes them."""
    for folder, option in ((label_dir, '--out'), (overlay_dir, '--show-dir')):
        if folder is not None:
            check_out_dir(folder, option)
    if label_dir and overlay_dir and Path(label_dir).resolve() == Path(overlay_dir).resolve():
        raise UserError(
            f'--out and --show-dir are both {label_dir}, where pictures would replace label maps: choose two'
        )
    if show is not None:
        check_display()
