"""How many images a second one core loads for a training: by mmseg, by us, and from prepared files, in turns.

    python tools/benchmark/data_path.py
    python tools/benchmark/data_path.py --sets camvid office31
    python tools/benchmark/data_path.py --loader
    python tools/benchmark/data_path.py --formats

Paints pictures that cost a codec what photographs cost (smooth, with edges and noise) in the sizes and file formats of
public data sets, prepares them as tools/prepare_data.py does, and loads them by the config's training pipelines.
mmseg's pipeline is the same one with mmcv's and mmseg's own steps and data set. `held` has the arrays of the prepared
files in memory: the most that a cache could give. Files are in the system's cache. `--loader` is the processor's time
of a worker that makes whole batches for GTA5 → Cityscapes: rare classes, crops drawn again, handing over.
`--formats` reads one prepared picture and label map from several formats.
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import psutil
import torch
from measuring import Elapsed, environment, interleave, table
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from photographs import patchwork, photograph
from torch.utils.data import Dataset

from mmuda import compat
from mmuda.apis import ToolParser, at_least, load_config, run_tool
from mmuda.datasets.prepared import prepared_sets, with_prepared
from mmuda.datasets.preparing import prepare
from mmuda.datasets.transforms.fixed_steps import FixedSteps
from mmuda.registry import DATASETS

compat.apply()

from mmengine.dataset import Compose

CONFIGS = Path(__file__).parents[2] / 'configs' / '_base_' / 'datasets'
STOCK = {
    'mmuda.LoadImage': 'LoadImageFromFile',
    'mmuda.LoadLabel': 'mmseg.LoadAnnotations',
    'mmuda.RandomCrop': 'mmseg.RandomCrop',
}
"""What stands for our steps in mmseg's pipeline."""
SETS = dict(
    gta=('gta2cityscapes_512x512', 0, (1052, 1914), 'gta/images/{:05d}.png', 'gta/labels/{:05d}_labelTrainIds.png'),
    cityscapes=(
        'gta2cityscapes_512x512',
        1,
        (1024, 2048),
        'cityscapes/leftImg8bit/train/a/a_{:06d}_leftImg8bit.png',
        None,
    ),
    camvid=(
        'camvid_day2dusk_480x360',
        0,
        (360, 480),
        'camvid_day_dusk/day/images/train/{:03d}.png',
        'camvid_day_dusk/day/labels/train/{:03d}.png',
    ),
    office31=('office31', 0, (300, 300), 'office31/amazon/images/{class}/{:03d}.jpg', None),
)
"""Config, number of the part (0: source, 1: target), height and width, and names of images and label maps."""


def paint(root: Path, name: str, count: int, seed: int) -> None:
    """Write the files of one of `SETS`, and whatever else its config wants to find."""
    _, _, size, image, label = SETS[name]
    rng = np.random.default_rng(seed)
    for number in range(count):
        write(root / image.format(number, **{'class': 'mug'}), photograph(size, rng))
        if label is not None:
            write(root / label.format(number), patchwork(size, 11, rng))


def write(path: Path, pixels: np.ndarray) -> None:
    """Write an image file and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)


def stock(part: dict) -> dict:
    """Return the config of a data set with mmseg's data set and steps."""
    pipeline = [dict(step, type=STOCK.get(step['type'], step['type'])) for step in part['pipeline']]
    if part['type'] == 'mmuda.FolderClassification':
        return dict(
            type='mmpretrain.CustomDataset',
            data_root=part['data_root'],
            data_prefix=part['data_prefix']['img_path'],
            pipeline=pipeline,
        )
    own = DATASETS.build(part)
    return dict(
        type='mmseg.BaseSegDataset',
        data_root=part['data_root'],
        data_prefix=part['data_prefix'],
        img_suffix=own.img_suffix if isinstance(own.img_suffix, str) else '.png',
        seg_map_suffix=own.seg_map_suffix,
        reduce_zero_label=False,
        metainfo=dict(classes=own.metainfo['classes'], palette=own.metainfo['palette']),
        pipeline=pipeline,
    )


