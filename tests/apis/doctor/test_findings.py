"""Every fault of a data set is planted in a healthy one, and found with the sentence that says what to do."""

import shutil

import cv2
import numpy as np
import pytest
from mmcv.transforms import BaseTransform
from mmengine.config import Config
from PIL import Image

from mmuda.apis.doctor import find, read_roles, survey_roles, verdict
from mmuda.datasets import DataError
from mmuda.datasets.transforms import LoadImage
from mmuda.registry import DATASETS

from .conftest import CLASSES, picture

FAULTS = {
    'a truncated image': (
        lambda s: (s.root / 'source/images/1.png').write_bytes((s.root / 'source/images/1.png').read_bytes()[:200]),
        ('error', 'source', '1 of 4 images cannot be read', 'source/images/1.png'),
    ),
    'an image without a label': (
        lambda s: (s.root / 'source/labels/2.png').unlink(),
        ('error', 'source', '1 of 4 images have no label', '2.png'),
    ),
    'a folder that is not there': (
        lambda s: shutil.rmtree(s.root / 'target'),
        ('error', 'target', 'does not exist', 'target/images'),
    ),
    'a label of another size': (
        lambda s: s.label('val', 0, np.zeros((30, 40))),
        ('error', 'val', '40×30 pixels, its image 80×60', 'val/labels/0.png'),
    ),
    'ids outside the classes': (
        lambda s: s.label('source', 3, np.full((60, 80), 7)),
        ('error', 'source', 'no class: 7 (4,800 pixels)', 'source/labels/3.png'),
    ),
    'labels that are ignored': (
        lambda s: [s.label('source', n, np.full((60, 80), 255)) for n in range(4)],
        ('error', 'source', 'every pixel is ignored in all 4 label maps', 'class_map'),
    ),
    'labels that are mostly ignored': (
        lambda s: [
            s.label('source', n, np.where(np.arange(80) < 60, 255, np.arange(80) % 3)[None].repeat(60, 0))
            for n in range(4)
        ],
        ('warning', 'source', '75 % of all pixels in all 4 label maps are ignored', 'class_map'),
    ),
    'a class that no source shows': (
        lambda s: [s.label('source', n, columns(np.arange(80) % 2)) for n in range(4)],
        ('warning', 'source', "no pixel shows 'sky'", 'cannot be learned'),
    ),
    'a class that is scored and not learned': (
        lambda s: [s.label('source', n, columns(np.arange(80) % 2)) for n in range(4)],
        ('warning', 'val', "'sky' is scored here, and no source shows it", 'its score will be 0'),
    ),
    'scored pictures in the source': (
        lambda s: s.image('val', 2, picture(1)),
        ('warning', 'source and val', '1 of 4 pictures of val is also in source (1 equal to the pixel)', '1.png'),
    ),
    'target pictures in the source, resized': (
        lambda s: s.image('target', 2, Image.fromarray(picture(1)).resize((120, 90))),
        ('warning', 'source and target', '(1 resized or re-encoded)', 'the target then has labels'),
    ),
    'scored pictures in the target': (
        lambda s: s.image('val', 2, picture(101)),
        ('note', 'target and val', '1 of 4', 'the adaptation sees without labels'),
    ),
    'a picture twice, with two labels': (
        lambda s: s.image('source', 2, picture(1)),
        ('warning', 'source', '1 of 4 pictures is a copy of another', 'with another label'),
    ),
    'a picture twice': (
        lambda s: s.image('target', 2, picture(101)),
        ('note', 'target', '1 of 4 pictures is a copy of another', 'target/images/2.png'),
    ),
    'a turned image': (
        lambda s: s.image('target', 1, picture(101).swapaxes(0, 1), exif=turned()),
        ('note', 'target', '1 of 4 images is stored turned (EXIF)', 'read upright everywhere'),
    ),
    'values of 12 bits in files of 16': (
        lambda s: [s.tiff('target', n, picture(100 + n)[..., 0].astype(np.uint16) * 16) for n in range(4)],
        ('warning', 'target', '4 images of 16 bits are nearly black', 'target/images/0.tif', 'is 15 of 255'),
    ),
    'grey among colours': (
        lambda s: s.image('target', 1, picture(101)[..., 0]),
        ('note', 'target', 'several kinds: 3 RGB, 1 L', 'read as colour images'),
    ),
}


