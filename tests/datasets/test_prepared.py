"""A data set that reads prepared files gives the samples of the originals; what does not fit is one sentence."""

import os
import shutil

import cv2
import numpy as np
import pytest
import torch

from mmuda.datasets import DataError, Digits, SampleIndex, prepared
from mmuda.datasets.checks import innermost
from mmuda.datasets.class_statistics import class_pixels
from mmuda.datasets.prepared import prepared_sets
from mmuda.datasets.preparing import prepare
from mmuda.registry import DATASETS

CLASSES = ['road', 'car', 'sky']
PIPELINE = [
    dict(type='mmuda.LoadImage'),
    dict(type='mmuda.LoadLabel'),
    dict(type='mmseg.Resize', scale=(36, 30)),
    dict(type='mmuda.RandomCrop', crop_size=(16, 16), cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg.PhotoMetricDistortion'),
    dict(type='mmseg.PackSegInputs'),
]


@pytest.fixture
def build(make_folder, tmp_path):
    """`build(prepared=None, **changes)`: a `DomainDataset` of two folders, whose target is joined of two halves."""
    day, dusk = make_folder('day', 4), make_folder('dusk', 3)

    def make(prepared=None, pipeline=PIPELINE, **changes):
        half = dusk.cfg(pipeline=pipeline)
        target = changes.pop('target', dict(type='ConcatDataset', datasets=[half, half]))
        source = dict(type='RepeatDataset', times=2, dataset=day.cfg(pipeline=pipeline))
        cfg = dict(type='mmuda.DomainDataset', source=source, target=target, **changes)
        return DATASETS.build(dict(cfg, prepared=prepared and str(tmp_path / prepared)))

    make.day, make.dusk = day, dusk
    return make


@pytest.fixture
def out(build, tmp_path):
    """The folder `out`, filled for both domains."""
    assert prepare(prepared_sets(build().datasets, str(tmp_path / 'out'))) == []
    return tmp_path / 'out'


def assert_same(found: dict, expected: dict) -> None:
    """Two packed samples, all of them."""
    assert torch.equal(found['inputs'], expected['inputs'])
    ours, theirs = found['data_samples'], expected['data_samples']
    assert ours.metainfo == theirs.metainfo
    assert set(ours.keys()) == set(theirs.keys())
    if 'gt_sem_seg' in theirs:
        assert torch.equal(ours.gt_sem_seg.data, theirs.gt_sem_seg.data)


def test_samples_are_those_of_the_originals(build, out):
    plain, fast = build(), build('out')
    assert len(fast) == len(plain) == 14
    for number in range(14):
        for seed in range(3):
            index = SampleIndex(number, seed=seed)
            assert_same(fast[index], plain[index])


def test_crops_of_a_rare_class_are_drawn_again_alike(build, out):
    plain, fast = (build(prepared, rare_class_min_pixels=90) for prepared in (None, 'out'))
    for seed in range(6):
        index = SampleIndex(1, seed=seed, rare_class=2)
        assert_same(fast[index], plain[index])


def test_originals_are_not_opened(build, out):
    fast = build('out')
    for part in innermost(fast.datasets[0]):
        for number in range(len(part)):
            info = part.get_data_info(number)
            for path in (info['img_path'], info['seg_map_path']):
                status = os.stat(path)
                with open(path, 'wb') as file:
                    file.write(b'\0' * status.st_size)
                os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert fast[SampleIndex(0, seed=0)]['inputs'].shape == (3, 16, 16)


def test_statistics_count_the_originals(build, out):
    plain, fast = (innermost(build(prepared).datasets[0])[0] for prepared in (None, 'out'))
    assert (class_pixels(fast) == class_pixels(plain)).all()
    assert class_pixels(fast).sum() == 4 * 20 * 24


def test_labels_of_an_earlier_model_follow(build, out, tmp_path):
    (tmp_path / 'round').mkdir()
    for number in range(3):
        label = np.random.default_rng(number).choice([0, 1, 2, 255], (20, 24)).astype(np.uint8)
        assert cv2.imwrite(str(tmp_path / 'round' / f'{number:03d}.png'), label)
    changes = dict(target=build.dusk.cfg(pipeline=PIPELINE), pseudo_labels=str(tmp_path / 'round'))
    plain, fast = build(**changes), build('out', **changes)
    for seed in range(4):
        sample = fast[SampleIndex(9, seed=seed)]
        assert_same(sample, plain[SampleIndex(9, seed=seed)])
        assert sample['data_samples'].stored_label


def test_labels_of_other_classes_are_refused(build, out):
    other = dict(classes=CLASSES, map={'0': 1, '1': 0, '2': 2, '255': 'ignore'})
    day = build.day.cfg(pipeline=PIPELINE, metainfo=None, class_map=other)
    with pytest.raises(DataError, match=r"The labels in '.*out/day/labels' were prepared with classes=\w+, but this"):
        DATASETS.build(dict(type='mmuda.DomainDataset', source=day, prepared=str(out)))


def test_another_size_is_refused(build, out):
    larger = [*PIPELINE[:2], dict(type='mmseg.Resize', scale=(72, 60)), *PIPELINE[3:]]
    with pytest.raises(
        DataError, match=r"The images in '.*out/day/images' were prepared with resize={'scale': \[36, 30"
    ):
        build('out', pipeline=larger)


def test_missing_files_are_counted(build, out):
    shutil.rmtree(out / 'dusk' / 'images', ignore_errors=False)
    with pytest.raises(DataError, match=r"'.*out/dusk/images' holds no prepared images of '.*dusk/images'"):
        build('out')


def test_one_missing_file_is_named(build, out):
    (out / 'day' / 'labels' / '002.png.npy').unlink()
    with pytest.raises(DataError, match=r'1 of 8 prepared files of FolderSegmentation \(.*day\) are missing, such as '):
        build('out')


@pytest.mark.parametrize('kind', ['images', 'labels'])
def test_an_original_that_was_edited_is_named_before_the_first_step(build, out, kind):
    path = build.day.root / kind / '002.png'
    path.write_bytes(path.read_bytes()[::-1])  # of the same size
    with pytest.raises(
        DataError, match=rf"1 of 8 prepared files of FolderSegmentation .* are damaged, or of .*{kind}/002\.png'"
    ):
        build('out')


def test_a_damaged_file_is_named_before_the_first_step(build, out):
    os.truncate(out / 'day' / 'labels' / '002.png.npy', 99)
    with pytest.raises(DataError, match=r"1 of 8 prepared files .* damaged, .*labels/002\.png': run tools/pre"):
        build('out')


def test_a_copy_of_the_data_serves_and_is_said(build, out, monkeypatch):
    said = []
    monkeypatch.setattr(prepared, 'log_once', said.append)
    expected = build('out')[SampleIndex(0, seed=0)]
    assert said == []
    for path in build.day.root.rglob('*.png'):
        os.utime(path, ns=(1, 1))
    assert_same(build('out')[SampleIndex(0, seed=0)], expected)
    assert [text.split(' have another time')[0] for text in said] == [
        f'8 files of FolderSegmentation ({build.day.root})'
    ]
    said.clear()
    assert prepare(prepared_sets(build().datasets, str(out))) == []
    assert_same(build('out')[SampleIndex(0, seed=0)], expected)
    assert said == []


def test_two_roots_of_one_name_are_refused(make_folder, tmp_path):
    parts = [make_folder(f'{place}/street', 1).cfg(pipeline=PIPELINE) for place in 'ab']
    with pytest.raises(
        DataError, match=r"'.*a/street/images' and '.*b/street/images' would both be prepared in '.*out/st"
    ):
        prepared_sets([DATASETS.build(part) for part in parts], str(tmp_path / 'out'))


def test_two_sizes_in_one_folder_are_refused(build, tmp_path):
    smaller = [*PIPELINE[:2], dict(type='mmseg.Resize', scale=(18, 15)), *PIPELINE[3:]]
    parts = [DATASETS.build(build.day.cfg(pipeline=pipeline)) for pipeline in (PIPELINE, smaller)]
    with pytest.raises(DataError, match='were prepared with resize='):
        prepared_sets(parts, str(tmp_path / 'out'))


def test_the_folder_of_the_originals_is_refused(build, tmp_path):
    with pytest.raises(DataError, match=r"'.*day/images' is the folder of the originals"):
        prepared_sets(build().datasets, str(tmp_path))


def test_a_folder_outside_of_the_data_root_has_its_own_name(build, tmp_path):
    prefix = dict(img_path=str(tmp_path / 'dusk' / 'images'))
    part = DATASETS.build(build.day.cfg(data_prefix=prefix, pipeline=[PIPELINE[0], *PIPELINE[2:3]]))
    assert prepared_sets([part], 'out')[0].images.folder == 'out/images'


@pytest.mark.parametrize(
    'steps, sentence',
    [
        (
            [dict(type='mmseg.LoadAnnotations')],
            r'FolderSegmentation .* cannot be prepared\. The pipeline begins with L',
        ),
        ([dict(PIPELINE[0], backend_args=dict(backend='local'))], 'with `backend_args` its images are no local files'),
    ],
)
def test_what_cannot_be_prepared(build, tmp_path, steps, sentence):
    part = DATASETS.build(build.day.cfg(pipeline=steps))
    with pytest.raises(DataError, match=sentence):
        prepared_sets([part], str(tmp_path / 'out'))


def test_an_array_has_nothing_to_prepare(tmp_path):
    np.savez(tmp_path / 'd.npz', x=np.zeros((2, 8, 8), np.uint8), y=np.arange(2))
    digits = Digits(data_root=str(tmp_path), ann_file='d.npz', image_key='x', label_key='y')
    with pytest.raises(DataError, match=r'Digits .* cannot be prepared\. The pipeline begins with nothing, and only'):
        prepared_sets([digits], 'out')