class Held:
    """Stands for the fixed steps of a data set, whose results it has in memory."""

    def __init__(self, dataset: Dataset, steps: FixedSteps) -> None:
        infos = [dataset.get_data_info(number) for number in range(len(dataset))]
        self.results = {info['img_path']: steps(info) for info in infos}

    def __call__(self, results: dict) -> dict:
        return dict(self.results[results['img_path']])


def held(dataset: Dataset) -> Dataset:
    """Return a shallow copy of a data set that opens no file."""
    steps = FixedSteps.of(dataset.pipeline.transforms)
    result = copy.copy(dataset)
    result.pipeline = Compose([Held(dataset, steps), *steps.rest])
    return result


def sides(root: Path, name: str, out: Path) -> dict[str, Dataset]:
    """Build the sets that take turns: mmseg's, ours, with prepared files below `out`, and with arrays in memory."""
    config, number, *_ = SETS[name]
    os.environ['MMUDA_DATA'] = str(root)
    loader = load_config(CONFIGS / f'{config}.py').train_dataloader
    part = loader.dataset['target' if number else 'source']
    plain = DATASETS.build(part)
    errors = prepare(prepared_sets([plain], str(out)))
    assert not errors, errors
    fast = with_prepared([plain], str(out))[0]
    return dict(mmseg=DATASETS.build(stock(part)), mmuda=plain, prepared=fast, held=held(plain))


def loading_all(dataset: Dataset) -> Callable[[], None]:
    """Return what loads every sample with the draws of its number."""

    def load() -> None:
        for number in range(len(dataset)):
            np.random.seed(number)
            dataset[number]

    return load


def per_second(times: Sequence[Elapsed], count: int) -> float:
    """Return images a second of processor time, in the median round."""
    return count / (statistics.median(elapsed.cpu for elapsed in times) / 1e3)


def measure(args: argparse.Namespace) -> list[tuple[str, ...]]:
    """Measure each set: rows of the table."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / 'data'
        for name in args.sets:
            paint(root, name, args.images, args.seed)
            with DefaultScope.overwrite_default_scope('mmuda'):
                sets = sides(root, name, Path(folder) / 'prepared')
                works = {title: loading_all(dataset) for title, dataset in sets.items()}
                times = interleave(works, args.iters, args.warmup)
            rates = {title: per_second(one, args.images) for title, one in times.items()}
            files = [path.stat().st_size for path in root.glob(f'{SETS[name][3].split("/")[0]}/**/*') if path.is_file()]
            found.append(
                (
                    name,
                    f'{sum(files) / args.images / 1e6:.2f}',
                    *(f'{rate:.1f}' for rate in rates.values()),
                    *(f'{rates[title] / rates["mmseg"]:.2f}' for title in ('mmuda', 'prepared', 'held')),
                )
            )
    return found


def measure_loader(args: argparse.Namespace) -> list[tuple[str, ...]]:
    """Measure images a second of a worker's processor time, from originals and from prepared files: rows of a table."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ['MMUDA_DATA'] = f'{folder}/data'
        for name in ('gta', 'cityscapes'):
            paint(Path(folder) / 'data', name, args.images, args.seed)
        cfg = load_config(CONFIGS / 'gta2cityscapes_512x512.py').train_dataloader
        with DefaultScope.overwrite_default_scope('mmuda'):
            sets = prepared_sets(DATASETS.build(cfg.dataset).datasets, f'{folder}/prepared')
            assert not prepare(sets), 'a picture could not be prepared'
            prepared = f'{folder}/prepared'
            workers = {'originals': Worker(cfg, None), 'prepared': Worker(cfg, prepared)}
            for _ in range(args.iters):
                for worker in workers.values():
                    worker.load(args.images)
    rates = {name: worker.rate() for name, worker in workers.items()}
    return [(name, f'{rate:.1f}', f'{rate / rates["originals"]:.2f}') for name, rate in rates.items()]


