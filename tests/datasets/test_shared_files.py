"""Images of two purposes are named with what that means, for folders, arrays and sets inside wrappers."""

import numpy as np
import pytest
from mmengine.dataset import BaseDataset

from mmuda.datasets.shared_files import shared_files
from mmuda.registry import DATASETS


@pytest.fixture(params=['folder', 'archive', 'wrapped'])
def make(request, make_folder, tmp_path):
    """``make(name)`` → a set of four images of its own."""
    if request.param == 'archive':
        np.savez(tmp_path / 'digits.npz', x=np.zeros((12, 28, 28), np.uint8), y=np.arange(12) % 10)
        first = dict(a=0, b=4, c=8)
        cfg = dict(type='mmuda.Digits', data_root=str(tmp_path), ann_file='digits.npz')
        return lambda name: DATASETS.build(dict(cfg, span=(first[name], first[name] + 4)))
    folders = {name: make_folder(name, 4) for name in 'abc'}
    wrap = (
        (lambda cfg: cfg) if request.param == 'folder' else lambda cfg: dict(type='RepeatDataset', times=2, dataset=cfg)
    )
    return lambda name: DATASETS.build(wrap(folders[name].cfg()))


def test_sets_of_their_own_share_nothing(make):
    assert shared_files(dict(source=[make('a')], target=[make('b')], scored=[make('c')])) == []


def test_a_set_without_paths_shares_nothing():
    class Numbers(BaseDataset):
        def load_data_list(self):
            return [dict(number=number) for number in range(3)]

    sets = [Numbers()]
    assert shared_files(dict(source=sets, target=sets, scored=sets)) == []


@pytest.mark.parametrize(
    'sets, level, text',
    [
        (dict(source='a', target='a', scored='c'), 'warning', '4 of the 4 target images are source images too'),
        (dict(source='a', target='b', scored='a'), 'warning', 'images that were learned with their labels'),
        (dict(source='a', target='b', scored='b'), 'note', 'images that the adaptation sees without labels'),
    ],
)
def test_shared_images_are_named(make, sets, level, text):
    ((found, sentence),) = shared_files({use: [make(name)] for use, name in sets.items()})
    assert found == level
    assert text in sentence
