"""Attention weights between layers over training (ACDA, Eq. 4), mean and standard deviation over seeds.

    python tools/analysis_tools/plot_cross_layer.py 'ACDA=work_dirs/acda_s*' --out weights.png \\
        --layers layer2 layer3 layer4

Reads `acda.w_i_j` of the runs' logs: the weight of target layer i and source layer j, whose rows sum to 1. Above are
heat maps of some iterations, below a curve each pair.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path

from reporting import add_picture, check_picture, save_picture
from runs import add_groups, curve_of, find_groups

from mmuda.apis import ToolParser, UserError, at_least, run_tool
from mmuda.apis.run_log import read_log
from mmuda.visualization import LayerWeights, cross_layer_figure


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__.splitlines()[0])
    add_groups(parser)
    add_picture(parser)
    parser.add_argument('--term', default='acda', help='name of the term among the terms of the model (default: acda)')
    parser.add_argument(
        '--layers', nargs='+', metavar='NAME', help='names of the layers (default: layer 1, layer 2, ...)'
    )
    parser.add_argument('--maps', type=at_least(1), default=4, help='iterations with a heat map (default: 4)')
    return parser.parse_intermixed_args()  # groups may stand after options


def weights_of(runs: dict[Path, list[dict]], term: str) -> LayerWeights:
    """Return the weights of a group, of as many layers as it has logged."""
    logged = {key for rows in runs.values() for row in rows for key in row if key.startswith(f'{term}.w_')}
    m = round(len(logged) ** 0.5)
    names = {(i, j): f'{term}.w_{i}_{j}' for i, j in product(range(1, m + 1), repeat=2)}
    if not logged or logged != set(names.values()):
        raise UserError(
            f"{next(iter(runs))} and the other runs of its group have logged {len(logged)} keys '{term}.w_i_j', which "
            'are no weights of m x m pairs of layers: has the term another name (--term), or have the runs several m?'
        )
    curves = {pair: curve_of(runs, name) for pair, name in names.items()}
    return LayerWeights([[curves[i, j] for j in range(1, m + 1)] for i in range(1, m + 1)])


def check_layers(groups: dict[str, LayerWeights], layers: list[str] | None) -> None:
    """Refuse groups of several m, and names for another m."""
    counts = {name: len(weights.curves) for name, weights in groups.items()}
    for name, count in counts.items():
        first, m = next(iter(counts.items()))
        if count != m:
            raise UserError(f"'{first}' has weights of {m} layers and '{name}' of {count}: draw them apart")
    if layers and len(layers) != m:
        raise UserError(f'--layers has {len(layers)} names, but there are {m} layers: give one each')


def main() -> None:
    args = parse_args()
    check_picture(args)
    groups = {}
    for name, paths in find_groups(args.groups).items():
        groups[name] = weights_of({path: read_log(path) for path in paths}, args.term)
    check_layers(groups, args.layers)
    title = 'Attention weights w_ij of target layer i and source layer j, mean and standard deviation over runs'
    save_picture(cross_layer_figure(groups, args.layers, args.maps, title), args)
    for name, weights in groups.items():
        rows = '; '.join(' '.join(f'{value:.3f}' for value in row) for row in weights.mean[-1])
        print(f'{name}: weights at iteration {weights.steps[-1]}, a row a target layer: {rows}')
    print(f'{args.out}: {sum(weights.runs for weights in groups.values())} runs')


if __name__ == '__main__':
    run_tool(main)
