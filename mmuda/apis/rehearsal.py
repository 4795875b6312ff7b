"""One image of the evaluation before the first step: what would fail after hours of training fails now.

The pipeline loads it, the network predicts it, the evaluator scores it, and the hooks that choose by a score find out
whether there is one of this name. Before a training two of its images are loaded, too, and parts of the model that
ask something of the images' size, such as crops and blocks that have to fit, see it; an encoder tries small ones.
Random states and the network's mode are left as they were.

Each rank tries it by itself, since one that fails while the ranks exchange results would keep the others waiting; then
they agree on the outcome. As in an evaluation, rank 0 computes the scores.
"""

from __future__ import annotations

import copy
import logging
import random
import re
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import torch
from mmengine.dist import get_world_size, is_main_process
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.evaluator.metric import _to_cpu
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.runner import BaseLoop, Runner
from torch import Tensor, nn

from .distributed import agree
from .errors import UserError, did_you_mean, explain, text_of
from .start_weights import bare_model

CHOOSE_BY = ('save_best', 'monitor', 'score')
"""Attributes of hooks that name a score: of the checkpoint, the early stopping and the best-score hook."""
SMALL = 64
"""Height or width from where on an encoder has places left for its last stage."""
TOO_SMALL = re.compile(r"[Kk]ernel size can't be greater than actual input size|Output size is too small")
"""What torch says of convolutions and poolings on maps that are too small for them."""


class Rehearsal(Hook):
    """Evaluates one image before a training or a test; before a training, compares the size of its images, too."""

    priority = 'HIGHEST'

    def before_train(self, runner: Runner) -> None:
        """Look at the training images, and try the validation.

        Raises:
            UserError: here or on another rank, the images have a size that a part of the model cannot take, the
                validation fails, or a hook chooses by a score that it does not give.
        """
        with agree():
            _check_sizes(runner)
            if runner.val_loop is not None:
                _check_choices(runner, _scores(runner, runner.val_loop, 'val'))

    def before_test(self, runner: Runner) -> None:
        """Try the test.

        Raises:
            UserError: it fails, here or on another rank.
        """
        with agree():
            _scores(runner, runner.test_loop, 'test')


def _scores(runner: Runner, loop: BaseLoop, mode: str) -> list[str] | None:
    """Return the names of an evaluation's scores; None where one image is too few to find out, or another rank does."""
    found: list[list[str] | None] = []
    with _as_it_was(runner), torch.no_grad():
        for network in getattr(loop, 'networks', ('student',)):
            with getattr(loop, 'predicting', nullcontext)(network):
                names = _scores_of_one_image(runner, loop, mode)
            found.append(names if network == 'student' else names and [f'{network}/{name}' for name in names])
    return None if None in found else [name for names in found for name in names]


def _scores_of_one_image(runner: Runner, loop: BaseLoop, mode: str) -> list[str] | None:
    try:
        dataset = loop.dataloader.dataset
        batch = loop.dataloader.collate_fn([dataset[0]])
        step = runner.model.val_step if mode == 'val' else runner.model.test_step  # that of --tta has the latter
        loop.evaluator.process(data_samples=step(batch), data_batch=batch)
    except Exception as error:
        raise _refusal(error, mode) from error
    try:
        if _computes(loop.evaluator):
            return list(_alone(loop.evaluator).evaluate(1))
    except Exception as error:
        if _on_purpose(error):
            raise _refusal(error, mode) from error
    _forget(loop.evaluator)
    return None


def _computes(evaluator: Evaluator) -> bool:
    """Tell whether this rank can find the scores alone: not where a metric exchanges results in a way of its own."""
    own_way = any(type(metric).evaluate is not BaseMetric.evaluate for metric in evaluator.metrics)
    return get_world_size() == 1 or (is_main_process() and not own_way)


def _alone(evaluator: Evaluator) -> Evaluator:
    """Return an evaluator of the same metrics that asks no other rank."""
    if get_world_size() == 1:
        return evaluator
    alone = copy.copy(evaluator)
    alone.metrics = [_OwnResults(metric) for metric in evaluator.metrics]
    return alone


