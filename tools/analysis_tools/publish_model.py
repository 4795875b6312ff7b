"""Make a checkpoint fit to be given away: weights and classes alone, a name that ends with its checksum.

    python tools/analysis_tools/publish_model.py work_dirs/gta2cs/iter_40000.pth stct_gta2cs.pth

Optimizer, schedules, random states, logs and the config with its paths are left out, which makes it three to four times
smaller; so it cannot be resumed. `extract_network.py` takes one network out for stock tools.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import torch

from mmuda import __version__
from mmuda.apis import ToolParser, UserError, check_out_file, read_checkpoint, run_tool
from mmuda.apis.checkpoint import dataset_meta
from mmuda.storage import atomic_write

DIGITS = 8
"""Of the SHA-256, in the name: what `torch.hub` checks a download by."""


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument('checkpoint', help='checkpoint of a training')
    parser.add_argument('out', type=Path, help='NAME.pth; NAME-CHECKSUM.pth is written')
    parser.add_argument('--without-teacher', action='store_true', help='leave out the teacher of a self-training model')
    return parser.parse_args()


def published(path: str, without_teacher: bool) -> dict:
    """Return what is kept of a checkpoint.

    Raises:
        UserError: It has no weights, or no teacher that could be left out.
    """
    checkpoint = read_checkpoint(path)
    state = checkpoint.get('state_dict')
    if not state:
        raise UserError(f'checkpoint {path} has no state_dict: give one that tools/train.py has written')
    if without_teacher:
        kept = {key: value for key, value in state.items() if not key.startswith('teacher.')}
        if len(kept) == len(state):
            raise UserError(f'checkpoint {path} has no teacher: leave out --without-teacher')
        state = kept
    meta = dict(dataset_meta=dataset_meta(checkpoint), mmuda_version=__version__)
    return dict(state_dict=state, meta=meta | _counts(checkpoint))


def _counts(checkpoint: dict) -> dict:
    meta = checkpoint.get('meta') or {}
    return {key: meta[key] for key in ('iter', 'epoch') if key in meta}


def write(content: dict, out: Path) -> Path:
    """Write the file and name it by its checksum."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(out) as file:
        torch.save(content, file)
    digest = hashlib.sha256(out.read_bytes()).hexdigest()[:DIGITS]
    return out.rename(out.with_name(f'{out.stem}-{digest}.pth'))


def main() -> None:
    args = parse_args()
    if args.out.suffix != '.pth':
        raise UserError(f'OUT {args.out} does not end in .pth: give such a name')
    check_out_file(args.out, 'OUT', args.checkpoint)
    content = published(args.checkpoint, args.without_teacher)
    path = write(content, args.out)
    before, after = Path(args.checkpoint).stat().st_size, path.stat().st_size
    print(f'{path}: {after / 1e6:.1f} MB of {before / 1e6:.1f} MB, {len(content["state_dict"])} tensors')


if __name__ == '__main__':
    run_tool(main)
