"""The loading steps inside a pipeline."""

import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile

from mmuda.datasets import DataError, LoadIgnoreLabel, LoadImage, LoadLabel
from mmuda.registry import DATASETS


@pytest.fixture
def folder(make_folder):
    return make_folder('a', 2)


def load(folder):
    pipeline = [dict(type='mmuda.LoadImage'), dict(type='mmuda.LoadLabel')]
    return DATASETS.build(folder.cfg(pipeline=pipeline))[0]


def test_an_image_is_what_mmcv_loads(folder):
    path = folder.image('x', np.random.default_rng(0).integers(0, 256, (20, 24, 3)), '.jpg')
    ours, stock = LoadImage()(dict(img_path=str(path))), LoadImageFromFile()(dict(img_path=str(path)))
    assert (ours['img'] == stock['img']).all()
    assert ours['img_shape'] == stock['img_shape'] == ours['ori_shape'] == (20, 24)
    assert LoadImage(to_float32=True)(dict(img_path=str(path)))['img'].dtype == np.float32


def test_a_truncated_image_is_named(folder):
    path = folder.root / 'images' / '000.png'
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r'images/000\.png. is no complete image'):
        load(folder)


def test_a_truncated_label_is_named(folder):
    path = folder.root / 'labels' / '000.png'
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r'labels/000\.png. is no complete image'):
        load(folder)


def test_an_unknown_value_is_named(folder):
    folder.label('000', np.full((20, 24), 3))
    with pytest.raises(DataError, match=r'labels/000\.png. has the value\(s\) 3 outside the class map of 3 classes'):
        load(folder)


def test_unequal_sizes_are_named(folder):
    folder.label('000', np.zeros((24, 20)))
    with pytest.raises(DataError, match=r'labels/000\.png. has 20×24 pixels, but its image .*000\.png. has 24×20'):
        load(folder)


def test_a_stock_data_set_needs_the_stock_loader(folder):
    with pytest.raises(DataError, match=r'needs a data set that derives from mmuda\.FolderSegmentation'):
        LoadLabel()(dict(img_path='a', seg_map_path='b'))


def test_no_label_is_all_ignored():
    results = LoadIgnoreLabel()(dict(img=np.zeros((4, 6, 3))))
    assert (results['gt_seg_map'] == np.full((4, 6), 255)).all()
    assert results['seg_fields'] == ['gt_seg_map']
