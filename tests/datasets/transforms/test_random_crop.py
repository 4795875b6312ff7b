"""The crops are mmseg's, draw by draw."""

import numpy as np
import pytest

pytest.importorskip('mmseg')

from mmseg.datasets.transforms import RandomCrop as MMSegRandomCrop

from mmuda.datasets import DataError, RandomCrop


def scene(seed, shape=(40, 60), dtype=np.uint8):
    """A large class, a small one and ignored pixels, so that some crops are refused."""
    rng = np.random.default_rng(seed)
    label = np.zeros(shape, dtype)
    label[rng.integers(5, 30) :, rng.integers(5, 40) :] = 7
    label[:, :9] = 255
    return dict(img=rng.integers(0, 256, (*shape, 3), np.uint8), gt_seg_map=label, seg_fields=['gt_seg_map'])


@pytest.mark.parametrize('dtype', [np.uint8, np.int64])
@pytest.mark.parametrize(
    'options',
    [dict(), dict(cat_max_ratio=0.75), dict(cat_max_ratio=0.5), dict(cat_max_ratio=0.75, ignore_index=0)],
    ids=str,
)
@pytest.mark.parametrize('crop_size', [16, (24, 32), (50, 20)], ids=str)
def test_crops_are_mmsegs_to_the_pixel(crop_size, options, dtype):
    drawn = set()
    for seed in range(25):
        results, after = [], []
        for kind in (RandomCrop, MMSegRandomCrop):
            np.random.seed(seed)
            results.append(kind(crop_size, **options)(scene(seed, dtype=dtype)))
            after.append(np.random.randint(1 << 30))
        assert after[0] == after[1]  # as many draws
        assert results[0].keys() == results[1].keys()
        for key in ('img', 'gt_seg_map', 'img_shape'):
            np.testing.assert_array_equal(results[0][key], results[1][key])
        drawn.add(after[0])
    assert len(drawn) > 1


def test_what_it_refuses():
    with pytest.raises(DataError, match='RandomCrop has crop_size=0: give a height and a width of 1 pixel'):
        RandomCrop(0)
