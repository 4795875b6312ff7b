"""Predict on your own images and videos: writes label maps and pictures, of a classifier a table of classes.

python tools/infer.py configs/stct/gta2cs.py work_dirs/gta2cs/iter_40000.pth IMAGES --out DIR
python tools/infer.py CONFIG CHECKPOINT drive.mp4 'frames/**/*.png' --confidence
python tools/infer.py CONFIG CHECKPOINT IMAGES --ensemble CHECKPOINT CHECKPOINT     # their mean probability decides
python tools/infer.py CONFIG CHECKPOINT IMAGES --drop 0.66 --keep-above 0.9         # labels of the surest pixels only
"""

import argparse
from pathlib import Path

from mmuda.apis import ToolParser, at_least, fraction, run_tool


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description='Predict on images that belong to no data set')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('images', nargs='+', help='image files, folders, patterns and videos')
    parser.add_argument(
        '--out',
        default='predictions',
        metavar='DIR',
        help='gets labels/ and overlays/, or predictions.csv (default: predictions)',
    )
    parser.add_predict_on()
    parser.add_ensemble()
    parser.add_argument('--opacity', type=fraction, help='of the colours over a segmented image (default: 0.5)')
    parser.add_argument(
        '--confidence',
        action='store_true',
        help="also write confidence/ of images: of each pixel's class",
    )
    parser.add_argument(
        '--drop',
        type=fraction,
        metavar='SHARE',
        help='the least sure pixels of each class, this share of them, get 255; predicts all images twice',
    )
    parser.add_argument(
        '--keep-above',
        type=fraction,
        metavar='PROBABILITY',
        help='with --drop: pixels of this probability and more keep their label all the same',
    )
    parser.add_argument(
        '--shares', choices=['csv', 'json'], help='also write shares.csv or .json: which share of an image a class has'
    )
    parser.add_argument(
        '--batch-size',
        type=at_least(1),
        default=1,
        help='images of one size that go through the network together (default: 1)',
    )
    parser.add_argument('--tta', action='store_true', help='several views of each image decide: scaled, mirrored')
    parser.add_argument('--device', help='torch device (default: the first GPU, else the CPU)')
    parser.add_cfg_options()
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    # imported here, as they take seconds and `--help` should not
    from mmuda.apis import UDAInferencer, UserError, check_out_dir, check_out_file
    from mmuda.apis.inputs import find_images
    from mmuda.apis.surest import surest_pixels
    from mmuda.apis.video import is_video, look_at, paint_video, painted_files

    check_out_dir(args.out, '--out')
    videos = painted_files([path for path in args.images if is_video(path)], Path(args.out, 'overlays'))
    images = [path for path in args.images if not is_video(path)]
    given = dict(confidence=args.confidence, shares=args.shares, drop=args.drop is not None)
    if not images and any(given.values()):
        option = next(name for name, value in given.items() if value)
        raise UserError(f'--{option} is for maps of images, and there are only videos: leave it out')
    if args.drop is None and args.keep_above is not None:
        raise UserError('--keep-above is for pixels that --drop would drop: give --drop SHARE, too')
    for path, out in videos.items():
        look_at(path)
        check_out_file(out, 'the painted video', path)
    find_images(images)  # what is missing is said before a model is loaded
    options = dict(cfg_options=args.cfg_options, ensemble=args.ensemble, tta=args.tta)
    predict = UDAInferencer(args.config, args.checkpoint, args.predict_on, args.device, **options)
    for path, out in videos.items():
        opacity = 0.5 if args.opacity is None else args.opacity
        paint_video(predict, path, out, opacity, args.batch_size)
        print(f'{path} is painted in {out}')
    if images:
        above = 1.0 if args.keep_above is None else args.keep_above
        surest = None if args.drop is None else surest_pixels(predict, images, args.drop, above)
        options = dict(confidence=args.confidence, shares=args.shares, batch_size=args.batch_size, surest=surest)
        count = sum(1 for _ in predict.each(images, args.out, args.opacity, **options))
        kind = 'label maps and overlays' if predict.segments else 'lines of predictions.csv'
        print(f'{count} {kind} are in {args.out}')


if __name__ == '__main__':
    run_tool(main)
