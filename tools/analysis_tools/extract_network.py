"""Take the plain network out of a UDA checkpoint: it then fits a stock config and stock tools.

python tools/analysis_tools/extract_network.py work_dirs/gta2cs/iter_40000.pth student.pth
"""

import argparse
from pathlib import Path

import torch

from mmuda.apis import ToolParser, UserError, check_out_file, read_checkpoint, run_tool
from mmuda.storage import atomic_write


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description='Take the student or teacher out of a checkpoint')
    parser.add_argument('checkpoint', help='checkpoint of a UDA model')
    parser.add_argument('out', type=Path, help='file to write')
    parser.add_argument(
        '--network', choices=['student', 'teacher'], default='student', help='which one (default: student)'
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    check_out_file(args.out, 'OUT', args.checkpoint)
    checkpoint = read_checkpoint(args.checkpoint)
    prefix = f'{args.network}.'
    state = {
        key.removeprefix(prefix): value
        for key, value in checkpoint.get('state_dict', checkpoint).items()
        if key.startswith(prefix)
    }
    if not state:
        raise UserError(f'checkpoint {args.checkpoint} has no {args.network}: give one that a UDA model was trained to')
    meta = {key: checkpoint.get('meta', {}).get(key) for key in ('dataset_meta', 'iter')}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(args.out) as file:
        torch.save(dict(state_dict=state, meta=meta), file)
    print(f'{args.out}: {len(state)} tensors of the {args.network}')


if __name__ == '__main__':
    run_tool(main)
