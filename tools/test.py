"""Score a checkpoint on the test images of its config.

python tools/test.py configs/stct/gta2cs.py work_dirs/gta2cs/iter_40000.pth
python tools/test.py CONFIG CHECKPOINT --predict-on teacher --out labels --show-dir pictures
python tools/test.py CONFIG CHECKPOINT --ensemble CHECKPOINT CHECKPOINT             # their mean probability decides
python tools/test.py configs/dann/dann_mobilenet-v2_office-caltech10.py CHECKPOINT --tta      # ten crops an image
"""

import argparse
import os

from mmuda.apis import ToolParser, at_least, run_tool


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description='Score a checkpoint')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_predict_on()
    parser.add_ensemble()
    parser.add_argument(
        '--tta', action='store_true', help="test-time augmentation: the config's tta_pipeline or tta_views"
    )
    parser.add_argument('--work-dir', help='where the log goes (default: work_dirs/NAME_OF_THE_CONFIG)')
    parser.add_argument('--out', metavar='DIR', help='write the predicted label maps as PNG')
    parser.add_argument('--show-dir', metavar='DIR', help='write the images with their predictions painted over')
    parser.add_argument('--show', action='store_true', help='show each image with its prediction in a window')
    parser.add_argument(
        '--wait-time', type=at_least(0.0), help='seconds of each in --show; 0: until a key is pressed (default: 2)'
    )
    parser.add_cfg_options()
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='what started the processes of a distributed run',
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help='set by old launchers')
    args = parser.parse_args()
    if args.wait_time is not None and not args.show:
        parser.error('--wait-time is for --show: add --show, or leave it out')
    return args


def main() -> None:
    args = parse_args()
    # imported here, as they take seconds and `--help` should not
    from mmuda.apis import enable_tta, evaluate, load_config, process_group, set_work_dir

    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = load_config(args.config, args.cfg_options)
    set_work_dir(cfg, args.config, args.work_dir)
    if args.tta:
        enable_tta(cfg)
    with process_group(cfg, args.launcher):
        show = None if not args.show else 2.0 if args.wait_time is None else args.wait_time
        evaluate(cfg, args.checkpoint, args.predict_on, args.out, args.show_dir, args.ensemble, show)


if __name__ == '__main__':
    run_tool(main)
