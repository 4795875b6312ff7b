"""What every test shares: real data where there is some, one seed, and no traces left in mmengine."""

import gc
import os
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')  # the cores are shared by test processes, and by those they start
if not Path('/dev/nvidiactl').exists():
    os.environ.setdefault('TRITON_INTERPRET', '1')  # before anybody imports triton: its own functions are kernels, too

import json
import random
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from mmengine.utils import ManagerMixin
from torch.utils._python_dispatch import TorchDispatchMode

from mmuda import compat

os.environ.setdefault('MPLBACKEND', 'Agg')
compat.apply()

REPO = Path(__file__).resolve().parents[1]


def pytest_collection_finish() -> None:
    """Spare the garbage collector what the imports made: mmengine calls it for every data set, 0.2 s each."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope='session')
def repo() -> Path:
    """The checkout."""
    return REPO


@pytest.fixture
def one_thread():
    """One thread of torch, whose kernels and sums may differ from those of many."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope='session')
def segmentation_vectors(repo):
    """``segmentation_vectors(key)`` → inputs and outputs of a function of an official repository."""
    vectors = json.loads((repo / 'tests/data/segmentation_vectors.json').read_text())
    return lambda key: (vectors[key]['inputs'], vectors[key]['outputs'])


@pytest.fixture(scope='session')
def data_root() -> Path:
    """Folder of real data: `MMUDA_DATA`, or `../shared/data` beside the checkout."""
    root = Path(os.environ.get('MMUDA_DATA', REPO.parent / 'shared' / 'data'))
    if not root.is_dir():
        pytest.skip(f'no real data: {root} is not a folder, set MMUDA_DATA')
    return root


@pytest.fixture(autouse=True)
def isolated():
    """Start from one seed; give back mmengine's global instances as they were."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    before = {manager: manager._instance_dict.copy() for manager in managers()}
    yield
    for manager in managers():
        manager._instance_dict.clear()
        manager._instance_dict.update(before.get(manager, {}))


def managers(of: type = ManagerMixin) -> Iterator[type]:
    """Find the classes that hold global instances by name: loggers, visualizers of any host, message hubs, scopes.

    The name is often the second of a run's start, which two short tests may share.
    """
    for manager in of.__subclasses__():
        yield manager
        yield from managers(manager)


class _Counter(TorchDispatchMode):
    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += 1
        return function(*args, **(kwargs or {}))


@pytest.fixture(scope='session')
def count_operations():
    """``count_operations(function)`` → how many tensor operations a call of it makes, its backward passes included."""

    def count(function) -> int:
        with _Counter() as counter:
            function()
        return counter.count

    return count


NUM_CLASSES = 5


@pytest.fixture
def tiny_student():
    """Config of a segmentor small enough for a unit test; keywords go into the head."""

    def make(norm: str = 'BN', size: int = 32, **head) -> dict:
        return dict(
            _scope_='mmseg',
            type='EncoderDecoder',
            data_preprocessor=dict(
                type='SegDataPreProcessor',
                mean=[123.675, 116.28, 103.53],
                std=[58.395, 57.12, 57.375],
                bgr_to_rgb=True,
                pad_val=0,
                seg_pad_val=255,
                size=(size, size),
            ),
            backbone=dict(
                type='mmuda.MixVisionTransformer',
                embed_dims=8,
                num_layers=[1, 1, 1, 1],
                num_heads=[1, 2, 2, 4],
                patch_sizes=[7, 3, 3, 3],
                sr_ratios=[8, 4, 2, 1],
                mlp_ratio=2,
                drop_path_rate=0.1,
            ),
            decode_head=dict(
                type='mmuda.SegformerHead',
                in_channels=[8, 16, 16, 32],
                in_index=[0, 1, 2, 3],
                channels=16,
                num_classes=NUM_CLASSES,
                norm_cfg=dict(type=norm, **(dict(num_groups=4) if norm == 'GN' else {})),
                align_corners=False,
                loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
                **head,
            ),
            train_cfg=dict(),
            test_cfg=dict(mode='whole'),
        )

    return make


@pytest.fixture
def domain_batch():
    """An un-collated batch in an order as a dataloader may yield it; each image knows its number."""
    from mmengine.structures import PixelData
    from mmseg.structures import SegDataSample

    def make(domains: str = 'stst', size: int = 32) -> dict:
        names = {'s': 'source', 't': 'target'}
        samples, inputs = [], []
        for number, letter in enumerate(domains):
            sample = SegDataSample(metainfo=dict(domain=names[letter], img_path=f'{letter}{number}.png'))
            label = (
                torch.randint(0, NUM_CLASSES, (1, size, size)) if letter == 's' else torch.full((1, size, size), 255)
            )
            sample.gt_sem_seg = PixelData(data=label)
            samples.append(sample)
            inputs.append(torch.randint(0, 256, (3, size, size), dtype=torch.uint8))
        return dict(inputs=inputs, data_samples=samples)

    return make
