"""A trained network and images of both its domains, for the tools that look inside: no command of its own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.logging import MMLogger
from mmengine.registry import DATASETS, DefaultScope
from mmengine.utils import track_iter_progress
from torch import Tensor, nn

from mmuda import compat
from mmuda.apis import ToolParser, UserError, at_least, check_config, check_data_roots, load_config
from mmuda.apis.inferencer import build_network
from mmuda.models.layers import set_eval_domain


@dataclass(frozen=True)
class Trained:
    """The network in evaluation; its data sets by domain, both with the test pipeline; what it normalises them with.

    Args:
        network: On the device where it runs.
        datasets: The source's training images and the target's test images.
        norms: By domain, whose running statistics normalise its images in two-domain norms.
        batch_size: That of the config's tests.
    """

    network: nn.Module
    datasets: dict[str, torch.utils.data.Dataset]
    norms: dict[str, str]
    batch_size: int

    def batches(self, domain: str, count: int, seed: int) -> Iterator[tuple[Tensor, list, list[Tensor]]]:
        """Yield batches of `count` random images, or of all if fewer: inputs `[B, C, H, W]`, samples, plain images.

        The network is set to evaluate images of the domain meanwhile; a progress bar goes to stderr.
        """
        dataset = self.datasets[domain]
        order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(seed))[:count].tolist()
        chunks = [order[start : start + self.batch_size] for start in range(0, len(order), self.batch_size)]
        set_eval_domain(self.network, self.norms[domain])
        for chunk in track_iter_progress(chunks, file=sys.stderr) if len(chunks) > 1 else chunks:
            batch = pseudo_collate([dataset[i] for i in chunk])
            images, samples = batch['inputs'], batch['data_samples']
            yield self.network.data_preprocessor(batch)['inputs'], samples, images


def add_arguments(parser: ToolParser) -> None:
    """Ask for what every tool on a trained network needs."""
    parser.add_argument('config', help='config with data of two domains')
    parser.add_argument('checkpoint', help='its checkpoint')
    parser.add_argument(
        '--samples', type=at_least(1), default=500, help='images of each domain, at random (default: 500)'
    )
    parser.add_argument('--seed', type=at_least(0), default=0, help='of the choice of images (default: 0)')
    parser.add_argument(
        '--source-norms',
        choices=['source', 'target'],
        default='source',
        help="whose running statistics normalise the source's images in TransNorm and its relatives (default: source, "
        'as in training; target is what evaluation does)',
    )
    parser.add_cfg_options()


def open_trained(args: argparse.Namespace) -> Trained:
    """Return the network of the arguments' config with the checkpoint's weights, and its data."""
    compat.apply()
    MMLogger.get_current_instance().setLevel('WARNING')
    cfg = load_config(args.config, args.cfg_options)
    check_config(cfg, 'infer')
    parts = _parts(cfg, args.config)
    check_data_roots(cfg, 'train', 'test')
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmuda')):
        model = build_network(cfg, args.checkpoint)
        datasets = {domain: DATASETS.build(part) for domain, part in parts.items()}
    network = getattr(model, 'student', model)
    network.to('cuda' if torch.cuda.is_available() else 'cpu').eval()
    norms = dict(source=args.source_norms, target='target')
    return Trained(network, datasets, norms, cfg.test_dataloader.get('batch_size', 1))


def _parts(cfg: Config, path: str) -> dict[str, dict]:
    """Return the configs of the source's and of the target's images, with one pipeline."""
    target, source = cfg.test_dataloader.dataset, cfg.train_dataloader.dataset.get('source')
    if isinstance(source, (list, tuple)) or source is None:
        raise UserError(f'config {path} has no single source: give train_dataloader.dataset.source one data set')
    return dict(source=dict(source, pipeline=target.pipeline), target=target)
