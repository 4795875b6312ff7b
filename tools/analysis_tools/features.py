"""Bottleneck features of both domains, for the tools that look at them: no command of its own."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import torch
from mmengine.config import Config, DictAction
from mmengine.dataset import pseudo_collate
from mmengine.logging import MMLogger
from mmengine.registry import DATASETS, DefaultScope
from torch import Tensor, nn

from mmuda import compat
from mmuda.apis import UserError, check_data_roots, load_config
from mmuda.apis.inferencer import build_network
from mmuda.models.layers import set_eval_domain


@dataclass(frozen=True)
class Features:
    """Of the source `[N_s, C]`, of the target `[N_t, C]`, both with their classes, and the classes' names."""

    source: Tensor
    target: Tensor
    source_labels: Tensor
    target_labels: Tensor
    classes: list[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What every tool on features asks for."""
    parser.add_argument('config', help='config of a classifier with data of two domains')
    parser.add_argument('checkpoint', help='its checkpoint')
    parser.add_argument('--samples', type=int, default=500, help='images of each domain, at random (default: 500)')
    parser.add_argument('--seed', type=int, default=0, help='of the choice of images (default: 0)')
    parser.add_argument(
        '--source-norms',
        choices=['source', 'target'],
        default='source',
        help="whose running statistics normalise the source's images in TransNorm and its relatives (default: source, "
        'as in training; target is what evaluation does)',
    )
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='override settings')


def features_of(args: argparse.Namespace) -> Features:
    """Source training images and target test images through the test pipeline and the network in evaluation."""
    compat.apply()
    MMLogger.get_current_instance().setLevel('WARNING')
    cfg = load_config(args.config, args.cfg_options)
    parts = _parts(cfg, args.config)
    check_data_roots(cfg, 'train', 'test')
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmuda')):
        model = build_network(cfg, args.checkpoint)
        network = getattr(model, 'student', model)
        if not hasattr(network, 'head'):
            raise UserError(
                f'config {args.config} has a {type(network).__name__}, no classifier: choose another config'
            )
        network.to('cuda' if torch.cuda.is_available() else 'cpu').eval()
        found = []
        for part, domain in zip(parts, (args.source_norms, 'target')):
            set_eval_domain(network, domain)
            found.append(_extract(network, DATASETS.build(part), args.samples, args.seed))
    (source, source_labels, classes), (target, target_labels, _) = found
    return Features(source, target, source_labels, target_labels, classes)


def _parts(cfg: Config, path: str) -> tuple[dict, dict]:
    """Configs of the source's and of the target's images, with one pipeline."""
    target, source = cfg.test_dataloader.dataset, cfg.train_dataloader.dataset.get('source')
    if isinstance(source, (list, tuple)) or source is None:
        raise UserError(f'config {path} has no single source: give train_dataloader.dataset.source one data set')
    return dict(source, pipeline=target.pipeline), target


@torch.no_grad()
def _extract(network: nn.Module, dataset, count: int, seed: int) -> tuple[Tensor, Tensor, list[str]]:
    """Features `[N, C]`, classes `[N]` and their names of `count` images, or of all if there are fewer."""
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(seed))[:count].tolist()
    features, labels = [], []
    for start in range(0, len(order), 32):
        batch = pseudo_collate([dataset[i] for i in order[start : start + 32]])
        data = network.data_preprocessor(batch)
        feature = network.extract_feat(data['inputs'])
        feature = feature[-1] if isinstance(feature, (list, tuple)) else feature
        features.append(feature.flatten(2).mean(2).cpu() if feature.ndim > 2 else feature.cpu())
        labels += [int(sample.gt_label) for sample in batch['data_samples']]
    return torch.cat(features), torch.tensor(labels), list(dataset.metainfo['classes'])
