"""Pseudo-labels from files follow the images of the target; what has none is one sentence."""

import unicodedata

import cv2
import numpy as np
import pytest
import torch

from mmuda.datasets import DataError, SampleIndex
from mmuda.registry import DATASETS

GEOMETRY = [
    dict(type='mmuda.LoadImage'),
    dict(type='mmuda.LoadLabel'),
    dict(type='mmseg.RandomCrop', crop_size=(16, 16)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg.PackSegInputs'),
]


PLACE = unicodedata.normalize('NFC', 'Tür')
STORED = unicodedata.normalize('NFD', 'Tür')
"""The same folder as macOS names it."""


@pytest.fixture
def target(make_folder, tmp_path):
    """Images whose blue says what the stored label is, in a sub-folder; true labels that say something else."""
    folder = make_folder('dusk', 0)
    (folder.root / 'images' / PLACE).mkdir()
    (tmp_path / 'round' / STORED).mkdir(parents=True)
    for number in range(3):
        label = np.random.default_rng(number).choice([0, 1, 2, 255], (20, 24))
        folder.image(f'{PLACE}/{number}', np.repeat(label[..., None], 3, 2), suffix='.png')
        assert cv2.imwrite(str(tmp_path / 'round' / STORED / f'{number}.png'), label)
    return folder


def build(make_folder, target, pseudo_labels, **changes):
    return DATASETS.build(
        dict(
            type='mmuda.DomainDataset',
            source=make_folder('day', 2).cfg(),
            target=target.cfg(pipeline=GEOMETRY, **changes),
            pseudo_labels=str(pseudo_labels),
        )
    )


def test_they_are_cropped_and_flipped_with_their_image(make_folder, target, tmp_path):
    dataset = build(make_folder, target, tmp_path / 'round')
    for number in range(3):
        for seed in range(4):
            packed = dataset[SampleIndex(2 + number, seed=seed)]
            sample = packed['data_samples']
            assert torch.equal(sample.gt_sem_seg.data[0], packed['inputs'][0].long())
            assert sample.stored_label
            assert sample.domain == 'target'
    assert 'stored_label' not in dataset[0]['data_samples']


def test_what_has_none_or_another_s_is_said(make_folder, target, tmp_path):
    stored = tmp_path / 'round' / STORED / '1.png'
    label = cv2.imread(str(stored), cv2.IMREAD_UNCHANGED)
    cv2.imwrite(str(stored), label[:5])
    with pytest.raises(DataError, match=r"The pseudo-label '.*1\.png' has 24×5 pixels, but its image .*24×20"):
        build(make_folder, target, tmp_path / 'round')[3]
    cv2.imwrite(str(stored), np.full_like(label, 7))
    folders = iter(('more', 'most', 'last'))
    source = lambda _, count: make_folder(next(folders), count)  # noqa: E731
    with pytest.raises(DataError, match=r'1\.png.* has the value\(s\) 7 outside the class map of 3 classes'):
        build(source, target, tmp_path / 'round')[3]
    stored.unlink()
    with pytest.raises(DataError, match=r"no label map of 1 of 3 target images, such as '.*1\.png' of '.*1\.png'"):
        build(source, target, tmp_path / 'round')
    with pytest.raises(DataError, match=r'takes the place of the target.s label loader, and its pipeline has none'):
        DATASETS.build(
            dict(
                type='mmuda.DomainDataset',
                source=source('', 1).cfg(),
                target=target.cfg(pipeline=[dict(type='mmuda.LoadImage'), dict(type='mmseg.PackSegInputs')]),
                pseudo_labels='anywhere',
            )
        )
