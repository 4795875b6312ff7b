"""What the converters share: read a checkpoint safely, map it, write it whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from mmuda.apis import ToolParser, UserError, check_out_file, read_checkpoint
from mmuda.storage import atomic_write

NESTS = ('state_dict', 'model')


def convert(source: Path, target: Path, mapping: Callable[[dict], dict[str, Tensor]]) -> int:
    """Write `mapping` of the state dict in `source` to `target`; return the number of its keys."""
    checkpoint = read_checkpoint(source)
    for nest in NESTS:
        checkpoint = checkpoint.get(nest, checkpoint)
    converted = mapping(checkpoint)
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(target) as file:
        torch.save(dict(state_dict=converted, meta=dict(converted_from=source.name)), file)
    return len(converted)


def main(description: str, mapping: Callable[[dict], dict[str, Tensor]]) -> None:
    """Run the command line `IN OUT` of one converter."""
    parser = ToolParser(description=description)
    parser.add_argument('source', type=Path, help='the checkpoint to convert')
    parser.add_argument('target', type=Path, help='where the converted one goes')
    args = parser.parse_args()
    check_out_file(args.target, 'OUT', args.source)
    try:
        count = convert(args.source, args.target, mapping)
    except KeyError as error:
        raise UserError(f'{args.source}: {error.args[0]}') from error
    print(
        f'{args.target}: {count} tensors. Use it by '
        f"model.backbone.init_cfg=dict(type='Pretrained', checkpoint='{args.target}')"
    )
