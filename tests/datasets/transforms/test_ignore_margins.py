"""Margins marked before the crop: they move with the image, reach the teacher's labels, and never touch a source's."""

import numpy as np
import pytest
import torch

pytest.importorskip('mmseg')

from mmuda.datasets import DataError, DomainDataset, IgnoreMargins, SampleIndex
from mmuda.models.tasks import build_task

PACK = dict(type='mmseg.PackSegInputs')
MARGINS = dict(top=2, bottom=6, left=3, right=1)
MOVES = [
    dict(type='mmseg.RandomCrop', crop_size=(12, 12)),
    dict(type='RandomFlip', prob=0.5),
    PACK,
]


@pytest.fixture
def images(make_folder):
    """A folder whose images say by their colours whether a pixel lies inside the margins."""
    folder = make_folder('a', 2)
    image = np.zeros((20, 24, 3), np.uint8)
    image[2:14, 3:23] = 200
    for number in range(2):
        folder.image(f'{number:03d}', image)
    return folder


def step(transforms=(PACK,), **margins):
    return dict(type='mmuda.IgnoreMargins', transforms=list(transforms), **(margins or MARGINS))


def test_marks_move_with_the_image(images):
    cfg = images.cfg()
    dataset = DomainDataset(cfg, dict(cfg, pipeline=[dict(type='mmuda.LoadImage'), step(MOVES)]))
    for seed in range(8):
        packed = dataset[SampleIndex(3, seed=seed)]
        sample, bright = packed['data_samples'], packed['inputs'].float().mean(0)
        inside = sample.valid_map.data[0]
        assert inside.shape == (12, 12)
        assert torch.equal(inside, bright == 200)
        assert (sample.gt_sem_seg.data == 255).all()
        assert torch.equal(build_task('segmentation').valid([sample], packed['inputs'][None])[0], inside)


@pytest.mark.parametrize('size, count', [((20, 24), 12 * 20), ((9, 24), 20)])
def test_margins_are_rows_and_columns_of_the_image_as_it_is(size, count):
    packed = IgnoreMargins([PACK], **MARGINS)(dict(img=np.zeros((*size, 3), np.uint8), img_path='a.png'))
    inside = packed['data_samples'].valid_map.data[0]
    assert inside.sum() == count
    assert inside[2 : size[0] - 6, 3:-1].all()


@pytest.mark.parametrize(
    'make, sentence',
    [
        (lambda: IgnoreMargins([PACK]), 'IgnoreMargins has top=0, bottom=0, left=0, right=0: give 0 or more'),
        (lambda: IgnoreMargins([PACK], top=-1), 'IgnoreMargins has top=-1'),
        (lambda: IgnoreMargins([PACK], top=9)(scene()), 'leaves nothing of an image of 8×8'),
        (lambda: IgnoreMargins([], top=1)(scene()), "end them with dict\\(type='mmseg.PackSegInputs'\\)"),
        (lambda: IgnoreMargins([PACK], top=1)(scene(gt_seg_map=np.zeros((8, 8)))), "'a.png' has some: put it into"),
    ],
    ids=['none', 'negative', 'all', 'no-pack', 'labelled'],
)
def test_what_is_refused(make, sentence):
    with pytest.raises(DataError, match=sentence):
        make()


def scene(**results):
    return dict(img=np.zeros((8, 8, 3), np.uint8), img_path='a.png', **results)
