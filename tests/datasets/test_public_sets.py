"""The public sets: layouts, class lists, and real files where they are at hand."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from mmseg.datasets import CityscapesDataset as StockCityscapes

from mmuda.datasets import DataError
from mmuda.registry import DATASETS

LAYOUTS = {
    'GTADataset': ('images/00001.png', 'labels/00001_labelTrainIds.png'),
    'SYNTHIADataset': ('RGB/0000000.png', 'GT/LABELS/0000000_labelTrainIds.png'),
    'CityscapesDataset': (
        'leftImg8bit/train/ulm/ulm_000000_000019_leftImg8bit.png',
        'gtFine/train/ulm/ulm_000000_000019_gtFine_labelTrainIds.png',
    ),
}
PREFIXES = {
    'GTADataset': dict(img_path='images', seg_map_path='labels'),
    'SYNTHIADataset': dict(img_path='RGB', seg_map_path='GT/LABELS'),
    'CityscapesDataset': dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train'),
}


def write(root: Path, name: str) -> None:
    image, label = (root / part for part in LAYOUTS[name])
    for path, pixels in ((image, np.zeros((8, 10, 3))), (label, np.arange(80).reshape(8, 10) % 19)):
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), pixels.astype(np.uint8))


def build(root: Path, name: str):
    pipeline = [dict(type='mmuda.LoadImage'), dict(type='mmuda.LoadLabel')]
    return DATASETS.build(
        dict(type=f'mmuda.{name}', data_root=str(root), data_prefix=PREFIXES[name], pipeline=pipeline)
    )


@pytest.mark.parametrize('name', LAYOUTS)
def test_the_published_layout_is_found(tmp_path, name):
    write(tmp_path, name)
    dataset = build(tmp_path, name)
    assert set(dataset[0]['gt_seg_map'].ravel().tolist()) == set(range(19))
    assert dataset.metainfo['classes'] == StockCityscapes.METAINFO['classes']
    assert dataset.metainfo['palette'] == StockCityscapes.METAINFO['palette']


@pytest.mark.parametrize('name', LAYOUTS)
def test_unconverted_labels_are_said_to_be_missing(tmp_path, name):
    write(tmp_path, name)
    (tmp_path / LAYOUTS[name][1]).unlink()
    with pytest.raises(DataError, match=r'1 of 1 images have no label.*_labelTrainIds.*tools/dataset_converters'):
        build(tmp_path, name)


@pytest.mark.parametrize('name, count', [('CamVidDayDusk', 11), ('ToyStreets', 8)])
def test_every_class_has_a_colour_of_its_own(name, count):
    meta = DATASETS.get(f'mmuda.{name}').METAINFO
    assert len(set(meta['classes'])) == count
    assert len({tuple(colour) for colour in meta['palette']}) == count


def test_camvid_day_and_dusk(data_root):
    root = data_root / 'camvid_day_dusk'
    if not root.is_dir():
        pytest.skip(f'{root} is not there')
    sizes = {}
    for part in ('day/{}/train', 'day/{}/val', 'day/{}/test', 'dusk/{}/train'):
        prefix = dict(img_path=part.format('images'), seg_map_path=part.format('labels'))
        pipeline = [dict(type='mmuda.LoadImage'), dict(type='mmuda.LoadLabel')]
        cfg = dict(type='mmuda.CamVidDayDusk', data_root=str(root), data_prefix=prefix, pipeline=pipeline)
        dataset = DATASETS.build(cfg)
        sizes[part] = len(dataset)
        assert dataset[0]['gt_seg_map'].shape == (360, 480)
    assert list(sizes.values()) == [305, 101, 171, 62]
