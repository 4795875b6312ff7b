"""Images that are prepared together are those that the host prepares one by one."""

import pytest
import torch

pytest.importorskip('mmpretrain')

from mmpretrain.models.utils.data_preprocessor import ClsDataPreprocessor

from mmuda.models.data_preprocessors import stacking

NORM = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])


@pytest.mark.parametrize('sizes', [(8, 8), (8, 6)])
def test_mmpretrains_preprocessor(sizes):
    host = ClsDataPreprocessor(**NORM, to_rgb=True)
    images = [torch.randint(0, 256, (3, size, size), dtype=torch.uint8) for size in sizes]
    wanted = host(dict(inputs=images), training=True)['inputs']
    assert torch.equal(stacking.prepare(host, dict(inputs=images))['inputs'], wanted)
