"""Pictures, for the tools that make some: no command of its own."""

from __future__ import annotations

import argparse
from pathlib import Path

from matplotlib.figure import Figure

from mmuda.apis import ToolParser, UserError, at_least, check_out_file
from mmuda.storage import atomic_write

SUFFIXES = ('.png', '.jpg', '.pdf', '.svg')


def add_picture(parser: ToolParser) -> None:
    """Ask where a picture goes, and how fine it is."""
    parser.add_argument('--out', type=Path, required=True, help=f'picture to write: {", ".join(SUFFIXES)}')
    parser.add_argument('--dpi', type=at_least(1), default=120, help='pixels an inch; 13 inches wide (default: 120)')


def check_picture(args: argparse.Namespace) -> None:
    """Refuse a picture that could not be written, before anything is computed for it."""
    if args.out.suffix.lower() not in SUFFIXES:
        raise UserError(f'--out {args.out} has no suffix of a picture: use one of {", ".join(SUFFIXES)}')
    check_out_file(args.out, '--out')


def save_picture(figure: Figure, args: argparse.Namespace) -> None:
    """Write the picture, making its folder."""
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(args.out) as file:
        figure.savefig(file, dpi=args.dpi, format=args.out.suffix[1:])
