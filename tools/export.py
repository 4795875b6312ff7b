"""Write a trained network as ONNX or TorchScript, which runs without its config and without this toolbox.

python tools/export.py configs/stct/gta2cs.py work_dirs/gta2cs/iter_40000.pth student.onnx
python tools/export.py CONFIG CHECKPOINT student.onnx student.pt --images my_photos --predict-on teacher

Each file is checked against the network, on the images or on a painted street, before it is written.
"""

import argparse

from mmuda.apis import ToolParser, at_least, run_tool


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description='Write a network as ONNX or TorchScript')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('out', nargs='+', help='files to write: NAME.onnx is ONNX, NAME.pt is TorchScript')
    parser.add_argument('--images', nargs='+', help='what they are checked and timed with (default: a painted street)')
    parser.add_predict_on()
    parser.add_argument(
        '--size',
        nargs=2,
        type=at_least(1),
        metavar=('HEIGHT', 'WIDTH'),
        help='of all images that a segmentor shall take (default: any)',
    )
    parser.add_cfg_options()
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    # imported here, as they take seconds and `--help` should not
    from prettytable import PrettyTable

    from mmuda.apis import UDAInferencer, UserError
    from mmuda.apis.export import check_paths, export
    from mmuda.apis.inputs import find_images

    check_paths(args.out)
    find_images(args.images or [])  # what is missing is said before a model is loaded
    predict = UDAInferencer(args.config, args.checkpoint, args.predict_on, 'cpu', args.cfg_options)
    if args.size and not predict.segments:
        raise UserError('--size is for segmented images, and this model classifies: leave it out')
    table = PrettyTable(['', 'format', 'MB', 'ms an image', 'difference'], align='r')
    for row in export(predict, args.out, args.images, args.size and tuple(args.size)):
        difference = '' if row.kind == 'torch' else f'{row.difference:.0e}'
        table.add_row([row.name, row.kind, f'{row.megabytes:.2f}', f'{row.milliseconds:.1f}', difference])
    print(table)


if __name__ == '__main__':
    run_tool(main)
