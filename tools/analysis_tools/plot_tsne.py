"""t-SNE of a classifier's bottleneck features, both domains in one plane.

    python tools/analysis_tools/plot_tsne.py configs/cdan/cdan_lenet_mnist2usps.py CHECKPOINT --out tsne.png

The target's labels colour the right half of the picture; nothing else reads them. Needs scikit-learn.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from features import features_of
from reporting import add_picture, check_picture, save_picture
from trained import add_arguments

from mmuda.apis import ToolParser, UserError, at_least, run_tool
from mmuda.visualization import embedding_figure


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__.splitlines()[0])
    add_arguments(parser)
    add_picture(parser)
    parser.add_argument('--perplexity', type=at_least(1.0), default=30.0, help='of t-SNE (default: 30)')
    return parser.parse_args()


def embed(features: np.ndarray, perplexity: float, seed: int) -> np.ndarray:
    """Embed `[N, C]` -> `[N, 2]`."""
    try:
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise UserError('t-SNE needs scikit-learn, which is not installed: pip install scikit-learn') from error
    if perplexity >= len(features):
        raise UserError(f'--perplexity {perplexity:g} is not below the number of images, {len(features)}: lower it')
    return TSNE(perplexity=perplexity, init='pca', random_state=seed).fit_transform(features)


def main() -> None:
    args = parse_args()
    check_picture(args)
    found = features_of(args)
    points = embed(torch.cat((found.source, found.target)).numpy(), args.perplexity, args.seed)
    labels = torch.cat((found.source_labels, found.target_labels)).numpy()
    title = f't-SNE of {Path(args.config).stem}, {Path(args.checkpoint).name}'
    save_picture(embedding_figure(points, len(found.source), labels, found.classes, title), args)
    print(f'{args.out}: {len(found.source)} source and {len(found.target)} target images')


if __name__ == '__main__':
    run_tool(main)
