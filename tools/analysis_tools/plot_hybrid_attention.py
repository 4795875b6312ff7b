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
from pathlib import Path

import numpy as np
import torch
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from reporting import add_picture, check_picture, save_picture
from torch import nn

from mmuda import compat
from mmuda.apis import ToolParser, UserError, at_least, check_data_roots, load_config, run_tool
from mmuda.apis.hybrid_groups import build_hybrid_network, load_batch, observe
from mmuda.apis.tables import markdown
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


def parse_batch(text: str) -> tuple[int, int]:
    """Parse `2+3` -> (2, 3)."""
    parts = text.split('+')
    if len(parts) != 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise UserError(f'--batch {text} is no number of source + target images: give one such as 2+2')
    return int(parts[0]), int(parts[1])


def tables(report: AttentionReport) -> str:
    """Return the numbers of the picture, Markdown."""
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
    """Return what is drawn, in one line."""
    backbone = network.backbone
    groups = 'no groups' if backbone.strategy == 'none' else f'{backbone.strategy} groups'
    weights = f'weights of {Path(checkpoint).name}' if checkpoint else 'random weights'
    return f'{Path(config).stem}\n{groups}, direction {backbone.direction}, {weights}'


def main() -> None:
    args = parse_args()
    check_picture(args)
    counts = parse_batch(args.batch)
    compat.apply()
    MMLogger.get_current_instance().setLevel('WARNING')  # mmengine would list every parameter
    torch.manual_seed(args.seed)
    cfg = load_config(args.config, args.cfg_options)
    check_data_roots(cfg, 'train')
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmuda')):
        network = build_hybrid_network(cfg, args.config, args.checkpoint)
        batch = load_batch(cfg, counts, args.seed)
    report = observe(network, batch, headline(network, args.config, args.checkpoint))
    save_picture(attention_figure(report), args)
    print(tables(report))
    print(f'\n{args.out}: {len(report.images)} images')


if __name__ == '__main__':
    run_tool(main)
