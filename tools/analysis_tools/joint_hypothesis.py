"""Error of the ideal joint hypothesis, lambda: one linear classifier of bottleneck features for both domains.

    python tools/analysis_tools/joint_hypothesis.py configs/cdan/cdan_lenet_mnist2usps.py CHECKPOINT

Small where a classifier can be right in both domains at once, 2 where it never is. It is trained and tested, by
cross-validation, with the labels of both: **the target's labels are used**, so this is for analysis only, and nothing
to choose a model or a setting by.
"""

from __future__ import annotations

import argparse

from features import features_of
from trained import add_arguments

from mmuda.apis import ToolParser, UserError, run_tool
from mmuda.functional import joint_errors


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__.splitlines()[0])
    add_arguments(parser)
    parser.add_argument('--folds', type=int, default=5, help='of the cross-validation (default: 5)')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    found = features_of(args)
    try:
        source, target = joint_errors(found.source, found.target, found.source_labels, found.target_labels, args.folds)
    except ValueError as error:
        raise UserError(f'--folds and --samples do not fit: {error}') from error
    print(f'lambda {source + target:.3f} = source error {source:.3f} + target error {target:.3f}')
    print(
        f'({len(found.source)} source and {len(found.target)} target images, {args.folds} folds; '
        "uses the target's labels: for analysis only)"
    )


if __name__ == '__main__':
    run_tool(main)
