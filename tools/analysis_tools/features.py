"""Bottleneck features of both domains, for the tools that look at them: no command of its own."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import torch
from torch import Tensor
from trained import Trained, open_trained

from mmuda.apis import UserError


@dataclass(frozen=True)
class Features:
    """Of the source `[N_s, C]`, of the target `[N_t, C]`, both with their classes, and the classes' names."""

    source: Tensor
    target: Tensor
    source_labels: Tensor
    target_labels: Tensor
    classes: list[str]


def features_of(args: argparse.Namespace) -> Features:
    """Pass source training images and target test images through the test pipeline and the network in evaluation."""
    trained = open_trained(args)
    if not hasattr(trained.network, 'head'):
        kind = type(trained.network).__name__
        raise UserError(f'config {args.config} has the network {kind}, no classifier: choose another config')
    source, source_labels = _extract(trained, 'source', args)
    target, target_labels = _extract(trained, 'target', args)
    classes = list(trained.datasets['source'].metainfo['classes'])
    return Features(source, target, source_labels, target_labels, classes)


@torch.no_grad()
def _extract(trained: Trained, domain: str, args: argparse.Namespace) -> tuple[Tensor, Tensor]:
    """Return features `[N, C]` of the domain's images and their classes `[N]`."""
    features, labels = [], []
    for inputs, samples, _ in trained.batches(domain, args.samples, args.seed):
        feature = trained.network.extract_feat(inputs)
        feature = feature[-1] if isinstance(feature, (list, tuple)) else feature
        features.append(feature.flatten(2).mean(2).cpu() if feature.ndim > 2 else feature.cpu())
        labels += [int(sample.gt_label) for sample in samples]
    return torch.cat(features), torch.tensor(labels)
