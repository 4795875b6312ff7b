"""t-SNE of a classifier's bottleneck features, both domains in one plane.

    python tools/analysis_tools/plot_tsne.py configs/cdan/cdan-e_lenet_mnist2usps.py CHECKPOINT --out tsne.png

The target's labels colour the right half of the picture; nothing else reads them. Needs scikit-learn.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from features import add_arguments, features_of

from mmuda.apis import UserError, check_work_dir, run_tool
from mmuda.visualization import embedding_figure

SUFFIXES = ('.png', '.jpg', '.pdf', '.svg')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser)
    parser.add_argument('--out', type=Path, required=True, help=f'picture to write: {", ".join(SUFFIXES)}')
    parser.add_argument('--perplexity', type=float, default=30.0, help='of t-SNE (default: 30)')
    parser.add_argument('--dpi', type=int, default=120, help='pixels an inch; 13 inches wide (default: 120)')
    return parser.parse_args()


def embed(features: np.ndarray, perplexity: float, seed: int) -> np.ndarray:
    """`[N, C]` -> `[N, 2]`."""
    try:
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise UserError('t-SNE needs scikit-learn, which is not installed: pip install scikit-learn') from error
    if perplexity >= len(features):
        raise UserError(f'--perplexity {perplexity:g} is not below the number of images, {len(features)}: lower it')
    return TSNE(perplexity=perplexity, init='pca', random_state=seed).fit_transform(features)


def main() -> None:
    args = parse_args()
    if args.out.suffix.lower() not in SUFFIXES:
        raise UserError(f'--out {args.out} has no suffix of a picture: use one of {", ".join(SUFFIXES)}')
    check_work_dir(args.out.parent)
    found = features_of(args)
    points = embed(torch.cat((found.source, found.target)).numpy(), args.perplexity, args.seed)
    labels = torch.cat((found.source_labels, found.target_labels)).numpy()
    title = f't-SNE of {Path(args.config).stem}, {Path(args.checkpoint).name}'
    args.out.parent.mkdir(parents=True, exist_ok=True)
    embedding_figure(points, len(found.source), labels, found.classes, title).savefig(args.out, dpi=args.dpi)
    print(f'{args.out}: {len(found.source)} source and {len(found.target)} target images')


if __name__ == '__main__':
    run_tool(main)