class _OwnResults:
    """A metric's ``evaluate`` without the other ranks; mmengine's own lets those wait for rank 0, if it fails, too."""

    def __init__(self, metric: BaseMetric) -> None:
        self.metric = metric

    def evaluate(self, size: int) -> dict:
        """Score this process's results alone, and forget them."""
        scores = self.metric.compute_metrics(_to_cpu(self.metric.results[:size]))
        self.metric.results.clear()
        return {f'{self.metric.prefix}/{key}' if self.metric.prefix else key: value for key, value in scores.items()}


def _check_sizes(runner: Runner) -> None:
    """Show the size of prepared training images to the parts that have a ``check_size``, small ones to the encoder."""
    model = bare_model(runner)
    asking = [(name, part) for name, part in model.named_modules() if hasattr(part, 'check_size')]
    network = getattr(model, 'student', model)
    if not asking and not hasattr(network, 'extract_feat'):
        return
    dataset, collate = runner.train_loop.dataloader.dataset, runner.train_loop.dataloader.collate_fn
    with _as_it_was(runner), torch.no_grad():
        batch = collate([dataset[0], dataset[len(dataset) - 1]])  # one of each domain
        inputs = model.data_preprocessor(batch, training=True)['inputs']
        size = tuple(inputs.shape[-2:])
        if min(size) < SMALL and hasattr(network, 'extract_feat'):
            _check_small(network, inputs)
    for name, part in asking:
        try:
            part.check_size(size)
        except ValueError as error:
            raise UserError(
                f'the training images do not suit {name or "the model"} ({type(part).__name__}): {error}'
            ) from error


def _check_small(network: nn.Module, inputs: Tensor) -> None:
    """Check that the maps of images ``[B, 3, H, W]`` keep a place in every stage; what else fails the step will say."""
    try:
        network.extract_feat(inputs)
    except RuntimeError as error:
        if TOO_SMALL.search(str(error)):
            height, width = inputs.shape[-2:]
            raise UserError(
                f'training images of {height}×{width} pixels are too small for the encoder ({text_of(error)}): make '
                'them larger, by crop_size or in the pipelines of train_dataloader'
            ) from error


def _forget(evaluator: Evaluator) -> None:
    """Take the image out of the metrics, which keep what they could not score for the first validation."""
    for metric in evaluator.metrics:
        metric.results.clear()


def _check_choices(runner: Runner, scores: list[str] | None) -> None:
    for hook in runner.hooks if scores is not None else ():
        for attribute in CHOOSE_BY:
            wanted = getattr(hook, attribute, None)
            for name in [wanted] if isinstance(wanted, str) else wanted or ():
                if name != 'auto' and name not in scores:
                    raise UserError(
                        f"{type(hook).__name__} has {attribute}='{name}', but the validation gives "
                        f'{", ".join(scores)}{did_you_mean(name, scores)}'
                    )


def _refusal(error: Exception, mode: str) -> UserError:
    """Return the sentence about an evaluation that fails."""
    sentence = explain(error)
    if sentence is None:
        place = traceback.extract_tb(error.__traceback__)[-1]
        sentence = f'{text_of(error)} ({type(error).__name__} in {Path(place.filename).name}:{place.lineno})'
    return UserError(
        f'the evaluation of {mode}_dataloader fails on its first image: {sentence}; check {mode}_dataloader, '
        f"{mode}_evaluator and the model's test_cfg"
    )


def _on_purpose(error: Exception) -> bool:
    line = traceback.extract_tb(error.__traceback__)[-1].line or ''
    return line.strip().startswith(('raise ', 'assert '))


@contextmanager
def _as_it_was(runner: Runner) -> Iterator[None]:
    """Evaluate quietly; give back the random states and the network's mode."""
    states = random.getstate(), np.random.get_state()
    training, logger = runner.model.training, MMLogger.get_current_instance()
    level = logger.level
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    runner.model.eval()
    try:
        with torch.random.fork_rng(devices), warnings.catch_warnings():
            warnings.simplefilter('ignore')  # means of classes that one image does not show
            logger.setLevel(logging.WARNING)
            yield
    finally:
        logger.setLevel(level)
        runner.model.train(training)
        random.setstate(states[0])
        np.random.set_state(states[1])