def columns(ids: np.ndarray) -> np.ndarray:
    """A label map [60, 80] with one id a column."""
    return np.repeat(ids[None], 60, 0)


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[274] = 6
    return exif


def findings(cfg) -> list:
    return find(survey_roles(read_roles(cfg), nproc=1))


def test_a_healthy_pair_has_no_findings(streets):
    assert findings(streets.cfg()) == []
    assert verdict([]).startswith('Ready: nothing was found')


@pytest.mark.parametrize('fault', FAULTS)
def test_a_fault_is_found(streets, fault):
    plant, (level, where, *texts) = FAULTS[fault]
    plant(streets)
    found = findings(streets.cfg())
    matching = [f for f in found if f.level == level and f.where == where and all(text in f.text for text in texts)]
    assert len(matching) == 1, found
    assert verdict(found).startswith(
        {'error': 'Not ready', 'warning': 'Ready, with', 'note': 'Ready: '}[found[0].level]
    )


def test_a_class_of_photographs_without_one_stops_a_training(tmp_path):
    for name in ('source/mug', 'target/mug'):
        (tmp_path / name).mkdir(parents=True)
        Image.fromarray(picture(0)).save(tmp_path / name / '0.png')
    part = dict(type='mmuda.FolderClassification', data_root=str(tmp_path), metainfo=dict(classes=['mug', 'bike']))
    source, target = (dict(part, data_prefix=dict(img_path=name)) for name in ('source', 'target'))
    cfg = Config(dict(train_dataloader=dict(dataset=dict(type='mmuda.DomainDataset', source=source, target=target))))
    (error,) = (finding for finding in findings(cfg) if finding.level == 'error')
    assert error.text.startswith('1 of 2 classes have no image in any source: bike')
    with pytest.raises(DataError, match='1 of 2 classes have no image in any source: bike'):
        DATASETS.build(cfg.train_dataloader.dataset)


def test_pixels_of_255_have_to_be_named_by_a_map(streets):
    streets.label('val', 3, np.full((60, 80), 255))
    found = findings(streets.cfg(class_map=dict(classes=list(CLASSES), map={'0': 0, '1': 1, '2': 2})))
    assert [finding.where for finding in found] == ['val']
    assert 'no class: 255 (4,800 pixels)' in found[0].text
    assert 'name them in `class_map` (`"255": "ignore"` for pixels without a class), or give' in found[0].text


def test_class_lists_in_another_order(streets):
    cfg = streets.cfg()
    cfg.val_dataloader.dataset.metainfo.classes = ['sky', 'car', 'road']
    found = findings(cfg)
    assert [(finding.level, finding.where) for finding in found] == [('error', 'val')]
    assert "class 0 is 'road' in the source set and 'sky' in the val set" in found[0].text


def test_a_val_set_takes_the_classes_of_the_source(streets):
    """Its folders lack one, which would give the other another number."""
    for n, name in enumerate(('shop/car', 'shop/road', 'camera', 'seen/road')):
        streets.image(name, 0, picture(n))
    shop, camera, seen = (
        dict(type='mmuda.FolderClassification', data_root=str(streets.root), data_prefix=dict(img_path=name))
        for name in ('shop', 'camera', 'seen')
    )
    train = dict(type='mmuda.DomainDataset', source=shop, target=camera)
    cfg = Config(dict(train_dataloader=dict(dataset=train), val_dataloader=dict(dataset=seen)))
    surveys = survey_roles(read_roles(cfg), nproc=1)
    assert dict(surveys[2].pixels) == {1: 1}
    assert [finding.level for finding in find(surveys)] == ['note']


def test_binary_masks_name_the_class_map_that_helps(streets):
    for role in ('source', 'val'):
        for n in range(4):
            streets.label(role, n, columns(np.arange(80) % 2) * 255)
    found = findings(streets.cfg(classes=['background', 'road']))
    assert [(f.level, f.where) for f in found[:2]] == [('error', 'source'), ('error', 'val')]
    class_map = dict(classes=['background', 'road'], map={'0': 'background', '255': 'road'})
    assert f'map={class_map["map"]}' in found[0].text
    assert findings(streets.cfg(classes=class_map['classes'], class_map=class_map)) == []


