"""Proxy A-distance of a classifier's bottleneck features: 2 (1 - 2 error) of a linear classifier between the domains.

    python tools/analysis_tools/a_distance.py configs/cdan/cdan_lenet_mnist2usps.py CHECKPOINT

2 means that the domains can be told apart, 0 that they cannot. No labels are used.
"""

from __future__ import annotations

import argparse

from features import features_of
from trained import add_arguments

from mmuda.apis import ToolParser, UserError, at_least, run_tool
from mmuda.functional import proxy_a_distance


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__.splitlines()[0])
    add_arguments(parser)
    parser.add_argument('--folds', type=at_least(2), default=5, help='of the cross-validation (default: 5)')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    found = features_of(args)
    try:
        distance = proxy_a_distance(found.source, found.target, args.folds)
    except ValueError as error:
        raise UserError(f'--folds and --samples do not fit: {error}') from error
    count = min(len(found.source), len(found.target))
    print(f'proxy A-distance {distance:.3f} ({count} images of each domain, {args.folds} folds)')


if __name__ == '__main__':
    run_tool(main)
