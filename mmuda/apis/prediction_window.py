"""Show what a model predicts, image by image, in a window."""

from __future__ import annotations

import os
import sys

import matplotlib
from mmengine import dist
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmuda.visualization import overlay, palette_of

from .errors import UserError
from .predictions import Classified, as_rgb, load_again, prediction_of


class PredictionWindow(Hook):
    """Shows each image of a test with its label map painted over, or with its class as the title.

    Args:
        seconds: For which each is shown; 0 until a key is pressed.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: list | None = None
    ) -> None:
        """Show the batch that was just predicted, in the first process."""
        dataset = runner.test_dataloader.dataset
        classes = dataset.metainfo.get('classes') or ()
        palette = palette_of(dataset.metainfo, len(classes))
        for sample in outputs if dist.is_main_process() else ():
            predicted, title = prediction_of(sample, classes), os.path.basename(sample.img_path)
            picture = as_rgb(load_again(dataset, sample.img_path))
            if isinstance(predicted, Classified):
                title += f': {predicted.name} {predicted.scores[predicted.label]:.2f}'
            else:
                picture = overlay(picture, predicted, palette)
            runner.visualizer.show(picture, title, self.seconds)


def check_display() -> None:
    """Refuse to show where nothing can be shown.

    Raises:
        UserError: No display.
    """
    unix = sys.platform.startswith('linux')
    if unix and not (os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY')):
        raise UserError(
            '--show opens a window, and this machine has no display (DISPLAY is not set): use --show-dir DIR'
        )
    if matplotlib.get_backend().lower() == 'agg':
        raise UserError(
            "--show opens a window by matplotlib, whose backend is 'agg', which has none: unset MPLBACKEND, install "
            'tkinter or PyQt, or use --show-dir DIR'
        )
