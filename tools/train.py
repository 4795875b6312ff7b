"""Train the model of a config.

python tools/train.py configs/stct/gta2cs.py
python tools/train.py configs/stct/gta2cs.py --resume              # after an interruption
python tools/train.py configs/stct/gta2cs.py --cfg-options randomness.seed=1
"""

import argparse
import os

from mmuda.apis import ToolParser, run_tool


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description='Train a model, with or without adaptation')
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='where logs and checkpoints go (default: work_dirs/NAME_OF_THE_CONFIG)')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='go on from a checkpoint; without a path, from the latest one of the work directory, if there is one',
    )
    parser.add_argument('--amp', action='store_true', help='mixed precision: bfloat16, or float16 on older GPUs')
    parser.add_argument(
        '--compile', action='store_true', help='torch.compile the encoders (options: --cfg-options compile.mode=...)'
    )
    parser.add_argument(
        '--auto-scale-lr', action='store_true', help='scale the learning rate with the total batch size'
    )
    parser.add_cfg_options()
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='what started the processes of a distributed run',
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help='set by old launchers')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    # imported here, as they take seconds and `--help` should not
    from mmuda.apis import (
        enable_amp,
        enable_auto_scale_lr,
        enable_compile,
        load_config,
        process_group,
        set_resume,
        set_work_dir,
        train,
    )

    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = load_config(args.config, args.cfg_options)
    set_work_dir(cfg, args.config, args.work_dir)
    set_resume(cfg, args.resume)
    if args.amp:
        enable_amp(cfg)
    if args.compile:
        enable_compile(cfg)
    if args.auto_scale_lr:
        enable_auto_scale_lr(cfg)
    with process_group(cfg, args.launcher):
        train(cfg)


if __name__ == '__main__':
    run_tool(main)
