"""What a validation or a test does when its images have no labels."""

from __future__ import annotations

from mmengine.logging import print_log
from mmengine.runner import Runner
from torch import nn

from mmuda.datasets.label_free import has_labels, load_no_labels

from .errors import UserError


def check_validation_labels(runner: Runner) -> None:
    """Refuse a training whose validation could not score anything.

    Raises:
        UserError: Validation images without labels.
    """
    if runner.val_loop is not None and not has_labels(runner.val_loop.dataloader.dataset):
        raise UserError(
            'the images of val_dataloader have no labels to score: give their data_prefix.seg_map_path (of a '
            'classifier labelled=True), or train without validation by val_dataloader=None val_cfg=None '
            'val_evaluator=None'
        )


def score_only_labels(runner: Runner, writes: bool) -> None:
    """Let a test of images without labels load none and score none.

    Raises:
        UserError: Such a test that does not write its predictions either.
    """
    dataset = runner.test_loop.dataloader.dataset
    if has_labels(dataset):
        return
    if not writes:
        raise UserError('the test images have no labels to score: write predictions by --out or --show-dir')
    load_no_labels(dataset)
    runner.test_loop.evaluator.metrics = []
    print_log('The test images have no labels: predictions are written, and there is no score.', logger='current')


def check_segments(model: nn.Module) -> None:
    """Refuse pictures of a model that predicts no label maps.

    Raises:
        UserError: A classifier.
    """
    if not hasattr(getattr(model, 'student', model), 'decode_head'):
        raise UserError(f'--show-dir paints label maps, and {type(model).__name__} classifies here: use --out')
