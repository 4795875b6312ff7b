"""Predict on your own images: writes label maps and pictures, of a classifier a table of classes.

python tools/infer.py configs/stct/gta2cs.py work_dirs/gta2cs/iter_40000.pth IMAGES --out DIR
"""

import argparse

from mmuda.apis import ToolParser, fraction, run_tool


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description='Predict on images that belong to no data set')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('images', nargs='+', help='image files and folders')
    parser.add_argument(
        '--out',
        default='predictions',
        metavar='DIR',
        help='gets labels/ and overlays/, or predictions.csv (default: predictions)',
    )
    parser.add_argument(
        '--predict-on',
        choices=['student', 'teacher'],
        default='student',
        help='which network of a self-training model predicts (default: student)',
    )
    parser.add_argument('--opacity', type=fraction, help='of the colours over a segmented image (default: 0.5)')
    parser.add_argument('--device', help='torch device (default: the first GPU, else the CPU)')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    # imported here, as they take seconds and `--help` should not
    from mmuda.apis import UDAInferencer, check_out_dir

    check_out_dir(args.out, '--out')
    predict = UDAInferencer(args.config, args.checkpoint, args.predict_on, args.device)
    count = sum(1 for _ in predict.each(args.images, args.out, args.opacity))
    kind = 'label maps and overlays' if predict.segments else 'lines of predictions.csv'
    print(f'\n{count} {kind} are in {args.out}')


if __name__ == '__main__':
    run_tool(main)
