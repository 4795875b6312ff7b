"""Judge the checkpoints of trainings without labels of the target, and with labels the judges, too."""

from __future__ import annotations

import copy
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmengine.utils import track_iter_progress
from scipy.stats import spearmanr

from mmuda import compat
from mmuda.datasets.checks import check_data_root
from mmuda.datasets.label_free import has_labels, load_no_labels
from mmuda.scores import CRITERION_RULES, goodness

from .checkpoint import load_checkpoint
from .config import load_config
from .errors import UserError, did_you_mean
from .launch import build_runner
from .preflight import check_config, check_data_roots
from .shared_classes import checkpoint_classes, share_classes
from .source_validation import SourceValidation
from .start_weights import bare_model
from .work_dir import find_checkpoints, find_config, step_of

MAIN_SCORES = ('mIoU', 'accuracy')
UNUSED = (
    *('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'custom_hooks'),
    *('test_dataloader', 'test_cfg', 'test_evaluator'),
)
NO_HOOKS = dict.fromkeys(('timer', 'logger', 'param_scheduler', 'checkpoint', 'sampler_seed'))
PREFIX = 'label_free'
"""Of the scores without labels here, whatever a config's own metrics are called."""


@dataclass(frozen=True)
class Candidate:
    """A network of a checkpoint, and what speaks for it.

    Attributes:
        checkpoint: Its file.
        network: ``student``, ``teacher``, or ``''`` of a model that is one network.
        criteria: Values without labels, by name.
        truth: Its score by labels; None without them.
        score: The name of that score.
    """

    checkpoint: Path
    network: str
    criteria: dict[str, float]
    truth: float | None = None
    score: str = MAIN_SCORES[0]

    @property
    def name(self) -> str:
        """Return the file, and the network where there are two."""
        return f'{self.checkpoint} {self.network}'.rstrip()

    @property
    def step(self) -> int:
        """Return the step of the checkpoint."""
        return step_of(self.checkpoint)

    def goodness(self, criterion: str) -> float:
        """Return the value of a criterion, negative where less is better; -inf where there is none."""
        return goodness(criterion, self.criteria.get(criterion, np.nan))

    @property
    def merit(self) -> float:
        """Return the score by labels, negative where less is better."""
        return goodness(self.score, self.truth)


def check_criterion(name: str) -> None:
    """Refuse an unknown criterion.

    Raises:
        UserError: There is none of this name.
    """
    if name not in CRITERION_RULES:
        known = ', '.join(CRITERION_RULES)
        raise UserError(f'--by {name} is no criterion{did_you_mean(name, CRITERION_RULES) or f": use {known}"}')


def check_runs(work_dirs: Sequence[str | Path], options: Mapping[str, Any] | None = None) -> None:
    """Refuse runs that :func:`judge_run` cannot judge, before the first one is judged.

    Args:
        work_dirs: Of trainings.
        options: Changes of their configs.

    Raises:
        UserError: A work directory without config or checkpoint, or a config that does not fit.
        DataError: A data root is missing.
    """
    for work_dir in work_dirs:
        _prepared(work_dir, options)


def check_same_classes(work_dirs: Sequence[str | Path]) -> None:
    """Refuse runs of other classes, whose criteria and scores are of different tasks; their order does not matter.

    Raises:
        UserError: Two runs have other classes, or a work directory has no checkpoint.
    """
    known = [(path, checkpoint_classes(find_checkpoints(path)[0])) for path in work_dirs]
    runs = [(path, set(map(str, classes))) for path, classes in known if classes]
    for (first, ours), (second, theirs) in pairwise(runs):
        if ours != theirs:
            raise UserError(
                f"{first} has {len(ours)} classes, {second} has {len(theirs)}, and '{min(ours ^ theirs)}' is in one of "
                'them alone: rank runs of the same classes'
            )


def judge_run(
    work_dir: str | Path, images: int, score: str | None = None, options: Mapping[str, Any] | None = None
) -> list[Candidate]:
    """Judge every checkpoint of a work directory on the images of its validation.

    Args:
        work_dir: Of a training.
        images: How many of them, evenly spaced; all if there are fewer.
        score: Of the config's evaluator, which is the truth where the images have labels; None: mIoU or accuracy.
        options: Changes of its config.

    Raises:
        UserError: Something that is needed is missing, or does not fit.
    """
    cfg, paths = _prepared(work_dir, options)
    share_classes(cfg, checkpoint_classes(paths[0]))
    with tempfile.TemporaryDirectory() as folder, DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
        cfg.load_from = str(paths[0])  # so that no other weights are looked for
        runner = _runner(cfg, images, folder)
        dataset = runner.val_loop.dataloader.dataset
        judge = SourceValidation(cfg, dataset, images) if SourceValidation.fits(cfg) else None
        bar = track_iter_progress(paths, file=sys.stderr) if len(paths) > 1 else paths
        return [candidate for path in bar for candidate in _judged(runner, path, score, judge)]


def correlation(candidates: Sequence[Candidate], criterion: str) -> float:
    """Return Spearman's rank correlation of a criterion's goodness with the score; nan where one never differs."""
    guessed, known = zip(*((candidate.goodness(criterion), candidate.merit) for candidate in candidates))
    if len(set(guessed)) < 2 or len(set(known)) < 2:
        return float('nan')
    return float(spearmanr(guessed, known).statistic)


def _prepared(work_dir: str | Path, options: Mapping[str, Any] | None) -> tuple[Config, list[Path]]:
    """Return a run's config, checked, and its checkpoints; one that trains without validation is judged on its test
    images.
    """
    compat.apply()
    paths = find_checkpoints(work_dir)
    cfg = load_config(find_config(work_dir), options)
    if not cfg.get('val_dataloader'):
        for part in ('dataloader', 'cfg', 'evaluator'):
            cfg[f'val_{part}'] = cfg.get(f'test_{part}')
        cfg.val_cfg = dict()
    check_config(cfg, 'select_checkpoint')
    check_data_roots(cfg, 'val')
    if SourceValidation.fits(cfg):
        check_data_root(cfg.train_dataloader.dataset.source.get('data_root'))
    return cfg, paths


def _runner(cfg: Config, images: int, folder: str) -> Runner:
    """Return a runner that only validates, on some images, and writes nothing outside ``folder``."""
    cfg = copy.deepcopy(cfg)
    for key in UNUSED:
        cfg[key] = None
    cfg.default_hooks = NO_HOOKS
    cfg.update(resume=False, log_level='WARNING', work_dir=folder, experiment_name=Path(folder).name)
    metrics = cfg.val_evaluator if isinstance(cfg.val_evaluator, (list, tuple)) else [cfg.val_evaluator]
    cfg.val_evaluator = [*metrics, dict(type='mmuda.LabelFreeMetric', prefix=PREFIX)]
    runner = build_runner(cfg)
    loop = runner.val_loop
    dataset = loop.dataloader.dataset
    if not has_labels(dataset):
        load_no_labels(dataset)
        loop.evaluator.metrics = loop.evaluator.metrics[-1:]
    if images < len(dataset):
        dataset.get_subset_(np.linspace(0, len(dataset) - 1, images).round().astype(int).tolist())
        loop.dataloader = runner.build_dataloader(dict(cfg.val_dataloader, dataset=dataset), seed=0)  # a sampler counts
    runner.call_hook('before_run')
    return runner


def _judged(runner: Runner, path: Path, score: str | None, judge: SourceValidation | None) -> Iterator[Candidate]:
    """Yield the networks of a checkpoint."""
    model = bare_model(runner)
    load_checkpoint(model, path)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # means of classes that none of some images shows
        scores = runner.val_loop.run()
    agreement = scores.get(f'teacher/{PREFIX}/agreement')
    for network in getattr(runner.val_loop, 'networks', ('',)):
        lead = 'teacher/' if network == 'teacher' else ''
        own = {name: scores[f'{lead}{PREFIX}/{name}'] for name in CRITERION_RULES if f'{lead}{PREFIX}/{name}' in scores}
        if agreement is not None:
            own['agreement'] = agreement
        if judge is not None:
            own['dev'] = judge.risk(getattr(model, network or 'student', model))
        yield Candidate(path, network, own, *_truth(scores, score, lead))


def _truth(scores: Mapping[str, float], score: str | None, lead: str) -> tuple[float, str] | tuple[()]:
    """Return the score by labels and its name; nothing without labels."""
    known = [name.removeprefix(lead) for name in scores if name.startswith(lead) and PREFIX not in name]
    known = [name for name in known if '/' not in name]
    if not known:
        return ()
    name = score or next((name for name in MAIN_SCORES if name in known), None)
    if name not in known:
        raise UserError(f"the evaluation gives no score '{name}', but {', '.join(known)}: choose one by --score")
    return float(scores[lead + name]), name
