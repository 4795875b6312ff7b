"""Ten crops of an image."""

import numpy as np
import pytest
import torch

pytest.importorskip('mmpretrain')
transforms = pytest.importorskip('torchvision.transforms.functional')

from mmengine.registry import DefaultScope

from mmuda.datasets import DataError, TenCrop

PACK = [dict(type='mmpretrain.PackInputs')]


@pytest.fixture
def results():
    image = np.random.default_rng(0).integers(0, 256, (8, 11, 3), dtype=np.uint8)
    return dict(img=image, img_path='a.png', img_shape=(8, 11), ori_shape=(8, 11), gt_label=2)


@pytest.mark.parametrize('size', [5, (6, 4)])
def test_crops_are_torchvision_s(results, size):
    with DefaultScope.overwrite_default_scope('mmuda'):
        packed = TenCrop(size, PACK)(results)
    whole = torch.from_numpy(results['img']).permute(2, 0, 1)
    expected = transforms.ten_crop(whole, size)
    assert len(packed['inputs']) == len(packed['data_samples']) == 10
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(packed['inputs'], expected))
    assert [sample.flip for sample in packed['data_samples']] == [False] * 5 + [True] * 5
    assert all(sample.gt_label == 2 for sample in packed['data_samples'])
    assert results['img'].shape == (8, 11, 3)


def test_an_image_that_is_too_small(results):
    with pytest.raises(DataError, match=r"'a\.png' has 11×8 pixels here, but TenCrop cuts 9×9: put a larger Resize"):
        TenCrop(9, PACK)(results)
