"""Print a config as a run reads it: all its bases and options merged.

    python tools/analysis_tools/print_config.py configs/stct/gta2cs.py --cfg-options mit=b2
    python tools/analysis_tools/print_config.py configs/stct/gta2cs.py --key model.terms
    python tools/analysis_tools/print_config.py configs/stct/gta2cs.py --graph      # the modules of its model

What it prints is a config again.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope

from mmuda import compat
from mmuda.apis import ToolParser, UserError, check_out_file, load_config, run_tool
from mmuda.apis.errors import did_you_mean
from mmuda.apis.timm_networks import without_timm_weights
from mmuda.registry import MODELS
from mmuda.storage import atomic_write


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='config file')
    what = parser.add_mutually_exclusive_group()
    what.add_argument('--key', help='only this part, such as model.terms or train_dataloader.dataset.source')
    what.add_argument('--graph', action='store_true', help='the modules of its model instead')
    parser.add_argument('--out', type=Path, metavar='FILE', help='write it to a file instead of printing it')
    parser.add_cfg_options()
    return parser.parse_args()


def part_of(cfg: Config, key: str) -> Any:
    """Return what stands at a dotted name; a number picks an entry of a list.

    Raises:
        UserError: Nothing does.
    """
    found: Any = cfg
    for depth, name in enumerate(key.split('.')):
        entries = dict(enumerate(found)) if isinstance(found, (list, tuple)) else found
        names = [str(entry) for entry in entries] if hasattr(entries, 'keys') else []
        if name not in names:
            where = '.'.join(key.split('.')[:depth]) or cfg.filename
            have = f'it has {", ".join(names)}' if names else 'it is a value'
            raise UserError(f"--key {key}: there is no '{name}' in {where}, {have}{did_you_mean(name, names)}")
        found = entries[int(name) if isinstance(found, (list, tuple)) else name]
    return found


def text_of(cfg: Config, args: argparse.Namespace) -> str:
    """Return what the arguments ask for."""
    if args.graph:
        without_timm_weights(cfg)
        with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmuda')):
            return str(MODELS.build(cfg.model))
    if not args.key:
        return cfg.pretty_text
    name = [word for word in args.key.split('.') if not word.isdigit()][-1]
    return Config({name: part_of(cfg, args.key)}).pretty_text


def main() -> None:
    args = parse_args()
    compat.apply()
    MMLogger.get_current_instance().setLevel('WARNING')
    if args.out:
        check_out_file(args.out, '--out', args.config)
    text = text_of(load_config(args.config, args.cfg_options), args).rstrip() + '\n'
    if not args.out:
        print(text, end='')
        return
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(args.out, 'w') as file:
        file.write(text)


if __name__ == '__main__':
    run_tool(main)
