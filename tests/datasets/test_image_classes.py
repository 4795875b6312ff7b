"""The classes of images are those of the data lists, through mmengine's wrappers, and no image is read."""

import numpy as np
import pytest
from mmengine.dataset import BaseDataset, ConcatDataset, RepeatDataset

from mmuda.datasets import DataError
from mmuda.datasets.image_classes import image_classes


class Listed(BaseDataset):
    """One that cannot load anything."""

    METAINFO = dict(classes=tuple('abc'))

    def __init__(self, *labels):
        self.labels = labels
        super().__init__()

    def load_data_list(self):
        return [dict(gt_label=label) for label in self.labels]

    def prepare_data(self, idx):
        raise AssertionError('an image was read')


def test_sets_follow_each_other_and_wrappers_are_seen_through():
    parts = [Listed(2, 0), ConcatDataset([Listed(1), Listed([0])]), RepeatDataset(Listed(2, 1), 2)]
    assert image_classes(parts, ['a', 'b', 'c']).tolist() == [2, 0, 1, 0, 2, 1, 2, 1]
    assert image_classes([Listed(np.int64(2))], ['a'], 3).tolist() == [2]


def test_what_has_no_single_class_is_named():
    with pytest.raises(DataError, match=r'beta knows 2 classes of its image 1, .* mmuda\.FolderClassification'):
        image_classes([Listed(1), Listed(0, [1, 2])], ['alpha', 'beta'])
    with pytest.raises(DataError, match='alpha has an image of class 3, but classes are from 0 to 2: check'):
        image_classes([Listed(1), Listed(1, 3)], ['beta', 'alpha'], 3)
    with pytest.raises(DataError, match='image of class -1'):
        image_classes([Listed(-1)], ['alpha'])
