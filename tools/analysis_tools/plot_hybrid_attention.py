"""Draw hybrid attention on a batch of training images: who may attend to whom, and who does.

    python tools/analysis_tools/plot_hybrid_attention.py configs/stct/gta2cs.py work_dirs/gta2cs/iter_40000.pth \\
        --out attention.png

The picture shows the images, the two groups of tokens on the grid of every stage, the share of tokens in each
group, and for every layer the share of attention that goes to the other domain; the numbers are printed, too.
Images are drawn at random (no rare-class sampling) and seen plain, without the student's strong view; dropout
is off. Without a checkpoint the weights are random.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.logging import MMLogger
from mmengine.registry import DATASETS, MODELS, DefaultScope
from reporting import add_picture, check_picture, save_picture
from torch import Tensor, nn

from mmuda import compat
from mmuda.apis import ToolParser, UserError, at_least, check_data_roots, load_checkpoint, load_config, run_tool
from mmuda.apis.tables import markdown
from mmuda.datasets import DomainDataset
from mmuda.datasets.samplers import DomainSampler
from mmuda.domain import DomainBatch, bind_domain_context, sort_by_domain
from mmuda.models.layers import HybridAttention
from mmuda.visualization import AttentionReport, attention_figure


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='config of a network with hybrid attention')
    parser.add_argument('checkpoint', nargs='?', help='checkpoint of it (default: random weights)')
    add_picture(parser)
    parser.add_argument('--batch', default='2+2', metavar='S+T', help='source + target images (default: 2+2)')
    parser.add_argument(
        '--seed', type=at_least(0), default=0, help='of images, crops, groups and random weights (default: 0)'
    )
    parser.add_cfg_options()
    return parser.parse_intermixed_args()  # the checkpoint may stand after options


def build_network(cfg: Config, config: str, checkpoint: str | None) -> nn.Module:
    """The plain network, in evaluation but for its hybrid attention, which always mixes domains."""
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
    if checkpoint is None:
        network.backbone.init_weights()
    else:
        load_checkpoint(model, checkpoint)
    network.eval()
    for layer in layers:
        layer.training, layer.attn.dropout = True, 0.0  # the layer alone: its other dropouts stay off
    return network.to('cuda' if torch.cuda.is_available() else 'cpu')


def load_batch(cfg: Config, batch: str, seed: int) -> dict:
    """Samples of the training data set, source first."""
    counts = parse_batch(batch)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    if not isinstance(dataset, DomainDataset) or len(dataset.sizes) == dataset.num_sources:
        raise UserError("the config's training data have no target: set dataset.target of an mmuda.DomainDataset")
    sizes = (sum(dataset.sizes[: dataset.num_sources]), dataset.sizes[-1])
    for domain, size, count in zip(('source', 'target'), sizes, counts):
        if size < count:
            raise UserError(f'the {domain} has {size} images, but --batch {batch} asks for {count}: ask for fewer')
    indices = iter(DomainSampler(dataset, counts, seed=seed))
    return pseudo_collate([dataset[next(indices)] for _ in range(sum(counts))])


def parse_batch(text: str) -> tuple[int, int]:
    """`2+3` -> (2, 3)."""
    parts = text.split('+')
    if len(parts) != 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise UserError(f'--batch {text} is no number of source + target images: give one such as 2+2')
    return int(parts[0]), int(parts[1])


@torch.no_grad()
def observe(network: nn.Module, batch: dict, title: str) -> AttentionReport:
    """One pass of the encoder over a batch."""
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
        names=[name(layout, row) for row in order],
        source_mass={layer: mass[: layout.num_source] for layer, mass in masses.items()},
        target_mass={layer: mass[layout.num_source :] for layer, mass in masses.items()},
        maps={key: value[order] for key, value in maps.items()},
        shares=shares,
        title=title,
    )


def cross_domain_masses(network: nn.Module, inputs: Tensor) -> dict[tuple[int, int], np.ndarray]:
    """(stage, block), counted from 1 -> [B], of every hybrid layer in one pass."""
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
    """Maps bool [B, h, w] of every hybrid stage and of each size of key grid, and the shares [B] of the first group."""
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
    """Network inputs [B, 3, H, W] -> uint8 [B, H, W, 3], RGB."""
    x = inputs * getattr(preprocessor, 'std', 1) + getattr(preprocessor, 'mean', 0)
    if not getattr(preprocessor, 'channel_conversion', True):
        x = x.flip(1)
    return x.round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()


def in_pairs(layout: DomainBatch) -> list[int]:
    """Rows of the batch, every source image followed by its target; each row once."""
    rows = []
    for source, target in enumerate(layout.target_of_source()):
        rows += [source, layout.num_source + target]
    return list(dict.fromkeys([*rows, *range(len(layout))]))


def name(layout: DomainBatch, row: int) -> str:
    """`source 1`, `target 1`, …"""
    return f'source {row + 1}' if row < layout.num_source else f'target {row - layout.num_source + 1}'


def tables(report: AttentionReport) -> str:
    """The numbers of the picture, Markdown."""
    blocks = [('layer', "source's queries", "target's queries")]
    for stage, block in report.source_mass:
        means = (np.mean(mass[stage, block]) for mass in (report.source_mass, report.target_mass))
        blocks.append((f'stage {stage}, block {block}', *(f'{mean:.3f}' for mean in means)))
    text = f'Attention that goes to the other domain:\n\n{markdown(blocks)}'
    if not report.shares:
        return text
    shares = [('tokens', 'first group', 'second group', 'first group, image by image')]
    for key, values in report.shares.items():
        each = ' '.join(f'{value:.3f}' for value in values)
        shares.append((key, f'{np.mean(values):.3f}', f'{1 - np.mean(values):.3f}', each))
    return f'Share of tokens (images: sources, then targets):\n\n{markdown(shares)}\n\n{text}'


def headline(network: nn.Module, config: str, checkpoint: str | None) -> str:
    """What is drawn, in one line."""
    backbone = network.backbone
    groups = 'no groups' if backbone.strategy == 'none' else f'{backbone.strategy} groups'
    weights = f'weights of {Path(checkpoint).name}' if checkpoint else 'random weights'
    return f'{Path(config).stem}\n{groups}, direction {backbone.direction}, {weights}'


def main() -> None:
    args = parse_args()
    check_picture(args)
    compat.apply()
    MMLogger.get_current_instance().setLevel('WARNING')  # mmengine would list every parameter
    torch.manual_seed(args.seed)
    cfg = load_config(args.config, args.cfg_options)
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmuda')):
        network = build_network(cfg, args.config, args.checkpoint)
        check_data_roots(cfg, 'train')
        batch = load_batch(cfg, args.batch, args.seed)
    report = observe(network, batch, headline(network, args.config, args.checkpoint))
    save_picture(attention_figure(report), args)
    print(tables(report))
    print(f'\n{args.out}: {len(report.images)} images')


if __name__ == '__main__':
    run_tool(main)
