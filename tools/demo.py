"""Adaptation in a few minutes: paint toy streets, train without and with STCT, compare.

    python tools/demo.py

Between source only and STCT stands a training that differs from STCT in one thing: labels of the target have no weight.
It sees the target's images, and has the same views and the same statistics of norms; what STCT has beyond it comes from
self-training. Leaves the data, the runs and `comparison.png` in work_dirs/demo.
"""

import argparse
import os
import time
import warnings
from pathlib import Path

import torch
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from mmengine.utils import ProgressBar

from mmuda.apis import ToolParser, at_least, check_out_dir, load_config, run_tool, set_work_dir, train
from mmuda.apis.predictions import save
from mmuda.datasets import ToyStreets
from mmuda.datasets.reading import read_ids, read_rgb
from mmuda.datasets.toy_scenes import ToyStreetsSpec, write_toy_streets
from mmuda.visualization import comparison

REPO = Path(__file__).resolve().parents[1]
SHIFT = 1.0  # whole dusk: what labels of the target add shows, which colours and statistics do not give
STCT = REPO / 'configs/stct/stct_segformer_toy.py'
METHODS = {
    'source only': (REPO / 'configs/source_only/source-only_segformer_toy.py', {}),
    'no labels': (STCT, {'model.terms.target.weight.alpha': 0.0}),
    'STCT': (STCT, {}),
    'STCT + MHA': (REPO / 'configs/stct/stct-mha_segformer_toy.py', {}),
}


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description='Train without and with STCT on painted streets')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/demo'), help='default: work_dirs/demo')
    parser.add_argument('--iters', type=at_least(1), help="training iterations of each run (default: the configs')")
    parser.add_argument('--seed', type=at_least(0), default=0, help='default: 0')
    return parser.parse_args()


class Bar(Hook):
    """A progress bar in place of a log."""

    def before_train(self, runner: Runner) -> None:
        """Start the bar."""
        self.bar = ProgressBar(runner.max_iters, bar_width=40)

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Advance the bar by one step."""
        self.bar.update()

    def before_val(self, runner: Runner) -> None:
        """End its line."""
        print()


class Predictions(Hook):
    """Keeps the label maps of the last evaluation, by image path."""

    def __init__(self) -> None:
        self.labels = {}

    def before_val(self, runner: Runner) -> None:
        """Forget an earlier evaluation."""
        self.labels.clear()

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Keep what the student says, which is evaluated before the teacher."""
        for sample in outputs:
            self.labels.setdefault(sample.img_path, sample.pred_sem_seg.data[0].cpu().numpy())


def run(name: str, args: argparse.Namespace) -> tuple[dict, dict]:
    """Train one method; return its scores and its predictions on the validation images."""
    leaf, options = METHODS[name]
    cfg = load_config(leaf, {'log_level': 'ERROR', 'randomness.seed': args.seed} | options)
    if args.iters:
        cfg.train_cfg.max_iters = cfg.train_cfg.val_interval = args.iters
    set_work_dir(cfg, leaf, str(args.work_dir / name.replace(' ', '_')))
    predictions = Predictions()
    runner = train(cfg, [Bar(), predictions])
    scores = {key.removeprefix('val/'): log.current() for key, log in runner.message_hub.log_scalars.items()}
    return scores, predictions.labels


def table(scores: dict[str, dict], classes: list[str]) -> str:
    """Return IoU of every class and their mean, one column a method, and what labels of the target add in STCT."""
    names = list(scores)
    lines = [f'{"IoU in %":12}' + ''.join(f'{name:>14}' for name in names) + f'{"labels add":>12}']
    for label, key in [*((name, f'IoU.{name}') for name in classes), ('mean', 'mIoU')]:
        values = [scores[name][key] for name in names]
        row = f'{label:12}' + ''.join(f'{value:14.1f}' for value in values)
        lines.append(row + f'{scores["STCT"][key] - scores["no labels"][key]:+12.1f}')
    rule = '-' * len(lines[0])
    return '\n'.join([rule, lines[0], rule, *lines[1:-1], rule, lines[-1], rule])


def picture(labels: dict[str, dict], scores: dict[str, dict], meta: dict, path: Path, rows: int = 5) -> None:
    """Draw target image | truth | one column a method."""
    names = sorted(labels['STCT'])[:rows]
    columns = {'truth': [read_ids(name.replace('/images/', '/labels/')) for name in names]}
    columns |= {method: [labels[method][name] for name in names] for method in labels}
    notes = {method: f'mIoU {scores[method]["mIoU"]:.1f}' for method in labels}
    notes['truth'] = 'never shown to a network'
    images = [read_rgb(name) for name in names]
    save(comparison(images, columns, meta['classes'], meta['palette'], notes), path)


def main() -> None:
    args = parse_args()
    check_out_dir(args.work_dir, '--work-dir')
    started = time.time()
    warnings.simplefilter('ignore')
    torch.set_num_threads(max(1, (os.cpu_count() or 1) - 1))  # one core is for loading images
    MMLogger.get_current_instance().setLevel('ERROR')
    steps = len(METHODS) + 1
    print(f'[1/{steps}] Painting streets by day (labelled) and at dusk (images only)')
    data = args.work_dir / 'data'
    write_toy_streets(str(data), ToyStreetsSpec(shift=SHIFT), overwrite=True, nproc=os.cpu_count() or 1)
    os.environ['MMUDA_DATA'] = str(data)
    scores, labels = {}, {}
    for number, name in enumerate(METHODS, 2):
        print(f'[{number}/{steps}] Training: {name}')
        scores[name], labels[name] = run(name, args)
    meta = ToyStreets.METAINFO
    print(f'\n{table(scores, meta["classes"])}')
    print('Validation images at dusk; the last evaluation of each run. "no labels": STCT, its labels weighed by 0.')
    picture(labels, scores, meta, args.work_dir / 'comparison.png')
    print(f'\nPicture: {args.work_dir / "comparison.png"}   ({time.time() - started:.0f} s)')


if __name__ == '__main__':
    run_tool(main)
