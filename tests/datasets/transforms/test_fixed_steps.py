"""The fixed steps of a pipeline, and the step that stands for them."""

import cv2
import numpy as np
import pytest

from mmuda.datasets import DataError
from mmuda.datasets.class_map import identity_table
from mmuda.datasets.prepared_files import PreparedFiles, State
from mmuda.datasets.transforms import LoadIgnoreLabel
from mmuda.datasets.transforms.fixed_steps import FixedSteps, LoadPrepared
from mmuda.datasets.transforms.loading import LoadStoredLabel
from mmuda.registry import TRANSFORMS

LOAD, LABEL = dict(type='mmuda.LoadImage'), dict(type='mmuda.LoadLabel')
RESIZE = dict(type='mmseg.Resize', scale=(24, 16))
CROP = dict(type='mmuda.RandomCrop', crop_size=(8, 8))


def fixed(*steps):
    return FixedSteps.of([TRANSFORMS.build(step) for step in steps])


def names(steps: FixedSteps) -> list:
    return [type(step).__name__ for step in (steps.image, steps.label, steps.resize)]


@pytest.mark.parametrize(
    'steps, taken, rest',
    [
        ([LOAD, LABEL, RESIZE, CROP], ['LoadImage', 'LoadLabel', 'Resize'], 1),
        ([LOAD, RESIZE, LABEL, CROP], ['LoadImage', 'NoneType', 'Resize'], 2),
        ([LOAD, CROP, RESIZE], ['LoadImage', 'NoneType', 'NoneType'], 2),
        ([LOAD, RESIZE, RESIZE], ['LoadImage', 'NoneType', 'Resize'], 1),
        ([LOAD, dict(type='RandomResize', scale=(8, 8)), CROP], ['LoadImage', 'NoneType', 'NoneType'], 2),
        ([LOAD, dict(type='Resize', scale_factor=0.5)], ['LoadImage', 'NoneType', 'NoneType'], 1),
    ],
)
def test_what_draws_nothing_is_taken(steps, taken, rest):
    found = fixed(*steps)
    assert names(found) == taken
    assert len(found.rest) == rest


def test_a_step_of_another_library_may_draw():
    class Resize(type(TRANSFORMS.build(RESIZE))):
        pass

    Resize.__module__ = 'someone.else'
    assert FixedSteps.of([TRANSFORMS.build(LOAD), Resize(scale=(4, 4))]).resize is None


@pytest.mark.parametrize('steps', [[], [CROP]])
def test_what_begins_otherwise_is_refused(steps):
    with pytest.raises(DataError, match=r'begins with (nothing|RandomCrop), and only what .*LoadImage.* can be prep'):
        fixed(*steps)


@pytest.mark.parametrize('changes', [dict(scale=(24, 17)), dict(keep_ratio=True), dict(interpolation='area')])
def test_settings_tell_pixels_apart(changes):
    assert fixed(LOAD, RESIZE).image_settings() != fixed(LOAD, dict(RESIZE, **changes)).image_settings()
    table = identity_table(3)
    labels = [fixed(LOAD, LABEL, one).label_settings(table) for one in (RESIZE, dict(RESIZE, **changes))]
    assert (labels[0] == labels[1]) == ('interpolation' in changes)
    assert labels[0] != fixed(LOAD, LABEL, RESIZE).label_settings(identity_table(4))


@pytest.fixture
def sample(tmp_path):
    """An image and its label map of 30×20 pixels."""
    rng = np.random.default_rng(0)
    paths = {key: str(tmp_path / key / 'x.png') for key in ('img_path', 'seg_map_path')}
    for path, pixels in zip(paths.values(), (rng.integers(0, 256, (20, 30, 3)), rng.integers(0, 3, (20, 30)))):
        (tmp_path / path).parent.mkdir()
        assert cv2.imwrite(path, pixels.astype(np.uint8))
    return dict(paths, label_table=identity_table(3), num_classes=3, seg_fields=[])


def prepared(steps: FixedSteps, sample: dict, tmp_path) -> LoadPrepared:
    """The step, once the files of a sample are written."""
    done, places = steps(dict(sample, seg_fields=[])), {}
    for kind, path, key in (('images', 'img_path', 'img'), ('labels', 'seg_map_path', 'gt_seg_map')):
        files = PreparedFiles(str(tmp_path / path), str(tmp_path / kind), kind, dict(version=1))
        if key in done:
            files.write(sample[path], done[key], done['ori_shape'], State.of(sample[path]))
            places[kind] = files
    return LoadPrepared(steps, places['images'], places.get('labels'))


@pytest.mark.parametrize('loaded', [[LOAD], [LOAD, LABEL], [dict(LOAD, color_type='grayscale', to_float32=True)]])
@pytest.mark.parametrize(
    'resized', [[], [RESIZE], [dict(RESIZE, keep_ratio=True)], [dict(RESIZE, interpolation='area')]]
)
def test_the_results_are_those_of_the_steps(sample, tmp_path, loaded, resized):
    steps = fixed(*loaded, *resized)
    expected = steps(dict(sample, seg_fields=[]))
    found = prepared(steps, sample, tmp_path)(dict(sample, seg_fields=[]))
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert np.array_equal(found[key], value), key
        assert type(found[key]) is type(value), key


def test_labels_that_lie_elsewhere_follow(sample, tmp_path):
    """A target's all-ignore map, and the labels of an earlier model: no file of the data set holds them."""
    image, resize = TRANSFORMS.build(LOAD), TRANSFORMS.build(RESIZE)
    stored = LoadStoredLabel({sample['img_path']: sample['seg_map_path']}, sample['label_table'], 3)
    for label in (LoadIgnoreLabel(), stored):
        steps = FixedSteps(image, label, resize, ())
        step = prepared(steps, sample, tmp_path)
        expected = steps(dict(sample, seg_fields=[]))
        found = LoadPrepared(steps, step.images, None)(dict(sample, seg_fields=[]))
        assert np.array_equal(found['gt_seg_map'], expected['gt_seg_map'])
        assert found['seg_fields'] == ['gt_seg_map']
