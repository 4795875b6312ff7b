"""What every test shares: real data where there is some, one seed, and no traces left in mmengine."""

import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer

from mmuda import compat

os.environ.setdefault('MPLBACKEND', 'Agg')
compat.apply()

REPO = Path(__file__).resolve().parents[1]


@pytest.fixture(scope='session')
def repo() -> Path:
    """The checkout."""
    return REPO


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
    managers = (DefaultScope, MessageHub, MMLogger, Visualizer)
    before = {manager: manager._instance_dict.copy() for manager in managers}
    yield
    for manager, instances in before.items():
        manager._instance_dict.clear()
        manager._instance_dict.update(instances)
