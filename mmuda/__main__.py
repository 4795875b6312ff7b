"""One command for all: ``python -m mmuda train CONFIG`` is ``python tools/train.py CONFIG`` of a checkout."""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path

from mmuda import __version__
from mmuda.apis.errors import did_you_mean
from mmuda.processes import leave

TOOLS = Path(__file__).parent / '.mim' / 'tools'
COMMANDS = dict(
    train=('train.py', 'train the model of a config'),
    test=('test.py', 'score a checkpoint'),
    infer=('infer.py', 'predict on your own images'),
    export=('export.py', 'write a network as ONNX or TorchScript'),
    report=('report.py', 'one page about trainings: scores, curves, pictures'),
    select=('select_checkpoint.py', 'rank the checkpoints of trainings without labels'),
    doctor=('dataset_doctor.py', 'check the data of a config'),
    prepare=('prepare_data.py', 'store resized images, which load fast'),
    reproduce=('reproduce.py', "run the tables of papers, beside the papers' figures"),
)
"""The file of each command, and what it does."""


def main() -> None:
    """Run the tool that the first word names with the words behind it."""
    name, *words = sys.argv[1:] or ['--help']
    if name.startswith('-'):
        _parser().parse_args([name])
    if name not in COMMANDS:
        remedy = did_you_mean(name, COMMANDS) or f': use {", ".join(COMMANDS)}'
        leave(1, f"mmuda: error: unknown command '{name}'{remedy}")
    sys.argv = [f'mmuda {name}', *words]
    sys.path.insert(0, str(TOOLS))  # where a tool looks for its neighbours
    runpy.run_path(str(TOOLS / COMMANDS[name][0]), run_name='__main__')


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    parser = argparse.ArgumentParser(
        prog='mmuda',
        usage='python -m mmuda COMMAND ...',
        description='\n'.join(f'  {name:{width}}  {what}' for name, (_, what) in COMMANDS.items()),
        epilog='python -m mmuda COMMAND --help says what it takes.',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--version', action='version', version=__version__)
    return parser


if __name__ == '__main__':
    main()
