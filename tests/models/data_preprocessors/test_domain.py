"""Sorting and checking before the host's preprocessor."""

import pytest
import torch
from mmseg.models import SegDataPreProcessor

from mmuda.domain import DomainBatch
from mmuda.models.data_preprocessors import DomainDataPreprocessor


def preprocess(size=(32, 32)):
    host = SegDataPreProcessor(mean=[1.0] * 3, std=[2.0] * 3, bgr_to_rgb=True, size=size, pad_val=0, seg_pad_val=255)
    return DomainDataPreprocessor(host)


@pytest.fixture
def preprocessor():
    return preprocess()


def test_training_batches_leave_as_source_then_target(preprocessor, domain_batch):
    data = domain_batch('tsts')
    source = data['inputs'][1]
    result = preprocessor(data, training=True)
    assert result['layout'] == DomainBatch(2, 2)
    assert [sample.domain for sample in result['data_samples']] == ['source', 'source', 'target', 'target']
    torch.testing.assert_close(result['inputs'][0], (source[[2, 1, 0]].float() - 1) / 2)


def test_evaluation_is_the_hosts_alone(preprocessor, domain_batch):
    data = domain_batch('ts')
    assert set(preprocessor(data)) == {'inputs', 'data_samples'}
    assert [sample.domain for sample in preprocessor(data)['data_samples']] == ['target', 'source']


def test_what_is_pinned_is_fetched_while_the_host_goes_on(preprocessor, domain_batch, monkeypatch):
    asked, to = [], torch.Tensor.to

    def record(tensor, *args, non_blocking=False, **kwargs):
        asked.append(non_blocking)
        return to(tensor, *args, non_blocking=non_blocking, **kwargs)

    monkeypatch.setattr(torch.Tensor, 'to', record)
    preprocessor(domain_batch('ts'), training=True)
    assert asked == [True] * 4  # images and label maps


@pytest.mark.parametrize(('domains', 'missing'), [('ss', 'target'), ('ttt', 'source')])
def test_a_batch_without_one_domain_is_refused(preprocessor, domain_batch, domains, missing):
    with pytest.raises(ValueError, match=f'batch of {len(domains)} samples has no {missing} image.*DomainSampler'):
        preprocessor(domain_batch(domains), training=True)


@pytest.mark.parametrize('size', [None, (40, 32)])
def test_images_smaller_than_the_crop_are_padded(domain_batch, size):
    """Without a size mmseg's preprocessor refuses every batch; here the largest image is one."""
    small, large = domain_batch('st', size=16), domain_batch('ts', size=32)
    batch = {key: [*small[key], *large[key]] for key in small}
    data = preprocess(size)(batch, training=True)
    assert data['inputs'].shape == (4, 3, *(size or (32, 32)))
    assert (data['data_samples'][0].gt_sem_seg.data[0, 16:] == 255).all()


def test_a_padded_size_below_the_crop_is_named(domain_batch):
    small, large = domain_batch('st', size=16), domain_batch('ts', size=32)
    with pytest.raises(ValueError, match=r'has 2 sizes of images, such as 32×32, and .* pads to size=\(24, 24\)'):
        preprocess((24, 24))({key: [*small[key], *large[key]] for key in small}, training=True)
