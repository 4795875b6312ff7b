"""What is left out of mmseg's preparation of a batch changed no number."""

from copy import deepcopy

import pytest
import torch

pytest.importorskip('mmseg')

from mmseg.models import SegDataPreProcessor

from mmuda.compat import idle_work

NORM = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])


def stock(host, data, training):
    """mmseg's own preprocessing."""
    return vars(SegDataPreProcessor)['forward'].args[0](host, data, training)


@pytest.fixture
def together(monkeypatch):
    """How often a batch was prepared as one."""
    seen = []
    function = idle_work._prepare_maps
    monkeypatch.setattr(idle_work, '_prepare_maps', lambda *args: seen.append(1) or function(*args))
    return seen


@pytest.mark.parametrize(
    'options, at_once',
    [
        (dict(size=(32, 32)), True),
        (dict(size=(24, 32)), True),  # a size below that of the images pads nothing
        (dict(size_divisor=16), True),
        (dict(size=(32, 32), bgr_to_rgb=False), True),
        (dict(size=(32, 32), mean=None, std=None), True),
        (dict(size=(40, 32)), False),
        (dict(size_divisor=24), False),
    ],
    ids=str,
)
def test_mmsegs_preprocessor(together, domain_batch, options, at_once):
    host = SegDataPreProcessor(**dict(NORM, bgr_to_rgb=True, pad_val=0, seg_pad_val=255) | options)
    data = domain_batch('stts')
    wanted = stock(host, deepcopy(data), training=True)
    found = host(deepcopy(data), training=True)
    assert bool(together) == at_once
    assert torch.equal(found['inputs'], wanted['inputs'])
    for ours, theirs in zip(found['data_samples'], wanted['data_samples'], strict=True):
        assert ours.metainfo == theirs.metainfo
        assert torch.equal(ours.gt_sem_seg.data, theirs.gt_sem_seg.data)


@pytest.mark.parametrize('change', ['sizes', 'floats', 'augments'])
def test_what_is_left_to_mmseg(together, domain_batch, change):
    host = SegDataPreProcessor(**NORM, size=(32, 32), pad_val=0, seg_pad_val=255)
    data = domain_batch('st')
    if change == 'sizes':
        data = {key: value + domain_batch('s', size=16)[key] for key, value in data.items()}
    if change == 'floats':
        data['inputs'] = [x.double() for x in data['inputs']]
    if change == 'augments':
        host.batch_augments = lambda inputs, samples: (inputs + 1, samples)
    wanted = stock(host, deepcopy(data), training=True)['inputs']
    assert torch.equal(host(data, training=True)['inputs'], wanted)
    assert not together


def test_images_of_an_evaluation_are_mmseg_s(domain_batch):
    host = SegDataPreProcessor(**NORM, size=(32, 32))
    data = domain_batch('ss')
    assert torch.equal(host(deepcopy(data))['inputs'], stock(host, data, False)['inputs'])
