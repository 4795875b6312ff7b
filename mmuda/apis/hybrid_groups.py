"""Hybrid attention on a batch of training images: which tokens may attend to which, and how much of it crosses domains.

Images are drawn at random (no rare-class sampling) and seen plain, without the student's strong view; dropout is off.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS, MODELS
from torch import Tensor, nn

from mmuda.datasets import DomainDataset
from mmuda.datasets.samplers import DomainSampler
from mmuda.domain import DomainBatch, bind_domain_context, sort_by_domain
from mmuda.models.layers import HybridAttention
from mmuda.visualization import AttentionReport

from .checkpoint import load_weights, read_state
from .errors import UserError


def build_hybrid_network(cfg: Config, config: str, checkpoint: str | None) -> nn.Module:
    """Build the plain network, in evaluation but for its hybrid attention, which always mixes domains.

    Args:
        cfg: The config.
        config: Its path, for errors.
        checkpoint: Its weights; None for random ones.

    Raises:
        UserError: No domain sees the other in it.
    """
    weights = None if checkpoint is None else read_state(checkpoint)
    model_cfg = cfg.model.copy()
    backbone = model_cfg.get('student', model_cfg).backbone
    backbone.init_cfg = None
    if 'mha_prob' in backbone:
        backbone.mha_prob = 1.0
    if cfg.get('data_preprocessor') is not None:
        model_cfg.setdefault('data_preprocessor', cfg.data_preprocessor)
    model = MODELS.build(model_cfg)
    network = getattr(model, 'student', model)
    layers = [module for module in network.modules() if isinstance(module, HybridAttention)]
    if getattr(network.backbone, 'direction', None) == 'none':
        raise UserError(f"config {config} has direction='none', so no domain sees the other: choose another direction")
    if not layers:
        raise UserError(
            f'config {config} has no hybrid attention, its backbone is {type(network.backbone).__name__}: '
            "set the backbone's type='mmuda.MHAMixVisionTransformer' and its mha_stages"
        )
    if weights is None:
        network.backbone.init_weights()
    else:
        load_weights(model, weights, checkpoint)
    network.eval()
    for layer in layers:
        layer.training, layer.attn.dropout = True, 0.0  # the layer alone: its other dropouts stay off
    return network.to('cuda' if torch.cuda.is_available() else 'cpu')


def load_batch(cfg: Config, counts: tuple[int, int], seed: int) -> dict:
    """Load so many samples of the source and of the target of the training data, source first.

    Raises:
        UserError: There is no target, or a domain has fewer images.
    """
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    if not isinstance(dataset, DomainDataset) or len(dataset.sizes) == dataset.num_sources:
        raise UserError("the config's training data have no target: set dataset.target of an mmuda.DomainDataset")
    sizes = (sum(dataset.sizes[: dataset.num_sources]), dataset.sizes[-1])
    for domain, size, count in zip(('source', 'target'), sizes, counts):
        if size < count:
            raise UserError(f'the {domain} has {size} images, but {count} are asked for: ask for fewer')
    indices = iter(DomainSampler(dataset, counts, seed=seed))
    return pseudo_collate([dataset[next(indices)] for _ in range(sum(counts))])


@torch.no_grad()
def observe(network: nn.Module, batch: dict, title: str) -> AttentionReport:
    """Look at one pass of the encoder over a batch of :func:`load_batch`."""
    data, layout = sort_by_domain(batch)
    data = network.data_preprocessor(data, training=True)
    inputs, samples = data['inputs'], data['data_samples']
    label = torch.cat([sample.gt_sem_seg.data for sample in samples[: layout.num_source]])
    context = bind_domain_context(network)
    context.set(network.backbone.draw_groups(layout, inputs, label))
    masses = cross_domain_masses(network, inputs)
    order = in_pairs(layout)
    maps, shares = {}, {}
    if context.batch.groups is not None:
        maps, shares = describe_groups(network.backbone, context.batch.groups)
    return AttentionReport(
        images=list(as_pictures(network.data_preprocessor, inputs[order])),
        names=[name_of(layout, row) for row in order],
        source_mass={layer: mass[: layout.num_source] for layer, mass in masses.items()},
        target_mass={layer: mass[layout.num_source :] for layer, mass in masses.items()},
        maps={key: value[order] for key, value in maps.items()},
        shares=shares,
        title=title,
    )


def cross_domain_masses(network: nn.Module, inputs: Tensor) -> dict[tuple[int, int], np.ndarray]:
    """Measure [B] of every hybrid layer in one pass, by its (stage, block), counted from 1."""
    masses, handles = {}, []

    def watch(layer: HybridAttention, key: tuple[int, int]) -> None:
        def hook(module: nn.Module, args: tuple) -> None:
            masses[key] = layer.cross_domain_mass(*args[:2]).cpu().numpy()

        handles.append(layer.register_forward_pre_hook(hook))

    for stage, (_, blocks, _) in enumerate(network.backbone.layers, start=1):
        for number, block in enumerate(blocks, start=1):
            if isinstance(block.attn, HybridAttention):
                watch(block.attn, (stage, number))
    try:
        network.extract_feat(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return masses


def describe_groups(backbone: nn.Module, groups: Sequence[Tensor]) -> tuple[dict, dict]:
    """Return maps bool [B, h, w] of each hybrid stage and size of key grid, and shares [B] of the first group."""
    maps, keys, shares = {}, {}, {}
    for stage in backbone.mha_stages:
        layer, own = backbone.layers[stage][1][0].attn, groups[stage]
        grid = tuple(own.shape[-2:])
        reduced = (grid[0] // layer.sr_ratio, grid[1] // layer.sr_ratio)
        queries, seen = layer.token_groups(own)
        maps[f'stage {stage + 1}\n{grid[0]} × {grid[1]} queries'] = own.cpu().numpy()
        if reduced not in keys:
            title = f'stage {stage + 1}\n{reduced[0]} × {reduced[1]} keys'
            keys[reduced] = title, seen.unflatten(1, reduced).cpu().numpy()
        shares[f'stage {stage + 1} queries'] = queries.float().mean(1).cpu().numpy()
        shares[f'stage {stage + 1} keys'] = seen.float().mean(1).cpu().numpy()
    return maps | dict(keys.values()), shares


def as_pictures(preprocessor: nn.Module, inputs: Tensor) -> np.ndarray:
    """Turn network inputs [B, 3, H, W] into uint8 [B, H, W, 3], RGB."""
    x = inputs * getattr(preprocessor, 'std', 1) + getattr(preprocessor, 'mean', 0)
    if not getattr(preprocessor, 'channel_conversion', True):
        x = x.flip(1)
    return x.round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()


def in_pairs(layout: DomainBatch) -> list[int]:
    """Return the rows of the batch, every source image followed by its target; each row once."""
    rows = []
    for source, target in enumerate(layout.target_of_source()):
        rows += [source, layout.num_source + target]
    return list(dict.fromkeys([*rows, *range(len(layout))]))


def name_of(layout: DomainBatch, row: int) -> str:
    """Name a row: `source 1`, `target 1`, …"""
    return f'source {row + 1}' if row < layout.num_source else f'target {row - layout.num_source + 1}'
