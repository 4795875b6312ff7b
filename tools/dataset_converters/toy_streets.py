"""Paint the toy data set: street scenes by day (source) and at dusk (target).

python tools/dataset_converters/toy_streets.py --out data
"""

import argparse
import os

from mmuda.apis import ToolParser, UserError, at_least, check_out_dir, run_tool
from mmuda.datasets.errors import DataError
from mmuda.datasets.toy_scenes import ToyStreetsSpec, write_toy_streets


def parse_args() -> argparse.Namespace:
    """Parse the command line; every option of the pictures has its default in `ToyStreetsSpec`."""
    default = ToyStreetsSpec()
    parser = ToolParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', default='data', help='folder that will hold toy_streets/')
    parser.add_argument('--train', type=at_least(1), default=default.train, help='training pictures')
    parser.add_argument('--val', type=at_least(1), default=default.val, help='validation pictures')
    parser.add_argument(
        '--size', type=int, nargs=2, default=(default.width, default.height), metavar=('WIDTH', 'HEIGHT')
    )
    parser.add_argument('--seed', type=at_least(0), default=default.seed)
    parser.add_argument(
        '--shift',
        type=at_least(0.0),
        default=default.shift,
        help='distance of the target: 0 day, 1 dusk, more exaggerates',
    )
    parser.add_argument('--darkness', type=at_least(0.0), help='replaces this part of the shift')
    parser.add_argument('--glare', type=at_least(0.0), help='replaces this part of the shift')
    parser.add_argument('--noise', type=at_least(0.0), help='replaces this part of the shift')
    parser.add_argument('--overwrite', action='store_true', help='replace other toy_streets')
    parser.add_argument('--nproc', type=at_least(1), default=min(os.cpu_count() or 1, 8))
    return parser.parse_args()


def main() -> None:
    """Write the data set and say where it is."""
    args = parse_args()
    spec = ToyStreetsSpec(
        args.train, args.val, *args.size, args.seed, args.shift, args.darkness, args.glare, args.noise
    )
    check_out_dir(args.out, '--out')
    try:
        folder = write_toy_streets(args.out, spec, args.overwrite, args.nproc)
    except (DataError, OSError) as error:
        raise UserError(str(error)) from error
    print(f'toy_streets is in {folder}')


if __name__ == '__main__':
    run_tool(main)
