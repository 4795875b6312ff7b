"""`UDAInferencer` beside mmseg's own `MMSegInferencer`: the same network, the same files, in turns.

python tools/benchmark/inferencer.py
python tools/benchmark/inferencer.py --config configs/stct/gta2cs.py --images 10 --batch-size 2

Paints streets, writes them as JPEG, and lets both predict them, a part at a time. Weights are random. On a busy machine
only the ratios count, those of the processor's time above all.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from measuring import table
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from PIL import Image

from mmuda import compat
from mmuda.apis import ToolParser, UDAInferencer, UserError, at_least, load_config, run_tool
from mmuda.datasets.toy_scenes.render import render
from mmuda.registry import MODELS

PARTS = 5
META = dict(classes=list('abcdefgh'), palette=[[k, k, k] for k in range(8)])


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description='Compare the speed of inference with mmseg')
    parser.add_argument('--config', default='configs/stct/stct_segformer_toy.py', help='of a segmentor')
    parser.add_argument('--images', type=at_least(PARTS), default=50, help='how many (default: 50)')
    parser.add_argument('--size', type=at_least(32), nargs=2, default=(480, 360), metavar=('WIDTH', 'HEIGHT'))
    parser.add_argument('--batch-size', type=at_least(2), default=4, help='of the third row (default: 4)')
    parser.add_argument('--rounds', type=at_least(1), default=1, help='how often all images are predicted')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    compat.apply()
    MMLogger.get_current_instance().setLevel(logging.ERROR)
    cfg = load_config(args.config)
    with tempfile.TemporaryDirectory() as folder:
        files = paint(Path(folder), args.images, tuple(args.size))
        ours, host = both(cfg, Path(folder))
        ways = {
            'MMSegInferencer': lambda part: host(part),
            'UDAInferencer': lambda part: ours(part, progress=False),
            f'UDAInferencer, batches of {args.batch_size}': lambda part: ours(
                part, progress=False, batch_size=args.batch_size
            ),
        }
        for way in ways.values():
            way(files[:2])
        print(
            f'{args.images} images of {args.size[0]}x{args.size[1]}, {torch.get_num_threads()} threads, {args.config}'
        )
        print(compare(ways, files, args.rounds))


def paint(folder: Path, count: int, size: tuple[int, int]) -> list[str]:
    """Write so many files."""
    paths = [folder / f'{number:03d}.jpg' for number in range(count)]
    for number, path in enumerate(paths):
        Image.fromarray(render(number, size=size)[0]).save(path, quality=95)
    return [str(path) for path in paths]


def both(cfg: Config, folder: Path) -> tuple[UDAInferencer, Callable]:
    """Build inferencers of a config's network with random weights."""
    from mmseg.apis import MMSegInferencer

    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmuda'):
        model = MODELS.build(cfg.model)
    student = getattr(model, 'student', model)
    if not hasattr(student, 'decode_head'):
        raise UserError(f'config {cfg.filename} is of no segmentor: give another one')
    meta = dict(dataset_meta=META)
    torch.save(dict(state_dict=model.state_dict(), meta=meta), folder / 'model.pth')
    torch.save(dict(state_dict=student.state_dict(), meta=meta), folder / 'student.pth')
    host = MMSegInferencer(stock(cfg), weights=str(folder / 'student.pth'), device='cpu')
    host.show_progress = False
    return UDAInferencer(cfg.filename, folder / 'model.pth', device='cpu'), host


def stock(cfg: Config) -> Config:
    """Return the network as a config of mmseg's, with the pipeline that mmseg's inferencer asks for."""
    network = cfg.model.get('student', cfg.model)
    steps = [step for step in cfg.test_dataloader.dataset.pipeline if 'Load' not in step['type']]
    pipeline = [dict(type='LoadImageFromFile'), *steps]
    return Config(
        dict(
            default_scope='mmseg',
            model=network,
            test_dataloader=dict(dataset=dict(type='BaseSegDataset', pipeline=pipeline)),
            test_pipeline=pipeline,
            visualizer=dict(type='SegLocalVisualizer', name='visualizer'),
        )
    )


def compare(ways: dict[str, Callable], files: list[str], rounds: int) -> str:
    """Return a row for each way: wall clock and processor time an image, and both as multiples of the first way's."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    step = -(-len(files) // PARTS)
    for _ in range(rounds):
        for start in range(0, len(files), step):
            part = files[start : start + step]
            for name, way in ways.items():
                wall, busy = time.perf_counter(), time.process_time()
                way(part)
                spent = (time.perf_counter() - wall, time.process_time() - busy)
                times[name].append(tuple(1000 * value / len(part) for value in spent))
    first = [statistics.median(column) for column in zip(*next(iter(times.values())))]
    rows = []
    for name, found in times.items():
        own = [statistics.median(column) for column in zip(*found)]
        rows.append((name, *(f'{value:.1f}' for value in own), *(f'{a / b:.2f}' for a, b in zip(own, first))))
    return table(('inferencer', 'ms an image', 'CPU ms', 'ratio', 'CPU ratio'), rows)


if __name__ == '__main__':
    run_tool(main)
