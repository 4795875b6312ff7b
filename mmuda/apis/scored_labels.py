"""What a validation or a test does when its images have no labels."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch import nn

from mmuda.datasets.label_free import has_labels, load_no_labels

from .errors import UserError


def check_validation_labels(runner: Runner) -> None:
    """Refuse a training whose validation could not score anything; metrics that need no labels can.

    Raises:
        UserError: Validation images without labels.
    """
    if runner.val_loop is None or has_labels(runner.val_loop.dataloader.dataset):
        return
    metrics = runner.val_loop.evaluator.metrics
    if not metrics or len(_label_free(metrics)) < len(metrics):
        raise UserError(
            'the images of val_dataloader have no labels to score: give their data_prefix.seg_map_path (of a '
            "classifier labelled=True), judge without labels by val_evaluator=dict(type='mmuda.LabelFreeMetric'), or "
            'train without validation by val_dataloader=None val_cfg=None val_evaluator=None'
        )
    load_no_labels(runner.val_loop.dataloader.dataset)


def score_only_labels(runner: Runner, writes: bool) -> None:
    """Let a test of images without labels load none, and score only by metrics that need none.

    Raises:
        UserError: Such a test without such a metric that does not write its predictions either.
    """
    dataset, evaluator = runner.test_loop.dataloader.dataset, runner.test_loop.evaluator
    if has_labels(dataset):
        return
    label_free = _label_free(evaluator.metrics)
    if not writes and not label_free:
        raise UserError('the test images have no labels to score: write predictions by --out or --show-dir')
    load_no_labels(dataset)
    evaluator.metrics = label_free
    said = 'and criteria without labels stand for a score' if label_free else 'and there is no score'
    print_log(f'The test images have no labels: predictions are {"written" if writes else "made"}, {said}.', 'current')


def _label_free(metrics: Sequence[BaseMetric]) -> list[BaseMetric]:
    return [metric for metric in metrics if not getattr(metric, 'needs_labels', True)]


def segments(model: nn.Module) -> bool:
    """Tell whether a model, or its student, predicts label maps."""
    return hasattr(getattr(model, 'student', model), 'decode_head')


def check_segments(model: nn.Module) -> None:
    """Refuse pictures of a model that predicts no label maps.

    Raises:
        UserError: A classifier.
    """
    if not segments(model):
        raise UserError(f'--show-dir paints label maps, and {type(model).__name__} classifies here: use --out')