class Worker:
    """A data loader with one worker, and the processor's time that its images took."""

    def __init__(self, cfg: dict, prepared: str | None) -> None:
        others = set(psutil.Process().children())
        loader = dict(cfg, dataset=dict(cfg['dataset'], prepared=prepared), num_workers=1)
        self.batches = iter(Runner.build_dataloader(loader, seed=0))
        next(self.batches)
        (self.process,) = set(psutil.Process().children()) - others
        self.batch_size, self.images, self.seconds = cfg['batch_size'], 0, 0.0

    def load(self, count: int) -> None:
        """Load so many batches."""
        before = self._spent()
        for _ in range(count):
            next(self.batches)
        self.seconds += self._spent() - before
        self.images += count * self.batch_size

    def rate(self) -> float:
        """Return images a second; the clock of another process ticks every 10 ms."""
        return self.images / max(self.seconds, 0.01)

    def _spent(self) -> float:
        times = self.process.cpu_times()
        return times.user + times.system


def formats(args: argparse.Namespace) -> list[tuple[str, ...]]:
    """Read one picture of 1280×720 and its label map from several formats: rows of a table."""
    rng = np.random.default_rng(args.seed)
    size = (720, 1280)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for kind, pixels in (('image', photograph(size, rng)), ('label', patchwork(size, 19, rng))):
            readers, sizes = {}, {}
            for name, options in FORMATS.items():
                path = Path(folder) / f'{kind}_{name.replace(" ", "_")}.{name.split()[0]}'
                if name.startswith('npy'):
                    np.save(path, pixels)
                else:
                    assert cv2.imwrite(str(path), pixels, options)
                readers[name], sizes[name] = reader(path, name), path.stat().st_size
            times = interleave(readers, args.iters, args.warmup)
            found += [
                (kind, name, f'{statistics.median(t.cpu for t in one):.2f}', f'{sizes[name] / 1e6:.2f}')
                for name, one in times.items()
            ]
    return found


FORMATS = {
    'png': [],
    'png fast': [cv2.IMWRITE_PNG_COMPRESSION, 1],
    'png stored': [cv2.IMWRITE_PNG_COMPRESSION, 0],
    'webp': [cv2.IMWRITE_WEBP_QUALITY, 101],
    'tiff': [cv2.IMWRITE_TIFF_COMPRESSION, 1],
    'bmp': [],
    'npy': [],
    'npy mapped': [],
}
"""Lossless formats, and what OpenCV is told to write them."""


def reader(path: Path, name: str) -> Callable[[], np.ndarray]:
    """Return what reads a file, and copies the crop of 512×512 that a training would take."""
    crop = np.s_[100:612, 300:812]
    if name == 'npy':
        return lambda: np.ascontiguousarray(np.load(path, allow_pickle=False)[crop])
    if name == 'npy mapped':
        return lambda: np.ascontiguousarray(np.load(path, mmap_mode='c', allow_pickle=False)[crop])
    return lambda: np.ascontiguousarray(cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)[crop])


def main() -> None:
    parser = ToolParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--sets', nargs='+', choices=SETS, default=['gta', 'cityscapes'])
    parser.add_argument('--loader', action='store_true', help='measure a worker that makes whole batches instead')
    parser.add_argument('--formats', action='store_true', help='compare formats of prepared files instead')
    parser.add_argument('--images', type=at_least(1), default=6, help='pictures of each set')
    parser.add_argument('--iters', type=at_least(1), default=9)
    parser.add_argument('--warmup', type=at_least(0), default=1)
    parser.add_argument('--seed', type=at_least(0), default=0)
    args = parser.parse_args()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    MMLogger.get_current_instance().setLevel('WARNING')
    if args.formats:
        header, rows = ('what', 'format', 'cpu ms', 'MB'), formats(args)
    elif args.loader:
        header, rows = ('a worker reads', 'images/cpu s', '÷ originals'), measure_loader(args)
    else:
        header = ('set', 'MB/image', *(f'{name}/s' for name in ('mmseg', 'mmuda', 'prepared', 'held')))
        header, rows = (*header, 'mmuda ÷ mmseg', 'prepared ÷', 'held ÷'), measure(args)
    print(f'\n{environment(opencv=cv2.__version__, images=args.images, iters=args.iters, seed=args.seed)}')
    print(table(header, rows))


if __name__ == '__main__':
    run_tool(main)
