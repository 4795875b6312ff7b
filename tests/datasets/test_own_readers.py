"""Which stock steps of a pipeline give way to ours, and which stay."""

import numpy as np
import pytest
import tifffile
from mmcv.transforms import LoadImageFromFile
from PIL import Image

from mmuda.datasets import DataError, FolderClassification, LoadImage
from mmuda.datasets.own_readers import is_image_loader, use_own_readers
from mmuda.registry import DATASETS


@pytest.mark.parametrize(
    'step, own',
    [
        (dict(type='LoadImageFromFile'), dict(type='mmuda.LoadImage')),
        (dict(type=LoadImageFromFile, to_float32=True), dict(type='mmuda.LoadImage', to_float32=True)),
        (
            dict(type='mmcv.LoadImageFromFile', imdecode_backend='cv2', color_type='grayscale'),
            dict(type='mmuda.LoadImage', color_type='grayscale'),
        ),
        (dict(type='mmseg.LoadAnnotations', backend_args=None), dict(type='mmuda.LoadLabel', backend_args=None)),
        (dict(type='LoadImageFromFile', imdecode_backend='tifffile'), None),
        (dict(type='LoadImageFromFile', color_type='color_ignore_orientation'), None),
        (dict(type='LoadAnnotations', reduce_zero_label=True), None),
        (dict(type='mmseg.LoadSingleRSImageFromFile'), None),
        (dict(type='RandomCrop', crop_size=(4, 4)), None),
    ],
)
def test_steps_that_ours_stand_for(step, own):
    own = step if own is None else own
    assert use_own_readers([step]) == [own]
    nested = dict(type='RandomChoice', transforms=[[dict(step)], (dict(step),)])
    assert use_own_readers(nested) == dict(nested, transforms=[[own], (own,)])


def test_image_loaders_are_known():
    for kind in ('LoadImageFromFile', 'mmuda.LoadImage', LoadImage, 'mmseg.LoadSingleRSImageFromFile'):
        assert is_image_loader(kind)
    for kind in ('mmseg.LoadAnnotations', 'mmuda.LoadLabel', 'Resize', None):
        assert not is_image_loader(kind)


def test_a_stock_pipeline_under_our_data_sets_is_read_by_our_rules(make_folder, tmp_path):
    folder = make_folder('a', 1)
    stock = [dict(type='LoadImageFromFile'), dict(type='mmseg.LoadAnnotations')]
    labels = folder.root / 'labels' / '000.png'
    exif = Image.Exif()
    exif[274] = 3
    turned = np.asarray(Image.open(labels))[::-1, ::-1]
    Image.open(labels).save(labels, exif=exif)
    assert (DATASETS.build(folder.cfg(pipeline=stock))[0]['gt_seg_map'] == turned).all()
    Image.open(labels).convert('RGB').point(lambda value: value + 1).save(labels)
    with pytest.raises(DataError, match=r'has the value\(s\) 3'):
        DATASETS.build(folder.cfg(pipeline=stock))[0]
    (tmp_path / 'bands').mkdir()
    tifffile.imwrite(
        tmp_path / 'bands/x.tif', np.zeros((4, 4, 6), np.uint8), planarconfig='contig', photometric='minisblack'
    )
    with pytest.raises(DataError, match='no 8-bit colours'):
        FolderClassification(data_root=str(tmp_path / 'bands'), labelled=False, pipeline=stock[:1])[0]


@pytest.mark.parametrize('tag, right', [(6, (24, 20)), (3, (20, 24))])
def test_labels_fit_their_image_as_it_is_shown(make_folder, tag, right):
    folder = make_folder('a', 1)
    image = folder.root / 'images' / '000.png'
    exif = Image.Exif()
    exif[274] = tag
    Image.open(image).save(image, exif=exif)
    cfg = folder.cfg(pipeline=[dict(type='mmuda.LoadImage'), dict(type='mmuda.LoadLabel')])
    folder.label('000', np.zeros(right))
    loaded = DATASETS.build(cfg)[0]
    assert loaded['img'].shape[:2] == loaded['gt_seg_map'].shape == right
    folder.label('000', np.zeros(right[::-1]))
    with pytest.raises(
        DataError, match=rf'both must be equal \(the orientation tag {tag} of the image has been applied'
    ):
        DATASETS.build(cfg)[0]