@pytest.mark.parametrize('value', [255, 7])
def test_masks_of_two_values_are_known_whatever_the_class_list(streets, value):
    """A value that is no class is named as such, and 255 would be ignored."""
    for n in range(4):
        streets.label('source', n, columns(np.arange(80) % 2) * value)
    first = findings(streets.cfg())[0]
    assert (first.level, first.where) == ('error', 'source')
    ignores = "255 means 'ignore', " if value == 255 else ''
    need = f"{ignores}masks of 0 and {value} need class_map=dict(classes=['road', 'NAME'], map={{'0': 'road', "
    assert need + f"'{value}': 'NAME'}})" in first.text


class LoadImageTwice(LoadImage):
    """Ours in another way."""


class LoadImageInAnotherWay(BaseTransform):
    """Of somebody else."""

    def transform(self, results):
        raise AssertionError('the doctor runs no pipeline')


@pytest.mark.parametrize(
    'step, kind, name',
    [
        (None, 'color', None),
        (dict(type=LoadImage, color_type='grayscale'), 'grayscale', None),
        (dict(type=LoadImageTwice), 'color', None),
        (dict(type='mmcv.LoadImageFromFile'), 'color', None),
        (dict(type='mmcv.LoadImageFromFile', color_type='grayscale'), 'grayscale', None),
        (dict(type='mmcv.LoadImageFromFile', imdecode_backend='tifffile'), 'unchanged', 'LoadImageFromFile'),
        (dict(type=LoadImageInAnotherWay), 'unchanged', 'LoadImageInAnotherWay'),
    ],
)
def test_what_a_loading_step_makes_of_a_file_is_known_or_said_to_be_not(streets, step, kind, name):
    """mmcv's own step loads what ours does."""
    surveys = survey_roles(read_roles(streets.cfg(pipeline=[step] if step else [])), nproc=1)
    assert {survey.color_type for survey in surveys} == {kind}
    notes = [finding.text for finding in find(surveys) if 'not examined' in finding.text]
    assert len(notes) == (len(surveys) if name else 0)
    assert all(text.startswith(f'images are loaded by the rules of {name}, which were not') for text in notes)


UNUSUAL = {
    'float16': picture(101).astype(np.float16),
    'float32': picture(101) / np.float32(255),
    'int32': picture(101)[..., 0].astype(np.int32),
    'uint32': picture(101).astype(np.uint32),
    'five bands': np.dstack([picture(101), picture(102)[..., :2]]),
}


@pytest.mark.parametrize('kind', UNUSUAL)
def test_an_image_is_read_as_the_pipeline_reads_it(streets, kind):
    streets.tiff('target', 1, UNUSUAL[kind])
    refused, *_ = findings(streets.cfg(pipeline=[dict(type='mmuda.LoadImage')]))
    assert (refused.level, refused.where) == ('error', 'target')
    assert '1 of 4 images cannot be read' in refused.text
    assert "color_type='unchanged'" in refused.text
    kept = findings(streets.cfg(pipeline=[dict(type='mmuda.LoadImage', color_type='unchanged')]))
    assert [(finding.level, finding.where) for finding in kept] == [('note', 'target')]
    assert 'several kinds: 3 RGB' in kept[0].text
    assert 'each keeps its bands' in kept[0].text


def test_one_number_in_other_colours(tmp_path):
    images = np.stack([cv2.resize(picture(seed)[..., 0], (28, 28)) for seed in range(60)])
    np.savez(tmp_path / 'day.npz', x=images, y=np.arange(60) % 10)
    np.savez(tmp_path / 'night.npz', x=255 - images // 2, y=np.arange(60) % 10)

    def cfg(first: int) -> Config:
        part = dict(type='mmuda.Digits', data_root=str(tmp_path), channels=3)
        source = dict(part, ann_file='day.npz', span=(0, 30))
        target = dict(part, ann_file='night.npz', span=(first, first + 30))
        return Config(
            dict(train_dataloader=dict(dataset=dict(type='mmuda.DomainDataset', source=source, target=target)))
        )

    (found,) = findings(cfg(0))
    assert found.level == 'warning'
    assert '30 pictures of the same number or name show the same thing' in found.text
    assert findings(cfg(30)) == []


def test_labels_of_the_target_are_not_read(streets):
    cfg = streets.cfg()
    cfg.train_dataloader.dataset.target.data_prefix.seg_map_path = 'nowhere'
    assert findings(cfg) == []
