"""A value that means nothing is an error where it is given, in every sampler, data set, hook, loop and schedule."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mmuda.datasets import Digits, DomainDataset, FolderClassification, FolderSegmentation
from mmuda.datasets.samplers import DomainSampler, RareClassSampler
from mmuda.engine.hooks import ACDAHook, AdaBNHook, MeanTeacherHook, TrainInfoHook
from mmuda.engine.runners import MeanTeacherValLoop, ResumableTrainLoop
from mmuda.engine.schedulers import EpochCosineLR, InverseDecayLR
from mmuda.models.terms import ACDA, CDAN, DANN, MCD, MDD

TWO_DOMAINS = SimpleNamespace(sizes=[4, 4], num_sources=1, datasets=[None])


def optimizer():
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)


@pytest.mark.parametrize(
    'make, name, value',
    [
        (lambda **kw: DomainSampler(TWO_DOMAINS, **kw), 'seed', -1),
        (lambda **kw: DomainSampler(TWO_DOMAINS, **kw), 'epoch', 'some'),
        (lambda **kw: DomainSampler(TWO_DOMAINS, **kw), 'ratio', (0, 1)),
        (lambda **kw: RareClassSampler(TWO_DOMAINS, **kw), 'temperature', 0),
        (lambda **kw: RareClassSampler(TWO_DOMAINS, **kw), 'temperature', -1),
        (lambda **kw: RareClassSampler(TWO_DOMAINS, **kw), 'min_pixels', -1),
        (lambda **kw: RareClassSampler(TWO_DOMAINS, **kw), 'nproc', 0),
        (lambda **kw: DomainDataset([None], **kw), 'ignore_index', -1),
        (lambda **kw: DomainDataset([None], **kw), 'ignore_index', 256),
        (lambda **kw: DomainDataset([None], **kw), 'rare_class_retries', -1),
        (lambda **kw: DomainDataset([None], **kw), 'rare_class_min_pixels', -1),
        (lambda **kw: DomainDataset([None], **kw), 'rare_class_ratio', -1),
        (lambda **kw: ACDAHook(**{'pretrain': 0, 'interval': 1, **kw}), 'pretrain', -1),
        (lambda **kw: ACDAHook(**{'pretrain': 0, 'interval': 1, **kw}), 'interval', 0),
        (lambda **kw: ACDAHook(0, 1, **kw), 'distance', 0),
        (lambda **kw: ACDAHook(0, 1, **kw), 'min_per_class', 0),
        (lambda **kw: ACDAHook(0, 1, **kw), 'max_iters', 0),
        (lambda **kw: ACDAHook(0, 1, **kw), 'stop_change', -0.1),
        (lambda **kw: ACDAHook(0, 1, **kw), 'tolerance', -0.1),
        (lambda **kw: AdaBNHook(**kw), 'interval', 0),
        (lambda **kw: AdaBNHook(1, **kw), 'num_batches', 0),
        (MeanTeacherHook, 'momentum', 0),
        (MeanTeacherHook, 'momentum', 1.5),
        (TrainInfoHook, 'interval', 0),
        (lambda **kw: ResumableTrainLoop(None, {}, **kw), 'max_iters', 0),
        (lambda **kw: ResumableTrainLoop(None, {}, **kw), 'max_epochs', -3),
        (lambda **kw: ResumableTrainLoop(None, {}, max_iters=1, **kw), 'val_interval', 0),
        (lambda **kw: ResumableTrainLoop(None, {}, max_iters=1, **kw), 'val_begin', -1),
        (lambda **kw: MeanTeacherValLoop(None, {}, {}, **kw), 'networks', ('studnt',)),
        (lambda **kw: MeanTeacherValLoop(None, {}, {}, **kw), 'networks', ()),
        (lambda **kw: EpochCosineLR(optimizer(), **kw), 'epochs', 0),
        (lambda **kw: InverseDecayLR(optimizer(), horizon=9, **kw), 'alpha', -1),
        (lambda **kw: InverseDecayLR(optimizer(), horizon=9, **kw), 'beta', -1),
        (lambda **kw: InverseDecayLR(optimizer(), **kw), 'horizon', 0),
        (lambda **kw: DANN(8, **kw), 'ramp_steps', 0),
        (lambda **kw: DANN(8, **kw), 'ramp_gamma', -1),
        (lambda **kw: CDAN(8, 3, **kw), 'ramp_gamma', 0),
        (lambda **kw: MDD(8, 3, **kw), 'ramp_gamma', 0),
        (lambda **kw: MDD(8, 3, **kw), 'high', -0.1),
        (lambda **kw: MCD(**kw), 'high', 0),
        (lambda **kw: MCD(**kw), 'ramp_gamma', -1),
        (lambda **kw: ACDA(('a', 'b'), (8, 8), ('n',), **kw), 'start_step', -1),
        (lambda **kw: ACDA(('a', 'b'), (8, 8), ('n',), **kw), 'temperature', 0),
    ],
)
def test_a_value_out_of_range_is_named(make, name, value):
    with pytest.raises(ValueError) as info:
        make(**{name: value})
    assert f'{name}={value!r}' in str(info.value)


@pytest.fixture
def digits(tmp_path):
    """A folder with a few digits."""
    np.savez(tmp_path / 'digits.npz', x=np.zeros((10, 28, 28), np.uint8), y=np.arange(10))
    return tmp_path


@pytest.mark.parametrize(
    'name, value',
    [('channels', 2), ('span', (5, 3)), ('sample', 0), ('sample', 11), ('per_class', 2), ('image_key', 'z')],
)
def test_a_choice_of_digits_that_cannot_be_made(digits, name, value):
    with pytest.raises(ValueError, match=rf'digits|{name}'):
        Digits('digits.npz', data_root=str(digits), **{name: value})


@pytest.mark.parametrize('kind', [FolderSegmentation, FolderClassification])
def test_a_misspelt_prefix(kind, tmp_path):
    with pytest.raises(
        ValueError, match=rf"{kind.__name__} has the key 'img_pth' in its data_prefix: it takes img_path"
    ):
        kind(data_root=str(tmp_path), data_prefix=dict(img_pth='images'))
    with pytest.raises(ValueError, match=rf"{kind.__name__} has no 'img_path' in its data_prefix"):
        kind(data_root=str(tmp_path), data_prefix={})
