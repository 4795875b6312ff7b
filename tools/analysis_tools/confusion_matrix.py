"""Which classes a network takes for which, on the test images of its config.

    python tools/analysis_tools/confusion_matrix.py CONFIG CHECKPOINT --out confusion.png

Draws the matrix, a row a true class, in % of it, and prints the largest confusions. The target's labels are used: to
understand a network, never to choose anything for a training.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.logging import MMLogger
from mmengine.registry import DATASETS, DefaultScope
from mmengine.utils import track_iter_progress
from reporting import add_picture, check_picture, save_picture
from torch import nn

from mmuda import compat
from mmuda.apis import ToolParser, UserError, at_least, check_config, check_data_roots, load_config, run_tool
from mmuda.apis.confusion import count_pairs, predicted_classes, true_classes
from mmuda.apis.inferencer import build_network
from mmuda.apis.shared_classes import checkpoint_classes, share_classes
from mmuda.apis.tables import markdown
from mmuda.datasets.label_free import has_labels
from mmuda.visualization import confusion_figure


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='config with labelled test images')
    parser.add_argument('checkpoint', help='its checkpoint')
    add_picture(parser)
    parser.add_predict_on()
    parser.add_argument('--largest', type=at_least(0), default=10, help='confusions to print (default: 10)')
    parser.add_cfg_options()
    return parser.parse_args()


@torch.inference_mode()
def confusion(model: nn.Module, dataset: torch.utils.data.Dataset, classes: int) -> np.ndarray:
    """Count ``[K, K]`` over a data set, by true and predicted class; a progress bar goes to stderr."""
    counts = np.zeros((classes, classes), int)
    for index in track_iter_progress(range(len(dataset)), file=sys.stderr):
        (sample,) = model.test_step(pseudo_collate([dataset[index]]))
        counts += count_pairs(true_classes(sample), predicted_classes(sample), classes)
    return counts


def largest(counts: np.ndarray, classes: Sequence[str], number: int) -> str:
    """Return a table of the confusions that cost a true class most, in % of it."""
    shares = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    np.fill_diagonal(shares, 0)
    order = np.argsort(-shares, axis=None, kind='stable')[:number]
    pairs = [divmod(int(place), len(classes)) for place in order]
    rows = [[classes[i], classes[j], f'{shares[i, j]:.1f}'] for i, j in pairs if shares[i, j] > 0]
    return markdown([['true', 'taken for', '%'], *rows])


def main() -> None:
    args = parse_args()
    check_picture(args)
    compat.apply()
    MMLogger.get_current_instance().setLevel('WARNING')
    cfg = load_config(args.config, args.cfg_options)
    check_config(cfg, 'test')
    check_data_roots(cfg, 'test')
    share_classes(cfg, checkpoint_classes(args.checkpoint))
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmuda')):
        dataset = DATASETS.build(cfg.test_dataloader.dataset)
        model = build_network(cfg, args.checkpoint, args.predict_on)
    if not has_labels(dataset):
        raise UserError('the test images have no labels to compare with: give a config whose test_dataloader has some')
    model.to('cuda' if torch.cuda.is_available() else 'cpu').eval()
    classes = list(dataset.metainfo['classes'])
    counts = confusion(model, dataset, len(classes))
    print(largest(counts, classes, args.largest))
    save_picture(confusion_figure(counts, classes, f'{args.predict_on} of {args.checkpoint}'), args)
    print(f'\n{args.out}: {len(dataset)} images')


if __name__ == '__main__':
    run_tool(main)
